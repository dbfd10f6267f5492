"""`songda init` and the commands that furnish a production system: two people, no TEST key, nothing half done."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from pipeline.cli import main
from pipeline.settings import load
from records.database import Database, is_test
from records.store import open_store
from tests.house import AUTHORITY, SAMPLES

FACTS = SAMPLES / "authorities" / f"{AUTHORITY}.json"
PASSWORD, SECOND, SECRET = "a long enough password", "another long password", "key secret"


def _certificate(name: str, key: Any, issuer: str, issuer_key: Any, ca: bool) -> x509.Certificate:
    def named(organisation: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)])

    now = datetime.now(UTC)
    usage = x509.KeyUsage(not ca, not ca, False, False, False, ca, ca, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(usage, critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


class Pki:
    """A root and a seal's key whose organisation is `name`."""

    def __init__(self, folder: Path, name: str) -> None:
        root_key, seal_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root = _certificate(f"{name} root", root_key, f"{name} root", root_key, ca=True)
        seal = _certificate(name, seal_key, f"{name} root", root_key, ca=False)
        folder.mkdir()
        self.root, self.key = folder / "root.pem", folder / "seal.p12"
        self.leaf = seal.public_bytes(serialization.Encoding.PEM)
        self.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        lock = serialization.BestAvailableEncryption(SECRET.encode())
        self.key.write_bytes(pkcs12.serialize_key_and_certificates(b"seal", seal_key, seal, None, lock))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki") / "real", "Example Administration")


