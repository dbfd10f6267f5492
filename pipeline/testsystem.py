"""A TEST system on this machine: database marked TEST, local CA with OCSP, CRL and TSA, mail sink, invented people.

Its data stands in samples/directory.toml. Passwords and keys are made anew for each system.
"""

from __future__ import annotations

import json
import secrets
import socket
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.passwords import hash_password
from records import access, api_keys, campaigns, directory, schema, series
from records.database import Database, legal_time
from records.errors import Refused
from signing.testpki import LocalPki, make_pki, open_pki
from templates.catalogue import check_authority

#: The local CA that the demo and `./run up` share, so that each verifies what the other sealed.
SHARED_PKI = Path(__file__).resolve().parents[1] / "var" / "test-pki"
SAMPLES = Path(__file__).resolve().parents[1] / "samples"
#: The code of the campaign that is open: rule R5, 000 annex 2.
REGISTRATION_CODE = "ses2018"
_LETTERS_SINCE = datetime(2018, 8, 14, tzinfo=UTC)


@dataclass(frozen=True)
class Ports:
    """Loopback ports of the processes of a TEST system."""

    web: int
    pki: int
    smtp: int
    mail: int


@dataclass(frozen=True)
class Login:
    """Account name and password of one person."""

    account: str
    password: str


@dataclass(frozen=True)
class Access:
    """How to get in: as case system, as counterparties, as clerk, as administrator; and where the mails are."""

    url: str
    mail_url: str
    api_key: str
    counterparties: dict[str, Login]
    people: dict[str, Login]

    def as_dict(self) -> dict[str, Any]:
        """As `var/access.json` holds it."""
        first = next(iter(self.counterparties.values()))
        return {
            "url": self.url,
            "api_key": self.api_key,
            "counterparty": vars(first),
            "clerk": vars(self.people["clerk"]),
            "administrator": vars(self.people["admin"]),
            "counterparties": {name: vars(login) for name, login in self.counterparties.items()},
            "mail_url": self.mail_url,
        }


def free_ports(preferred_web: int = 8000) -> Ports:
    """Free loopback ports; the web's preferred one if it is free."""
    held = [socket.socket() for _ in range(4)]
    try:
        try:
            held[0].bind(("127.0.0.1", preferred_web))
        except OSError:
            held[0].bind(("127.0.0.1", 0))
        for each in held[1:]:
            each.bind(("127.0.0.1", 0))
        return Ports(*(int(each.getsockname()[1]) for each in held))
    finally:
        for each in held:
            each.close()


def shared_ports(pki: Path, preferred_web: int = 8000) -> Ports:
    """Free ports, but the local CA's own if it was made before: its address stands in its certificates."""
    ports = free_ports(preferred_web)
    if not (pki / "pki.json").exists():
        return ports
    known = urlsplit(open_pki(pki).url).port
    return replace(ports, pki=known) if known else ports


