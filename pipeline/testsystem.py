"""A TEST system on this machine: database marked TEST, local CA with OCSP, CRL and TSA, mail sink, invented people.

Its data stands in samples/directory.toml. Passwords and keys are made anew for each system.
"""

from __future__ import annotations

import json
import secrets
import socket
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.passwords import hash_password
from delivery.seal_grants import sealed_subjects
from pipeline.electronic_seals import enter, read_electronic_seal
from records import access, api_keys, campaigns, directory, schema, seal_approvals, seals, series
from records.database import Database, legal_time
from records.errors import Refused
from records.store import Store, open_store
from signing.certificates import certificate_facts
from signing.keys import load_key
from signing.sm2_testfiles import ElectronicSealFiles, make_electronic_seal
from signing.testpki import LocalPki, make_pki, open_pki
from templates.catalogue import check_authority

#: The local CA that the demo and `./run up` share, so that each verifies what the other sealed.
SHARED_PKI = Path(__file__).resolve().parents[1] / "var" / "test-pki"
SAMPLES = Path(__file__).resolve().parents[1] / "samples"
_GRANTED_FOR = timedelta(days=3660)
_MOST_USES = 1_000_000
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
    """How to get in, as case system, as counterparties, as somebody of the authority; and where the mails are.

    The clerk is of the legal department; the leader approves uses of the seal.
    """

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
            "leader": vars(self.people["leader"]),
            "inspector": vars(self.people["inspector"]),
            "finance": vars(self.people["finance"]),
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
    ungranted: Collection[str] = (),
    electronic: bool = False,
) -> Access:
    """Make a TEST system in the empty folder `home` and write its settings; returns how to get in.

    `pki` is the folder of the local CA, made if need be (default: in `home`); `database_url` defaults to SQLite in
    `home`; `legal_now` is where the legal clock starts; `extra` are further settings. A standing approval covers
    everything that is sealed, case volumes too, but for the instruments `ungranted`: these wait for the leader. With
    `electronic` its seal has an electronic seal (GB/T 38540).
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
        seal_id, given = _fill(connection, world, facts, local, ungranted)
        keys = {seal_id: local.seals[mark["id"]].passphrase}
        if electronic:
            store = open_store((extra or {}).get("store_url", f"file://{home}/store"))
            files = make_electronic_seal(local.directory, mark["id"], mark["ring_text"], mark["second_line"])
            keys |= _add_electronic_seal(connection, store, seal_id, files)
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
    _write_settings(home, settings, keys)
    return Access(settings["public_url"], f"http://127.0.0.1:{ports.mail}", **given)


def _add_electronic_seal(
    connection: sa.Connection, store: Store, seal_id: str, files: ElectronicSealFiles
) -> dict[str, str]:
    """Register it; returns its id with the passphrase of its key."""
    key = f"pkcs8:{files.key}"
    ready = read_electronic_seal(files.seal.read_bytes(), key, files.passphrase, files.certificate)
    seal = seals.find(connection, seal_id)
    return {enter(connection, store, seal, "operator:test", ready, key): files.passphrase}


def _write_settings(home: Path, settings: dict[str, Any], keys: dict[str, str]) -> None:
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()]
    lines += ["", "[secrets]", *(f"{name} = {json.dumps(value)}" for name, value in keys.items())]
    file = home / "songda.toml"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n", "utf-8")


def _fill(
    connection: sa.Connection, world: dict[str, Any], facts: dict[str, Any], pki: LocalPki, ungranted: Collection[str]
) -> tuple[str, dict[str, Any]]:
    authority_id = facts["id"]
    directory.create_authority(connection, authority_id)
    revision = directory.propose_facts(connection, authority_id, facts, by="person:admin")
    directory.approve_facts(connection, authority_id, revision, by="person:clerk")
    mark = world["seal"]
    key = pki.seals[mark["id"]]
    seal_id = seals.register(
        connection,
        authority_id,
        issuer=mark["issuer"],
        ring_text=mark["ring_text"],
        second_line=mark["second_line"],
        key_uri=f"pkcs12:{key.pkcs12}",
        test=True,
        certificate=certificate_facts(load_key(f"pkcs12:{key.pkcs12}", key.passphrase).certificate),
    )
    people = {each["login"]: _person(connection, authority_id, each) for each in world["person"]}
    _grant(connection, seal_id, world["approver"], ungranted)
    year = day_of(legal_time(connection)).year
    for each in world["series"]:
        for of in (year, year + 1):
            series.create(connection, authority_id, each["kind"], of, each["pattern_zh"], each["pattern_en"])
    campaigns.add(connection, authority_id, REGISTRATION_CODE, f"{year + 1}-12-31", by="person:admin")
    client = api_keys.create_client(connection, authority_id, "TEST case system")
    return seal_id, {
        "api_key": api_keys.issue(connection, client, api_keys.SCOPES),
        "people": people,
        "counterparties": _counterparties(connection, authority_id, facts, world["counterparty"]),
    }


def _grant(connection: sa.Connection, seal_id: str, office: dict[str, str], ungranted: Collection[str]) -> None:
    """The leader may approve uses of the seal, and has given a standing approval for a while."""
    person = access.credentials(connection, office["login"])[0].subject
    zh, en, rule = (office[name] for name in ("role_zh", "role_en", "rule"))
    seals.add_approver(connection, seal_id, person.id, role_zh=zh, role_en=en, rule=rule, by="system")
    approver = seals.approver_of(connection, seal_id, person.id)
    assert approver is not None  # noqa: S101 - entered the line before
    covered = sealed_subjects() - set(ungranted) if ungranted else ()
    until = legal_time(connection) + _GRANTED_FOR
    seal_approvals.grant(
        connection, approver, instruments=covered, client_id=None, valid_until=until, most_uses=_MOST_USES, by="system"
    )


def _password() -> str:
    return secrets.token_urlsafe(12)


def _person(connection: sa.Connection, authority_id: str, each: dict[str, Any]) -> Login:
    login = Login(each["login"], _password())
    access.add_person(
        connection,
        authority_id,
        login=login.account,
        name=each["name"],
        roles=each["roles"],
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
        directory.create_counterparty(*of, credit_code=each.get("credit_code"), office=each.get("office"), **named)
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
