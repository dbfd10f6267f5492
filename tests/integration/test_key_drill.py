"""The drill of docs/key-compromise.md on a running system: a key is stolen, and everything that has to follow follows.

Real processes: local CA, mail server, web, workers. A thief signs with a copy of the key, past Songda.
"""

from __future__ import annotations

import email
import io
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.policy import default as MODERN
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from delivery.beijing import end_of
from pipeline.cli import main
from pipeline.testsystem import Login
from pipeline.visitor import Visitor
from pipeline.wake import wake_workers
from records import ledger, seals
from records.database import set_legal_time
from records.errors import Permanent
from records.tables import notice, seal_use
from signing.certificates import ChainChecker, CheckedChain, TrustList
from signing.keys import load_key
from signing.revocation import RevocationCache
from signing.sealing import Profile, SealingMeans, seal_pdf
from signing.seals import SealDesign, draw_seal
from signing.testpki import SealSubject, make_pki, open_pki, revoke
from signing.timestamps import TimestampService
from templates.fonts import font_path
from tests.conftest import LEGAL_NOW
from tests.servers import Postgres, Valkey
from tests.signing_support import PLACEMENT, tagged_pdf
from tests.system import System, running_system, sample

SEAL = "caac-north-china"


@dataclass
class Drill:
    """The running system, with the words of those who take part."""

    system: System
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    jobs: int = 0
    loot: dict[str, Any] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.system.songda.settings.home

    # --- the case system

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.system.access.api_key}"} | more.pop("headers", {})
        answer = httpx2.request(method, f"{self.system.access.url}/v1{path}", headers=headers, timeout=60, **more)
        assert answer.status_code < 300, answer.text
        return answer

    def submit(self, name: str = "penalty-prior-notice", **more: Any) -> str:
        job = sample(name)
        job["documents"][0] |= more
        self.jobs += 1
        answer = self._ask("POST", "/jobs", json=job, headers={"Idempotency-Key": f"job-{self.jobs}"})
        return str(answer.json()["documents"][0]["id"])

    def document(self, document_id: str) -> dict[str, Any]:
        return dict(self._ask("GET", f"/documents/{document_id}").json())

    def until(self, document_id: str, **wanted: Any) -> dict[str, Any]:
        deadline = time.monotonic() + 90
        while True:
            found = self.document(document_id)
            sent = found["status"] != "released" or all(each["route"] for each in found["deliveries"])
            if sent and all(found[name] == value for name, value in wanted.items()):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.2)

    def issued(self) -> str:
        return str(self.until(self.submit(), status="released")["id"])

    def verdict(self, pdf: bytes) -> tuple[str, set[str]]:
        found = self._ask("POST", "/verify", content=pdf, headers={"Content-Type": "application/pdf"}).json()
        return found["verdict"], {reason["code"] for reason in found["reasons"]}

    # --- the operator

    def songda(self, *words: str, secret: str = "") -> dict[str, Any]:
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(f"{secret}\n"))
        more = ["--secrets-stdin"] if secret else []
        self.capsys.readouterr()
        code = main(["--home", str(self.home), *words, "--json", *more])
        value: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        assert code in (0, 1), value
        return value

    def verify(self, pdf: bytes, document_id: str) -> tuple[str, set[str]]:
        (self.home / "asked.pdf").write_bytes(pdf)
        found = self.songda("verify", str(self.home / "asked.pdf"), "--document", document_id)
        return found["verdict"], {reason["code"] for reason in found["reasons"]}

    def released_bytes(self, document_id: str) -> bytes:
        return bytes(self._ask("GET", f"/documents/{document_id}/pdf").content)

    def the_seal(self) -> dict[str, Any]:
        (seal_id,) = self.system.songda.settings.secrets
        with self.system.songda.database.read() as connection:
            return dict(seals.find(connection, seal_id))

    def stop_worker(self) -> None:
        self.system.running["worker-1"].terminate()
        self.system.running["worker-1"].wait(30)

    def start_worker(self) -> None:
        self.system.start("worker-1")

    # --- the thief

    def steal(self) -> None:
        """A copy of the key, and the certification authority's last good word about it."""
        pki = open_pki(self.home / "pki")
        copy = shutil.copy(pki.seals[SEAL].pkcs12, self.home / "stolen.p12")
        key = load_key(f"pkcs12:{copy}", pki.seals[SEAL].passphrase)
        trust = TrustList.load(pki.trust_list, test_system=True)
        revocation = RevocationCache()
        good = ChainChecker(trust, revocation).check(key.certificate, key.chain)
        self.loot = {"key": key, "trust": trust, "good": good, "tsa": pki.tsa_url}
        revocation.close()

    def forged(self, *, with_old_proof: bool) -> bytes:
        """A false decision that is sealed with the stolen key now, past Songda, and stamped by a real authority."""
        proof = self.loot["good"] if with_old_proof else None
        revocation, stamps = RevocationCache(), TimestampService([self.loot["tsa"]])
        try:
            return seal_pdf(
                tagged_pdf("请将罚款汇至下列账户。"),
                SealingMeans(self.loot["key"], _Thief(self.loot["trust"], revocation, proof), stamps),
                placement=PLACEMENT,
                picture=draw_seal(
                    SealDesign("中国民用航空华北地区管理局", "行政执法专用章", test=True), font_path("title")
                ),
                profile=Profile.B_LT,
            ).pdf
        finally:
            revocation.close()
            stamps.close()