def make_test_system(
    home: Path,
    ports: Ports,
    *,
    pki: Path | None = None,
    database_url: str = "",
    legal_now: datetime | None = None,
    extra: dict[str, Any] | None = None,
) -> Access:
    """Make a TEST system in the empty folder `home` and write its settings; returns how to get in.

    `pki` is the folder of the local CA, made if need be (default: in `home`); `database_url` defaults to SQLite in
    `home`; `legal_now` is where the legal clock starts; `extra` are further settings.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    world = tomllib.loads((SAMPLES / "directory.toml").read_text("utf-8"))
    facts = json.loads((SAMPLES / world["authority"]).read_text("utf-8"))
    if faults := check_authority(facts):
        raise Refused(faults)
    mark = world["seal"]
    subject = (mark["id"], mark["organisation"], mark["common_name"])
    local = make_pki(pki or home / "pki", f"http://127.0.0.1:{ports.pki}", [subject])
    url = database_url or f"sqlite:///{home}/songda.db"
    database = Database(url)
    schema.create(database, test=True, legal_now=legal_now)
    with database.write() as connection:
        seal_id, given = _fill(connection, world, facts, local)
    database.close()
    settings: dict[str, Any] = {
        "database_url": url,
        "public_url": f"http://127.0.0.1:{ports.web}",
        "port": ports.web,
        "trust_list": str(local.trust_list),
        "tsa_urls": [local.tsa_url],
        "smtp_port": ports.smtp,
        "mail_url": f"http://127.0.0.1:{ports.mail}",
        "mail_from": "songda@caac-north-china.test",
        **(extra or {}),
    }
    _write_settings(home, settings, {seal_id: local.seals[mark["id"]].passphrase})
    return Access(settings["public_url"], f"http://127.0.0.1:{ports.mail}", **given)


def _write_settings(home: Path, settings: dict[str, Any], keys: dict[str, str]) -> None:
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()]
    lines += ["", "[secrets]", *(f"{name} = {json.dumps(value)}" for name, value in keys.items())]
    file = home / "songda.toml"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n", "utf-8")


def _fill(
    connection: sa.Connection, world: dict[str, Any], facts: dict[str, Any], pki: LocalPki
) -> tuple[str, dict[str, Any]]:
    authority_id = facts["id"]
    directory.create_authority(connection, authority_id)
    revision = directory.propose_facts(connection, authority_id, facts, by="person:admin")
    directory.approve_facts(connection, authority_id, revision, by="person:clerk")
    mark = world["seal"]
    seal_id = directory.create_seal(
        connection,
        authority_id,
        ring_text=mark["ring_text"],
        second_line=mark["second_line"],
        key_uri=f"pkcs12:{pki.seals[mark['id']].pkcs12}",
        test=True,
    )
    year = day_of(legal_time(connection)).year
    for each in world["series"]:
        for of in (year, year + 1):
            series.create(connection, authority_id, each["kind"], of, each["pattern_zh"], each["pattern_en"])
    campaigns.add(connection, authority_id, REGISTRATION_CODE, f"{year + 1}-12-31", by="person:admin")
    client = api_keys.create_client(connection, authority_id, "TEST case system")
    return seal_id, {
        "api_key": api_keys.issue(connection, client, api_keys.SCOPES),
        "people": {each["login"]: _person(connection, authority_id, each) for each in world["person"]},
        "counterparties": _counterparties(connection, authority_id, facts, world["counterparty"]),
    }


def _password() -> str:
    return secrets.token_urlsafe(12)


def _person(connection: sa.Connection, authority_id: str, each: dict[str, str]) -> Login:
    login = Login(each["login"], _password())
    access.add_person(
        connection,
        authority_id,
        login=login.account,
        name=each["name"],
        role=each["role"],
        password_hash=hash_password(login.password),
    )
    return login


def _counterparties(
    connection: sa.Connection, authority_id: str, facts: dict[str, Any], entries: list[dict[str, Any]]
) -> dict[str, Login]:
    logins = {}
    for each in entries:
        of = (connection, authority_id, each["id"])
        named = {name: each[name] for name in ("kind", "name_zh", "name_en", "address_zh", "address_en")}
        directory.create_counterparty(*of, credit_code=each.get("credit_code"), **named)
        for contact in each.get("contacts", []):
            directory.add_contact(
                *of,
                name=contact["name"],
                department=contact["department"],
                mobile=contact.get("mobile"),
                email=contact["email"],
            )
        if "account" in each:
            login = logins[each["id"]] = Login(each["account"]["login"], _password())
            directory.add_account(
                *of,
                login=login.account,
                department=each["account"]["department"],
                password_hash=hash_password(login.password),
            )
        if each.get("letter"):
            directory.file_letter(
                *of,
                letter_version="局发明电〔2018〕2057号 附件1",
                system_name=facts["system"]["name"]["zh"],
                system_address=facts["system"]["address"],
                signed_on="2018-08-10",
                in_force_from=_LETTERS_SINCE,
            )
    return logins