class Commands:
    """Runs commands in this process; secrets come line by line from standard input."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.home, self._capsys, self._patch = home, capsys, patch

    def __call__(self, *words: str, lines: Sequence[str] = ()) -> tuple[int, Any]:
        self._patch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        code = main(["--home", str(self.home), "--json", *words, *(["--secrets-stdin"] if lines else [])])
        return code, json.loads(self._capsys.readouterr().out)

    def init(self, pki: Pki, *more: str, key: str = "") -> tuple[int, Any]:
        words = ["--authority", AUTHORITY, "--facts", str(FACTS), "--admin", "admin", "--admin-name", "周建国"]
        words += ["--key", key or f"pkcs12:{pki.key}", "--ring-text", "示例管理局", "--second-line", "行政执法专用章"]
        words += ["--root", str(pki.root), "--tsa", "http://127.0.0.1:9/tsa", "--public-url", "https://songda.example"]
        words += ["--series", "penalty-decision=罚〔{year}〕{n}号|Penalty [{year}] No. {n}"]
        return self("init", *words, *more, lines=[PASSWORD, SECRET])


@pytest.fixture
def songda(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    return Commands(tmp_path / "home", capsys, monkeypatch)


def test_init_makes_a_production_system_whose_settings_only_the_owner_reads(songda: Commands, real: Pki) -> None:
    code, value = songda.init(real)
    assert code == 0, value
    file = songda.home / "songda.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    settings = load(songda.home, {})
    assert settings.secrets == {value["seal_id"]: SECRET}
    assert settings.public_url == "https://songda.example"
    assert Path(settings.trust_list).exists()
    database = Database(settings.database_url)
    with database.read() as connection:
        assert not is_test(connection)
    database.close()
    assert songda("ledger", "verify")[0] == 0


def test_init_refuses_a_test_key_and_leaves_nothing(songda: Commands, real: Pki, tmp_path: Path) -> None:
    test = Pki(tmp_path / "pki", "Example TEST")
    code, value = songda.init(real, key=f"pkcs12:{test.key}")
    assert (code, value["error"]["code"]) == (2, "test_key")
    assert not songda.home.exists()


def test_init_refuses_a_test_root_and_leaves_nothing(songda: Commands, real: Pki, tmp_path: Path) -> None:
    test = Pki(tmp_path / "pki", "Example TEST")
    code, value = songda.init(real, "--intermediate", str(test.root))
    assert (code, value["error"]["code"]) == (2, "test_root")
    assert not songda.home.exists()


def test_init_refuses_a_key_that_leads_to_no_trusted_root(songda: Commands, real: Pki, tmp_path: Path) -> None:
    other = Pki(tmp_path / "pki", "Another Administration")
    code, value = songda.init(real, key=f"pkcs12:{other.key}")
    assert code == 2 and "no path to a root" in value["error"]["message"]
    assert not songda.home.exists()


def test_init_refuses_a_second_system_in_the_same_home(songda: Commands, real: Pki) -> None:
    assert songda.init(real)[0] == 0
    before = (songda.home / "songda.toml").read_bytes()
    code, value = songda.init(real)
    assert (code, value["error"]["code"]) == (2, "installed_already")
    assert (songda.home / "songda.toml").read_bytes() == before


def test_init_refuses_a_short_password_and_a_wrong_record_of_the_authority(
    songda: Commands, real: Pki, tmp_path: Path
) -> None:
    words = ["init", "--authority", AUTHORITY, "--admin", "a", "--admin-name", "b", "--key", "pkcs12:x"]
    words += ["--ring-text", "x", "--second-line", "y", "--root", str(real.root), "--tsa", "t", "--public-url", "u"]
    code, value = songda(*words, "--facts", str(FACTS), lines=["short", SECRET])
    assert (code, value["error"]["code"]) == (2, "password")
    wrong = tmp_path / "facts.json"
    wrong.write_text(json.dumps(json.loads(FACTS.read_text("utf-8")) | {"bank": {}, "x": 1}))
    code, value = songda(*words, "--facts", str(wrong), lines=[PASSWORD, SECRET])
    assert code == 2 and len(value["faults"]) > 1
    assert not songda.home.exists()


def test_the_first_administrator_acts_in_no_case_unless_that_is_asked_for(songda: Commands, real: Pki) -> None:
    assert songda.init(real, "--admin-role", "king")[0] == 2
    assert songda.init(real)[0] == 0
    assert [each["roles"] for each in songda("person", "list")[1]["people"]] == [["administrator"]]


def test_the_first_administrator_may_have_further_roles(songda: Commands, real: Pki) -> None:
    assert songda.init(real, "--admin-role", "legal", "--admin-role", "legal", "--admin-role", "leader")[0] == 0
    assert songda("person", "list")[1]["people"][0]["roles"] == ["administrator", "legal", "leader"]


def test_the_authoritys_facts_need_two_people_with_their_passwords(songda: Commands, real: Pki) -> None:
    revision = str(songda.init(real)[1]["revision_to_approve"])
    code, value = songda("authority", "approve", revision, "--by", "admin", lines=[PASSWORD])
    assert (code, value["error"]["code"]) == (2, "self_approval")
    words = ("person", "add", "--login", "second", "--name", "刘芳", "--role", "administrator", "--by", "admin")
    assert songda(*words, lines=["not the password", SECOND])[1]["error"]["code"] == "not_allowed"
    assert songda(*words, lines=[PASSWORD, SECOND])[0] == 0
    assert songda(*words, lines=[PASSWORD, SECOND])[1]["error"]["code"] == "taken"
    assert songda("authority", "approve", revision, "--by", "second", lines=[PASSWORD])[0] == 2
    assert songda("authority", "approve", "99", "--by", "second", lines=[SECOND])[1]["error"]["code"] == (
        "unknown_revision"
    )
    assert songda("authority", "approve", revision, "--by", "second", lines=[SECOND])[0] == 0
    code, value = songda("authority", "propose", str(FACTS), "--by", "second", lines=[SECOND])
    assert (code, value["revision"], value["approved"]) == (0, 2, False)


def test_the_register_the_case_system_and_its_keys_are_furnished(songda: Commands, real: Pki, tmp_path: Path) -> None:
    songda.init(real)
    names = ("--name-zh", "示例航空", "--name-en", "Example Air", "--address-zh", "北京", "--address-en", "Beijing")
    add = ("counterparty", "add", "air", "--kind", "legal_person", *names)
    assert songda(*add)[1]["error"]["field"] == "--credit-code"
    assert songda(*add, "--credit-code", "91110113MA0BF8AX2R")[1]["error"]["code"] == "credit_code_checksum"
    assert songda(*add, "--credit-code", "91110113MA0BF8AX2Q") == (0, {"counterparty": "air"})
    assert songda(*add, "--credit-code", "91110113MA0BF8AX2Q")[1]["error"]["code"] == "taken"
    contact = ("contact", "add", "air", "--name", "孙丽", "--department", "法律部")
    assert songda(*contact)[0] == 2
    assert songda(*contact, "--email", "a@b@c")[0] == 2
    assert songda(*contact, "--email", "legal@air-example.com")[0] == 0
    account = ("account", "add", "air", "--department", "法律部", "--login")
    assert songda(*account, "北方", lines=[PASSWORD])[1]["error"]["code"] == "login"
    assert songda(*account, "AIR-1", lines=[PASSWORD])[0] == 0
    assert songda("account", "add", "nobody", "--department", "x", "--login", "y", lines=[PASSWORD])[0] == 2
    letter = ("letter", "file", "air", "--signed-on", "2018-08-10", "--system-name", "SES", "--system-address", "x")
    assert songda(*letter, "--scan", str(FACTS))[0] == 2
    code, value = songda(*letter)
    assert code == 0
    assert songda("letter", "withdraw", value["letter_id"])[0] == 0
    assert songda("letter", "withdraw", "let_x")[1]["error"]["code"] == "unknown_letter"
    year = str(datetime.now(UTC).year + 1)
    series = ("series", "add", "penalty-decision", "--year", year, "--en", "No. {n}", "--zh")
    assert songda(*series, "号")[1]["error"]["code"] == "pattern"
    assert songda(*series, "{n}号")[0] == 0
    assert songda(*series, "{n}号")[1]["error"]["code"] == "taken"
    client = songda("client", "add", "case system")[1]["client_id"]
    key = songda("key", "add", client, "--scope", "jobs:write")[1]["api_key"]
    assert key.startswith("sgd_")
    assert songda("key", "revoke", key.split("_")[1])[0] == 0
    assert songda("key", "revoke", key.split("_")[1])[1]["error"]["code"] == "unknown_key"
    assert songda("key", "add", "cli_x")[1]["error"]["code"] == "unknown_client"
    assert songda("ledger", "verify")[1]["verdict"] == "valid"


def test_another_seal_brings_its_secret_into_the_settings(songda: Commands, real: Pki, tmp_path: Path) -> None:
    songda.init(real)
    words = ("seal", "add", "--ring-text", "示例", "--second-line", "章", "--key")
    code, value = songda(*words, f"pkcs12:{real.key}", lines=[SECRET])
    assert code == 0
    assert load(songda.home, {}).secrets[value["seal_id"]] == SECRET
    assert (songda.home / "songda.toml").stat().st_mode & 0o777 == 0o600
    test = Pki(tmp_path / "pki", "Example TEST")
    assert songda(*words, f"pkcs12:{test.key}", lines=[SECRET])[1]["error"]["code"] == "test_key"
    assert songda(*words, f"pkcs12:{real.key}", lines=["wrong"])[0] == 2


def test_an_imported_notice_is_used_from_then_on(songda: Commands, real: Pki, tmp_path: Path) -> None:
    songda.init(real)
    notice = {
        "year": 2027,
        "papers": ["https://www.gov.cn/example"],
        "number": "国办发明电〔2026〕99号",
        "days": [{"date": "2027-01-01", "isOffDay": True}, {"date": "2027-01-02", "isOffDay": False}],
    }
    file = tmp_path / "2027.json"
    file.write_text(json.dumps(notice | {"papers": []}))
    add = ("person", "add", "--login", "liu", "--name", "刘芳", "--role", "administrator", "--by", "admin")
    words = ("calendar", "import", str(file), "--by")
    assert songda(*words, "admin", lines=[PASSWORD])[1]["error"]["code"] == "not_published"
    assert songda("calendar", "show", "2027")[1]["published"] is False
    file.write_text(json.dumps(notice))
    assert songda(*words, "admin", lines=[PASSWORD])[1]["edition"] == 1
    assert songda("calendar", "show", "2027")[1]["state"] == "proposed"
    assert songda(*add, lines=[PASSWORD, SECOND])[0] == 0
    approve = ("calendar", "approve", "2027", "1", "--by")
    assert songda(*approve, "admin", lines=[PASSWORD])[1]["error"]["code"] == "self_approval"
    assert songda(*approve, "liu", lines=[SECOND])[1]["approved"] is True
    shown = songda("calendar", "show", "2027")[1]
    assert shown["published"] is True and shown["working_days_on_weekends"] == ["2027-01-02"]


# --- who may approve uses of the seal --------------------------------------------------------------------------------

OFFICE = ("--role-zh", "局领导", "--role-en", "deputy director", "--rule", "004-77")


def test_init_ends_with_somebody_who_approves_uses_of_the_seal_or_tells_how(songda: Commands, real: Pki) -> None:
    assert songda.init(real, "--role-zh", "局领导")[1]["error"]["code"] == "office"
    code, value = songda.init(real, *OFFICE, "--issuer", "中国民用航空局", "--valid-until", "2099-12-31")
    assert (code, value["approver"]) == (0, True)
    (seal,) = songda("seal", "list")[1]["seals"]
    assert (seal["kind"], seal["issuer"], seal["name"]) == ("enforcement", "中国民用航空局", "示例管理局行政执法专用章")
    assert seal["valid_until"] == "2099-12-31T16:00:00+00:00", "the day has ended in Beijing"
    assert seal["certificate"]["subject"] == "Example Administration" and len(seal["certificate"]["sha256"]) == 64
    assert [(each["login"], each["role_zh"], each["in_force"]) for each in seal["approvers"]] == [
        ("admin", "局领导", True)
    ]


def test_approvers_and_grants_are_furnished_and_the_ledger_tells_the_operators_hand(
    songda: Commands, real: Pki
) -> None:
    seal_id = songda.init(real)[1]["seal_id"]
    assert songda("seal", "list")[1]["seals"][0]["approvers"] == []
    grant = ("seal", "grant", "add", seal_id, "--approver", "admin", "--most-uses", "5", "--until")
    day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    assert songda(*grant, day)[1]["error"]["code"] == "usage", "everything is granted only when that is said"
    assert songda(*grant, day, "--everything")[1]["error"]["code"] == "not_approver"
    add = ("seal", "approver", "add", seal_id)
    assert songda(*add, "nobody", *OFFICE)[1]["error"]["code"] == "unknown"
    entry = songda(*add, "admin", *OFFICE)[1]["approver_id"]
    assert songda(*grant, "2099-01-01", "--everything")[0] == 2
    assert songda(*grant, day, "--instrument", "no-such")[0] == 2
    assert songda(*grant, day, "--everything", "--client", "cli_x")[1]["error"]["code"] == "unknown_client"
    code, value = songda(*grant, day, "--instrument", "hearing-notice", "--instrument", "volume")
    assert code == 0
    (row,) = songda("seal", "grant", "list")[1]["grants"]
    assert (row["instruments"], row["uses"], row["in_force"]) == (["hearing-notice", "volume"], 0, True)
    assert row["granted_by"].startswith("operator:") and row["name"] == "周建国"
    revoke = ("seal", "grant", "revoke", value["grant_id"], "--reason", "over")
    assert songda(*revoke)[0] == 0 and songda(*revoke)[1]["error"]["code"] == "unknown_grant"
    assert songda("seal", "approver", "end", entry, "--reason", "retired")[0] == 0
    assert songda("seal", "approver", "end", "sap_x")[1]["error"]["code"] == "unknown_approver"
    assert songda("seal", "list")[1]["seals"][0]["approvers"][0]["in_force"] is False
    assert songda("ledger", "verify")[1]["verdict"] == "valid"


def _picture(width: float, height: float, pages: int = 1) -> bytes:
    made, pdf = io.BytesIO(), pikepdf.new()
    for _ in range(pages):
        pdf.add_blank_page(page_size=(width, height))
    pdf.save(made)
    return made.getvalue()


def test_a_seal_may_have_a_picture_which_is_kept_with_its_width(songda: Commands, real: Pki, tmp_path: Path) -> None:
    songda.init(real)
    file = tmp_path / "picture.pdf"
    words = ("seal", "add", "--kind", "official", "--ring-text", "示例", "--second-line", "", "--key")
    words = (*words, f"pkcs12:{real.key}", "--picture", str(file), "--picture-width", "40")
    for wrong in (b"no PDF", _picture(100, 120), _picture(100, 100, pages=2)):
        file.write_bytes(wrong)
        assert songda(*words, lines=[SECRET])[0] == 2
    file.write_bytes(_picture(100, 100))
    assert songda(*words[:-2], lines=[SECRET])[1]["error"]["code"] == "picture"
    seal_id = songda(*words, lines=[SECRET])[1]["seal_id"]
    found = next(each for each in songda("seal", "list")[1]["seals"] if each["id"] == seal_id)
    assert (found["kind"], found["picture_width_mm"]) == ("official", 40.0)
    assert open_store(load(songda.home, {}).store_url).get(found["picture_digest"]) == file.read_bytes()