class _Thief(ChainChecker):
    """Asks whether the certificate is revoked as everybody does, and seals whatever the answer is."""

    def __init__(self, trust: TrustList, revocation: RevocationCache, proof: CheckedChain | None) -> None:
        super().__init__(trust, revocation)
        self._proof = proof

    def check(
        self, certificate: Any, others: Any = (), *, now: Any = None, time_stamping: bool = False
    ) -> CheckedChain:
        if time_stamping:
            return super().check(certificate, others, now=now, time_stamping=True)
        if self._proof is not None:
            return self._proof
        now = datetime.now(UTC)
        path = self._validate(certificate, others, now, False, None)
        evidence = self.revocation.evidence(path, now)
        return CheckedChain(path, evidence, evidence.usable_until)


@pytest.fixture(params=["embedded", "distributed"])
def drill(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Drill]:
    settings: dict[str, Any] = {}
    if request.param == "distributed":
        postgres: Postgres = request.getfixturevalue("postgres")
        valkey: Valkey = request.getfixturevalue("valkey")
        valkey.empty()
        settings = {"database_url": postgres.create_database(), "redis_url": valkey.url(5)}
    with running_system(tmp_path / "home", workers=1, **settings) as system:
        yield Drill(system, capsys, monkeypatch)


def _marks(drill: Drill, *ids: str) -> list[str | None]:
    found = [drill.document(each)["seal_mark"] for each in ids]
    return [each and each["state"] for each in found]


@pytest.mark.timeout(300)
@pytest.mark.rule("ESL-15")
def test_the_drill(drill: Drill) -> None:
    before = [drill.issued()]
    time.sleep(2.5)  # time stamps are exact to the second
    drill.steal()
    since = datetime.now(UTC)
    after = [drill.issued(), drill.issued()]
    forged = drill.forged(with_old_proof=True)
    assert drill.verdict(forged)[0] == "valid"  # the certificate was good: no cryptography can tell

    drill.stop_worker()
    waiting = drill.submit()
    _stop_and_list(drill, since, before, after)
    drill.start_worker()
    _told(drill, after)
    _revoke(drill, forged, after[0])
    _go_on(drill, waiting)
    _confirm_one(drill, after[0])
    _revoke_one(drill, after[1])
    assert _marks(drill, *before, *after, waiting) == [None, "genuine", "ended", None]
    with drill.system.songda.database.read() as connection:
        assert list(ledger.verify(connection)) == []


def _stop_and_list(drill: Drill, since: datetime, before: list[str], after: list[str]) -> None:
    """Minutes 0 to 5: the operator's one command stops the seal, and names what is affected."""
    seal = drill.the_seal()["id"]
    value = drill.songda("seal", "compromised", seal, "--since", since.isoformat(), "--reason", "a laptop was stolen")
    assert [each["document"] for each in value["documents"]] == after
    key = drill.loot["key"]
    assert [each["serial"] for each in value["certificates"]] == [f"{key.certificate.serial_number:x}"]
    assert value["active_seals"] == 0 and not set(before) & set(after)
    with drill.system.songda.database.read() as connection:
        assert seals.active(connection, SEAL) is None


def _revoke(drill: Drill, forged: bytes, genuine: str) -> None:
    """The certification authority revokes: nobody seals any more, and what the thief makes is found out."""
    revoke(drill.home / "pki", SEAL, datetime.now(UTC))
    time.sleep(1.1)
    seal = drill.the_seal()
    with pytest.raises(Permanent, match="revoked"):
        # even if nobody had stopped it: the check comes before the key is used
        drill.system.songda.cabinet.seal(tagged_pdf(), [seal], (1, 100.0, 100.0), Profile.B_LT, "")
    drill.system.songda.cabinet.close()
    late = drill.forged(with_old_proof=False)
    verdict, reasons = drill.verdict(late)
    assert (verdict, "revoked" in reasons) == ("invalid", True)
    # what was forged before, or with the last good word, holds by itself: our own ledger is what does not know it
    for pdf in (forged, drill.forged(with_old_proof=True)):
        verdict, reasons = drill.verify(pdf, genuine)
        assert (verdict, reasons >= {"other_bytes", "seal_in_question"}) == ("invalid", True)
    verdict, reasons = drill.verify(drill.released_bytes(genuine), genuine)
    assert (verdict, "seal_in_question" in reasons) == ("valid", True)


