"""`./run demo`: the whole way of every sample document, through the interfaces that people and case systems use.

The legal clock of the demo's TEST database starts on a fixed Monday, so that the days counted are the same whenever
it runs; it is moved forward once, so that a delivery becomes deemed.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pypdf

from delivery.beijing import end_of
from pipeline.settings import load
from pipeline.supervisor import Supervisor, environment_of, programs_of, wait_until_ready, write_access
from pipeline.testsystem import SAMPLES, SHARED_PKI, Access, make_test_system, shared_ports
from pipeline.visitor import Visitor
from pipeline.wake import wake_workers
from records.database import Database, set_legal_time

_LEGAL_START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # Monday, 09:00 in Beijing
_PATIENCE = 120.0
#: Not covered by the standing approval of the demo's seal: the leader approves it at the desk.
_APPROVED_BY_HAND = "penalty-decision"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class CaseSystem:
    """A case system at the HTTP interface."""

    def __init__(self, access: Access) -> None:
        self._client = httpx2.Client(
            base_url=f"{access.url}/v1", headers={"Authorization": f"Bearer {access.api_key}"}, timeout=60
        )

    def submit(self, file: Path) -> list[str]:
        """Submit one job; returns the ids of its documents."""
        answer = self._client.post("/jobs", content=file.read_bytes(), headers=_json_key(file.stem))
        if answer.status_code != 202:
            raise SystemExit(f"{file.name}: refused: {answer.text}")
        return [document["id"] for document in answer.json()["documents"]]

    def document(self, document_id: str) -> dict[str, Any]:
        """A document and its deliveries."""
        return dict(self._client.get(f"/documents/{document_id}").raise_for_status().json())

    def pdf(self, document_id: str) -> bytes:
        """The released PDF."""
        return bytes(self._client.get(f"/documents/{document_id}/pdf").raise_for_status().content)

    def verify(self, pdf: bytes) -> dict[str, Any]:
        """The verdict about these bytes."""
        answer = self._client.post("/verify", content=pdf, headers={"Content-Type": "application/pdf"})
        return dict(answer.raise_for_status().json())

    def wait(self, ids: Iterable[str], until: Callable[[dict[str, Any]], bool], what: str) -> list[dict[str, Any]]:
        """Ask until every document fulfils `until`. Leaves with a message when one fails or time is over."""
        ids, deadline = list(ids), time.monotonic() + _PATIENCE
        while True:
            found = [self.document(document_id) for document_id in ids]
            if all(until(document) for document in found):
                return found
            for document in found:
                if document["status"] in ("failed", "void", "cancelled"):
                    raise SystemExit(f"{document['title_en']}: {document['status']}: {document['reason']}")
            if time.monotonic() > deadline:
                raise SystemExit(f"{what}: not after {_PATIENCE:.0f} s; the logs stand beside the database")
            time.sleep(0.1)


def _json_key(key: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "Idempotency-Key": f"demo-{key}"}


def _is_out(document: dict[str, Any]) -> bool:
    return document["status"] == "released" and all(each["route"] for each in document["deliveries"])


def _awaits_approval(document: dict[str, Any]) -> bool:
    return bool(document["awaiting"] == "approval")


def _is_dated(document: dict[str, Any]) -> bool:
    return all(each["service_status"] == "final" for each in document["deliveries"])


def _deliveries(documents: Iterable[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(document, each) for document in documents for each in document["deliveries"]]


def _confirm_as_counterparty(access: Access, delivery: dict[str, Any], out: Path) -> None:
    """Log in, see the inbox, open, read, download, confirm, keep the receipt."""
    login = access.counterparties[delivery["counterparty"]]
    visitor, item = Visitor(access.url), f"/inbox/{delivery['id']}"
    visitor.log_in(login.account, login.password)
    visitor.open("/inbox")
    if item not in visitor.links():
        raise SystemExit(f"{login.account}: the inbox does not show {item}")
    visitor.open(item)
    visitor.submit(f"{item}/open", {})
    (out / "downloaded-by-counterparty.pdf").write_bytes(visitor.download(f"{item}/document.pdf?download=1"))
    visitor.open(f"{item}/confirm")
    visitor.submit(f"{item}/confirm", {"person_name": "王敏", "person_office": "法律部"})
    (out / "receipt-of-confirmation.pdf").write_bytes(visitor.download(f"{item}/receipt.pdf"))


def _record_as_clerk(access: Access, delivery: dict[str, Any], served_on: date, out: Path) -> None:
    """Log in at the desk, print the proof of service, record what came back, with its scan."""
    clerk, item = access.people["clerk"], f"/desk/{delivery['id']}"
    visitor = Visitor(access.url)
    visitor.log_in(clerk.account, clerk.password)
    visitor.open("/desk")
    proof = visitor.download(f"{item}/proof-of-service.pdf")
    (out / "proof-of-service-to-sign.pdf").write_bytes(proof)
    visitor.open(f"{item}/record")
    record = {
        "result": "direct/served",
        "date": served_on.strftime("%Y%m%d"),
        "receiver": "李明远",
        "capacity": "legal_representative",
    }
    visitor.submit(f"{item}/record", record, {"scan": ("proof.pdf", _scan(), "application/pdf")})


def _approve_as_leader(access: Access, document: dict[str, Any]) -> None:
    """Log in at the desk, look at the very file, approve the use of the seal with the password again."""
    leader, item = access.people["leader"], f"/desk/seal-uses/{document['id']}"
    visitor = Visitor(access.url)
    visitor.log_in(leader.account, leader.password)
    visitor.open("/desk/seal-uses")
    if item not in visitor.links():
        raise SystemExit(f"{leader.account}: the desk does not show {item}")
    visitor.open(item)
    digest = hashlib.sha256(visitor.download(f"{item}/document.pdf")).hexdigest()
    if digest not in visitor.page:
        raise SystemExit(f"{item}: the file shown is not the one of the digest")
    visitor.submit(f"{item}/approve", {"password": leader.password})


def _scan() -> bytes:
    """What a scanner would send: a one-page PDF (blank, this machine has no scanner)."""
    import io

    writer, buffer = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(width=595, height=842)
    writer.write(buffer)
    return buffer.getvalue()


def _let_time_pass(access_home: Path, database: Database, deemed_on: date) -> None:
    """Move the legal clock of this TEST database past the end of the deemed day."""
    with database.write() as connection:
        set_legal_time(connection, end_of(deemed_on) + timedelta(minutes=1))
    wake_workers(access_home)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)) for row in rows
    ]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _rows(documents: Iterable[dict[str, Any]]) -> list[list[str]]:
    rows = [["instrument", "number", "recipient", "channel", "status", "service date", "why"]]
    for document in documents:
        number = document["number"]["zh"] if document["number"] else "—"
        for each in document["deliveries"] or [None]:
            row = [document["title_zh"], number]
            if each is None:
                rows.append([*row, "—", "—", document["status"], "—", "not served on anybody"])
                continue
            channel = each["route"] + ("+paper" if each["paper_required"] and each["route"] != "paper" else "")
            status = (
                each["status"] if each["paper_status"] == "none" else f"{each['status']}, paper {each['paper_status']}"
            )
            served = each["service_date"] or each["service_status"]
            why = each["service_reasons"][0]["text_en"] if each["service_reasons"] else ""
            rows.append([*row, each["recipient_zh"], channel, status, served, why])
    return rows


def _run(access: Access, home: Path, database: Database, out: Path) -> bool:
    case_system = CaseSystem(access)
    jobs = sorted(SAMPLES.glob("*.json"))
    _say(f"▸ case system: submits {len(jobs)} jobs to {access.url}/v1/jobs")
    ids = [document_id for file in jobs for document_id in case_system.submit(file)]
    by_hand = [each for each in map(case_system.document, ids) if each["instrument"] == _APPROVED_BY_HAND]
    for document in case_system.wait([each["id"] for each in by_hand], _awaits_approval, "waiting for approval"):
        _say(f"▸ leader: looks at {document['title_zh']} and approves the use of the seal on it")
        _approve_as_leader(access, document)
    documents = case_system.wait(ids, _is_out, "release")
    _say(f"▸ {len(documents)} documents printed, sealed, verified, released and sent")

    sent = _deliveries(documents)
    electronic = [pair for pair in sent if pair[1]["route"] == "inbox" and not pair[0]["important"]]
    on_paper = next(pair for pair in sent if pair[0]["important"])
    confirmed, deemed = electronic[0], electronic[1]
    _say(f"▸ counterparty {confirmed[1]['recipient_zh']}: reads, downloads, confirms {confirmed[0]['title_zh']}")
    _confirm_as_counterparty(access, confirmed[1], out)
    _say(f"▸ clerk: records the paper receipt of {on_paper[0]['title_zh']} with a scan")
    _record_as_clerk(access, on_paper[1], _LEGAL_START.date(), out)
    _say(f"▸ nobody confirms {deemed[0]['title_zh']}: the legal clock moves past {deemed[1]['deemed_date']}")
    _let_time_pass(home, database, date.fromisoformat(deemed[1]["deemed_date"]))
    dated = [pair[0]["id"] for pair in (*electronic, on_paper)]
    case_system.wait(dated, _is_dated, "service dates")
    documents = [case_system.document(document_id) for document_id in ids]
    return _conclude(case_system, documents, out)


def _conclude(case_system: CaseSystem, documents: list[dict[str, Any]], out: Path) -> bool:
    good = True
    for document in documents:
        pdf = case_system.pdf(document["id"])
        (out / f"{document['instrument']}.pdf").write_bytes(pdf)
        verdict = case_system.verify(pdf)
        sealed = bool(verdict["signatures"])
        if sealed:
            _say(f"▸ verify {document['instrument']}: {verdict['verdict']}{' (TEST)' if verdict['test'] else ''}")
            good = good and verdict["verdict"] == "valid"
    _say("")
    _say(_table(_rows(documents)))
    return good


def main() -> int:
    """Run the demo. Exit code 0 when every sealed PDF is valid and every delivery has its date."""
    parser = argparse.ArgumentParser(prog="./run demo", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("var/demo"), help="where the PDFs are left (var/demo)")
    parser.add_argument(
        "--electronic-seal", action="store_true", help="with an electronic seal (SM2, GB/T 38540) as well"
    )
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    home = Path("var/demo-system").resolve()
    shutil.rmtree(home, ignore_errors=True)
    ports = shared_ports(SHARED_PKI)
    _say("▸ making a TEST system: database, local CA with OCSP, CRL and TSA, seal, counterparties")
    made: dict[str, Any] = {"pki": SHARED_PKI, "legal_now": _LEGAL_START, "electronic": arguments.electronic_seal}
    access = make_test_system(home, ports, ungranted=[_APPROVED_BY_HAND], **made)
    settings = load(home, {})
    write_access(access.as_dict())
    database = Database(settings.database_url)
    _say(f"▸ starting web, {settings.workers} workers, CA and mail sink on loopback")
    with Supervisor(programs_of(settings, ports), environment_of(home), home / "log"):
        wait_until_ready(settings, ports)
        good = _run(access, home, database, out)
        mails = len(list((home / "mail").rglob("*.eml")))
    database.close()
    _say(f"\nPDFs in {out}/, {mails} reminders in {home.name}/mail/. ./run up starts a system to look around in.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
