"""Setting up a production system: checked whole before anything is written, and TEST keys refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import day_of
from records import access, directory, documents, schema, seals, series
from records.database import Database, legal_time
from records.errors import Fault, Refused, Retry
from records.roles import ADMINISTRATOR
from records.store import Store, open_store
from signing.certificates import (
    Anchor,
    ChainChecker,
    TrustList,
    certificate_facts,
    is_test,
    name_of,
    read_certificates,
)
from signing.keys import SigningKey, load_key
from signing.revocation import RevocationCache

_SETTINGS: Final = "songda.toml"


@dataclass(frozen=True)
class SealPlan:
    """A seal and where its key is: `key_uri` and `secret` are address and secret as `load_key` takes them.

    `kind` is one of `seals.KINDS`; the validity is by the legal clock (aware); `picture` is a square one-page PDF.
    """

    ring_text: str
    second_line: str
    diameter_mm: float
    key_uri: str
    secret: str
    kind: str = seals.ENFORCEMENT
    name: str = ""
    issuer: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    picture: bytes | None = None
    picture_width_mm: float | None = None


@dataclass(frozen=True)
class Office:
    """In which office, and by which rule, the first administrator approves uses of the seal."""

    role_zh: str
    role_en: str
    rule: str


@dataclass(frozen=True)
class SeriesPlan:
    """A number series of the present year (Beijing); patterns carry `{year}` and `{n}`."""

    kind: str
    pattern_zh: str
    pattern_en: str


@dataclass(frozen=True)
class Plan:
    """Everything that a new production system begins with.

    `facts` are the authority's own, checked before; `settings` are further keys of songda.toml. `roots` and
    `intermediates` are certificate files (PEM or DER).
    """

    home: Path
    facts: Mapping[str, Any]
    settings: Mapping[str, Any]
    admin_login: str
    admin_name: str
    admin_password_hash: str
    seal: SealPlan
    series: Sequence[SeriesPlan]
    roots: Sequence[Path]
    intermediates: Sequence[Path]
    approver: Office | None = None
    admin_roles: Sequence[str] = (ADMINISTRATOR,)


@dataclass(frozen=True)
class Installed:
    """What was set up. `warnings` name what could not be checked just now."""

    seal_id: str
    person_id: str
    revision: int
    settings_file: Path
    warnings: tuple[str, ...]


def install(plan: Plan) -> Installed:
    """Set up a production system in `plan.home`.

    The facts are proposed, not approved: a second administrator does that. Raises Refused, Permanent (a key or a
    certificate that cannot be used) or Retry (a token that is away); then no settings were written and no row stored.
    """
    if (plan.home / _SETTINGS).exists():
        raise _refused("--home", "installed_already", f"{plan.home} has a {_SETTINGS}: there is a system already")
    for entry in plan.series:
        if "{n}" not in entry.pattern_zh or "{n}" not in entry.pattern_en:
            raise _refused("--series", "pattern", f"series {entry.kind}: a pattern needs {{n}}")
    key, warnings = check_seal_key(plan.seal, _trust(plan))
    return _install(plan, key, warnings)


def key_of(seal: SealPlan) -> SigningKey:
    """The seal's key, proved to sign, and closed again: what its certificate tells is wanted of it here.

    Raises Permanent or Retry when it cannot be used.
    """
    with closing(load_key(seal.key_uri, seal.secret)) as key:
        return key


def check_seal_key(seal: SealPlan, trust: TrustList) -> tuple[SigningKey, tuple[str, ...]]:
    """Load the key and check its certificate for a production system; returns it and what could not be checked now.

    Raises Refused for a TEST key, Permanent or Retry for one that cannot be used.
    """
    key = key_of(seal)
    if key.test:
        message = f"{name_of(key.certificate)} is a TEST certificate: a production system does not take it"
        raise _refused("--key", "test_key", message)
    try:
        ChainChecker(trust, RevocationCache()).check(key.certificate, key.chain)
    except Retry as error:
        return key, (f"whether the seal's certificate is revoked could not be checked: {error}",)
    return key, ()


def register_seal(
    connection: sa.Connection, store: Store, authority_id: str, seal: SealPlan, key: SigningKey, *, by: str
) -> str:
    """Enter the seal into the register, with its picture and the certificate that its key has now; returns its id."""
    picture = None
    if seal.picture is not None and seal.picture_width_mm is not None:
        picture = (store.put(seal.picture), seal.picture_width_mm)
        documents.record_artifact(connection, picture[0], len(seal.picture), "application/pdf")
    return seals.register(
        connection,
        authority_id,
        ring_text=seal.ring_text,
        second_line=seal.second_line,
        key_uri=seal.key_uri,
        test=key.test,
        name=seal.name,
        issuer=seal.issuer,
        kind=seal.kind,
        diameter_mm=seal.diameter_mm,
        picture=picture,
        certificate=certificate_facts(key.certificate),
        valid_from=seal.valid_from,
        valid_until=seal.valid_until,
        by=by,
    )


def _refused(field: str, code: str, message: str) -> Refused:
    return Refused([Fault(field, code, message)])


def _trust(plan: Plan) -> TrustList:
    """The trust list that is to be written. Raises Refused for a TEST certificate in it."""
    for path in (*plan.roots, *plan.intermediates):
        if any(is_test(certificate) for certificate in read_certificates(path)):
            raise _refused("--root", "test_root", f"{path} is a TEST certificate: a production system trusts none")
    today = datetime.now(UTC).date().isoformat()
    anchors = tuple(Anchor(each, str(path), today) for path in plan.roots for each in read_certificates(path))
    return TrustList(anchors, tuple(each for path in plan.intermediates for each in read_certificates(path)))


def _write_trust(plan: Plan) -> Path:
    """Copy the certificates into the home folder and list them there."""
    (plan.home / "trust").mkdir(parents=True, exist_ok=True, mode=0o700)
    names = {path: f"trust/{place}-{path.name}" for place, path in enumerate((*plan.roots, *plan.intermediates))}
    for path, name in names.items():
        (plan.home / name).write_bytes(path.read_bytes())
    today = datetime.now(UTC).date().isoformat()
    value = {
        "anchors": [{"file": names[path], "source": str(path), "obtained": today} for path in plan.roots],
        "intermediates": [names[path] for path in plan.intermediates],
    }
    file = plan.home / "trust.json"
    file.write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")
    return file


def _install(plan: Plan, key: SigningKey, warnings: tuple[str, ...]) -> Installed:
    url = str(plan.settings.get("database_url") or f"sqlite:///{plan.home}/songda.db")
    plan.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(url)
    store = open_store(str(plan.settings.get("store_url") or f"file://{plan.home}/store"))
    try:
        schema.create(database, test=False)
        with database.write() as connection:
            seal_id, person_id, revision = _fill(connection, plan, store, key)
            settings = {**plan.settings, "database_url": url, "trust_list": str(_write_trust(plan))}
            file = plan.home / _SETTINGS
            write_settings(file, settings, {seal_id: plan.seal.secret})
    except ValueError as error:
        raise _refused("--database-url", "test_database", str(error)) from error
    except sa.exc.IntegrityError as error:
        raise _refused("--database-url", "taken", f"the database holds this already: {error.orig}") from error
    except sa.exc.OperationalError as error:
        raise _refused("--database-url", "database", f"the database cannot be used: {error.orig}") from error
    finally:
        database.close()
    return Installed(seal_id, person_id, revision, file, warnings)


def _fill(connection: sa.Connection, plan: Plan, store: Store, key: SigningKey) -> tuple[str, str, int]:
    authority_id = str(plan.facts["id"])
    directory.create_authority(connection, authority_id)
    person_id = access.add_person(
        connection,
        authority_id,
        login=plan.admin_login,
        name=plan.admin_name,
        roles=plan.admin_roles,
        password_hash=plan.admin_password_hash,
    )
    revision = directory.propose_facts(connection, authority_id, plan.facts, person_id)
    seal_id = register_seal(connection, store, authority_id, plan.seal, key, by=person_id)
    if plan.approver is not None:
        seals.add_approver(connection, seal_id, person_id, **vars(plan.approver), by=person_id)
    year = day_of(legal_time(connection)).year
    for entry in plan.series:
        series.create(connection, authority_id, entry.kind, year, entry.pattern_zh, entry.pattern_en)
    return seal_id, person_id, revision


def write_settings(file: Path, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    """Write songda.toml, readable by its owner only: it holds the secrets of the keys."""
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()]
    lines += ["", "[secrets]", *(_secret_line(seal_id, secret) for seal_id, secret in secrets.items())]
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n", "utf-8")


def add_secret(file: Path, seal_id: str, secret: str) -> None:
    """Add the secret of another seal to songda.toml, whose last table is `[secrets]`."""
    text = file.read_text("utf-8") if file.exists() else ""
    if "\n[secrets]" not in f"\n{text}":
        text = text.rstrip("\n") + "\n\n[secrets]\n"
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(f"{text.rstrip()}\n{_secret_line(seal_id, secret)}\n", "utf-8")


def _secret_line(seal_id: str, secret: str) -> str:
    return f"{json.dumps(seal_id)} = {json.dumps(secret, ensure_ascii=False)}"