def _told(drill: Drill, after: list[str]) -> None:
    """The documents are marked, in the inbox too; each contact got one mail and one SMS."""
    deadline = time.monotonic() + 60
    rows: list[sa.RowMapping] = []
    while not rows or {row["state"] for row in rows} != {"sent"}:
        assert time.monotonic() < deadline, rows
        time.sleep(0.2)
        rows = [row for row in drill.system.rows(notice) if row["compromise_id"] is not None]
    assert _marks(drill, *after) == ["in_question", "in_question"]
    kinds = [each["kind"] for each in drill._ask("GET", f"/documents/{after[0]}/events").json()["events"]]
    assert kinds.count("seal.compromised") == 1
    assert len({(row["contact_id"], row["channel"]) for row in rows}) == len(rows)
    arrived = [
        email.message_from_bytes(file.read_bytes(), policy=MODERN) for file in (drill.home / "mail").rglob("*.eml")
    ]
    letters = {mail["Message-ID"]: mail for mail in arrived if "电子印章密钥" in mail["Subject"]}
    assert set(letters) == {row["message_id"] for row in rows if row["channel"] == "email"} != set()
    number = drill.document(after[0])["number"]["zh"]
    for mail in letters.values():
        body = mail.get_body().get_content()
        assert "第十五条" in body and "Periods may be running all the same" in body
        assert number not in body and drill.document(after[0])["case_no"] not in body
    sms = [json.loads(line) for line in (drill.home / "sms.jsonl").read_text().splitlines()]
    wanted = {row["message_id"] for row in rows if row["channel"] == "sms"}
    assert {each["out_id"] for each in sms if each["template"] == "seal-lost"} == wanted

    (delivery,) = drill.document(after[0])["deliveries"]
    access = drill.system.access
    assert _seen(drill, access.counterparties[delivery["counterparty"]], "/inbox").count("密钥可能已为他人掌握") == len(
        after
    )
    assert f"有{len(after)}件文书加盖印章之时" in _seen(drill, access.people["clerk"], "/desk")


def _seen(drill: Drill, login: Login, path: str) -> str:
    """The page as that person sees it."""
    with closing(Visitor(drill.system.access.url)) as visitor:
        visitor.log_in(login.account, login.password)
        return visitor.open(path)


def _go_on(drill: Drill, waiting: str) -> None:
    """A new key, a new seal: what waited is sealed with it."""
    drill.until(waiting, status="rendered")  # it waits for a seal
    pki = open_pki(drill.home / "pki")
    fresh = make_pki(
        drill.home / "pki", pki.url, [SealSubject("fresh", "中国民用航空华北地区管理局", "行政执法专用章")]
    )
    files = fresh.seals["fresh"]
    words = ("--ring-text", "中国民用航空华北地区管理局", "--second-line", "行政执法专用章")
    added = drill.songda("seal", "add", "--key", f"pkcs12:{files.pkcs12}", *words, secret=files.passphrase)
    office = ("--role-zh", "局领导", "--role-en", "deputy director", "--rule", "004-77")
    drill.songda("seal", "approver", "add", added["seal_id"], "leader", *office)
    until = (LEGAL_NOW + timedelta(days=30)).date().isoformat()
    limits = ("--approver", "leader", "--everything", "--until", until, "--most-uses", "100")
    drill.songda("seal", "grant", "add", added["seal_id"], *limits)
    drill.until(waiting, status="released", seal_mark=None)
    (use,) = [row for row in drill.system.rows(seal_use) if row["document_id"] == waiting]
    assert use["seal_id"] == added["seal_id"]
    assert drill.verdict(drill.released_bytes(waiting))[0] == "valid"


def _confirm_one(drill: Drill, document_id: str) -> None:
    """An administrator, by name, finds a document genuine."""
    admin = drill.system.access.people["admin"]
    words = ("--by", admin.account, "--reason", "compared with the approval in the case file")
    drill.songda("seal", "confirm-document", document_id, *words, secret=admin.password)
    mark = drill.document(document_id)["seal_mark"]
    assert (mark["state"], mark["reason"]) == ("genuine", "compared with the approval in the case file")
    assert mark["confirmed_by"].startswith("per_")


def _revoke_one(drill: Drill, document_id: str) -> None:
    """Another is revoked, by the instrument that exists for it, sealed with the new seal and served."""
    old = drill.document(document_id)
    facts = sample("revocation-decision")["documents"][0]["facts"]
    number = {"zh": old["number"]["zh"], "en": old["number"]["en"]}
    facts["document"] |= {"number": number, "served_on": _served(drill, document_id)}
    recipients = [{"counterparty": each["counterparty"]} for each in old["deliveries"]]
    new = drill.submit("revocation-decision", facts=facts, ends=document_id, recipients=recipients)
    drill.until(new, status="released", seal_mark=None)
    _served(drill, new)
    drill.until(document_id, status="revoked")


def _served(drill: Drill, document_id: str) -> str:
    """Nobody confirms: the day after which the document is deemed served passes."""
    deemed = drill.document(document_id)["deliveries"][0]["deemed_date"]
    with drill.system.songda.database.write() as connection:
        set_legal_time(connection, end_of(date.fromisoformat(deemed)) + timedelta(minutes=1))
    wake_workers(drill.home)
    deadline = time.monotonic() + 60
    while not (served := drill.document(document_id)["deliveries"][0]["service_date"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return str(served)
