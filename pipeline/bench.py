"""`./run bench`: what a document costs, beside the same document done the plain way; ratios, not absolute claims.

The plain way is what the first page of each tool's documentation shows: a fresh LibreOffice for each Word document,
WeasyPrint from a string with the system's fonts, pyHanko's SimpleSigner with RSA-2048; no queue, no ledger.
CPU is that of Songda's own processes; the local CA, TSA and mail sink run apart and are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import httpx2
import sqlalchemy as sa

from delivery.binding import bind
from delivery.volumes import SEAL_PLACE, Cover, Paper
from pipeline.cabinet import picture_of
from pipeline.composition import Songda, open_songda
from pipeline.measuring import LEGAL_START, cpu_ms, imprint_of, notice, short, varied, wall_ms, world
from pipeline.measuring_lists import fill_lists, measure_lists
from pipeline.measuring_seals import level_ratios, measure_seals
from pipeline.plain_way import measure_plain_way
from pipeline.settings import load
from pipeline.supervisor import Supervisor, environment_of, programs_of, wait_until_ready
from pipeline.testsystem import Access, Ports, free_ports, make_test_system
from records import schema, steps
from records.database import Database
from records.tables import delivery, document, seal, step
from signing.fields import Placement
from signing.sealing import seal_pdf
from templates.catalogue import catalogue
from templates.printing import Printed, print_document

_TICKS = os.sysconf("SC_CLK_TCK")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parts(songda: Songda, count: int) -> dict[str, float]:
    """Print, seal, verify: each by itself, in this process."""
    decision, imprint = catalogue().get("penalty-decision"), imprint_of(world())
    letter, prior = catalogue().get("confirmation-letter"), catalogue().get("penalty-prior-notice")
    found = {"print_six_pages_cpu_ms": cpu_ms(lambda n: print_document(decision, varied(n), imprint), count)}
    printed: list[Printed] = []
    found["print_four_pages_cpu_ms"] = cpu_ms(
        lambda n: printed.append(print_document(decision, short(n), imprint)), count
    )
    found["print_notice_cpu_ms"] = cpu_ms(
        lambda n: print_document(prior, notice(n)["documents"][0]["facts"], imprint), count
    )
    facts = letter.sample_facts()
    started = time.process_time()
    found["print_letter_wall_ms"] = wall_ms(lambda: print_document(letter, facts, imprint), max(3, count // 4))
    found["print_letter_own_cpu_ms"] = (time.process_time() - started) * 1000 / max(3, count // 4)
    with songda.database.read() as connection:
        mark = dict(connection.execute(sa.select(seal)).mappings().one())
    return found | measure_seals(songda, mark, printed, count)


def _waiting(waiting: int, count: int = 800) -> float:
    """CPU milliseconds of the rows and the relay for one step, while `waiting` steps wait (SQLite)."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/waiting.db")
        schema.create(database, test=True)
        _fill_steps(database, waiting)
        before, done = time.process_time(), 0
        while done < count:
            with database.write() as connection:
                due = steps.pick_due(connection, 16, 10)
            for step_id in due:
                with database.write() as connection:
                    claim = steps.claim(connection, step_id, "bench", 60)
                assert claim is not None  # noqa: S101 - nobody else is here
                with database.write() as connection:
                    steps.finish(connection, claim)
            done += len(due)
        spent = time.process_time() - before
        database.close()
    return spent / done * 1000


def _lists(count: int = 200_000) -> dict[str, float]:
    """The lists of one inbox and its authority's desk with so many documents (SQLite)."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/lists.db")
        schema.create(database, test=True)
        fill_lists(database, count)
        found = measure_lists(database, count)
        database.close()
    return found


def _fill_steps(database: Database, count: int) -> None:
    fixed = {
        "subject_type": "document",
        "stage": "render",
        "state": "ready",
        "attempt": 0,
        "fence": 0,
        "hinted_until": 0,
    }
    zero = dict.fromkeys(("attempt", "excused", "fence", "hinted_until"), 0)
    rows = [{"id": f"doc_{n}/render", "subject_id": f"doc_{n}", "run_at": n, **zero, **fixed} for n in range(count)]
    with database.write() as connection:
        for start in range(0, count, 5000):
            connection.execute(step.insert(), rows[start : start + 5000])


def _process_cpu(pid: int) -> float:
    """CPU seconds of a process and its waited-for and living children."""
    total = 0.0
    for line in subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split():
        total += _process_cpu(int(line))
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(each) for each in fields[11:15]) / _TICKS
    return total


def _memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def _whole(songda: Songda, access: Access, supervisor: Supervisor, count: int) -> dict[str, float]:
    """Everything, from POST to inbox, over HTTP."""
    client = httpx2.Client(
        base_url=f"{access.url}/v1", headers={"Authorization": f"Bearer {access.api_key}"}, timeout=60
    )
    posted: dict[str, float] = {}

    def submit(number: int, label: str) -> None:
        body = notice(number)
        posted_at = time.time()
        answer = client.post("/jobs", json=body, headers={"Idempotency-Key": f"{label}-{number}"})
        answer.raise_for_status()
        posted[answer.json()["documents"][0]["id"]] = posted_at

    ours = [process.pid for name, process in supervisor.running.items() if name == "web" or name.startswith("worker")]
    for number in range(4):
        submit(number, "warm")
        _wait(songda, posted)
    posted.clear()
    before = sum(_process_cpu(pid) for pid in ours)
    for number in range(count):
        submit(100 + number, "idle")
        _wait(songda, posted)
    latencies = sorted(_latencies(songda, posted))
    alone = sum(_process_cpu(pid) for pid in ours) - before
    posted.clear()
    before += alone
    started = time.perf_counter()
    for number in range(count):
        submit(1000 + number, "load")  # other texts than before: typst remembers
    _wait(songda, posted)
    wall, cpu = time.perf_counter() - started, sum(_process_cpu(pid) for pid in ours) - before
    workers = [process.pid for name, process in supervisor.running.items() if name.startswith("worker")]
    return {
        "pipeline_cpu_ms": cpu / count * 1000,
        "pipeline_one_at_a_time_cpu_ms": alone / count * 1000,
        "pipeline_documents_per_cpu_second": count / cpu,
        "pipeline_documents_per_second": count / wall,
        "latency_p50_ms": latencies[len(latencies) // 2] * 1000,
        "latency_p99_ms": latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))] * 1000,
        "worker_memory_mb": max(_memory_mb(pid) for pid in workers),
    }


def _wait(songda: Songda, posted: Mapping[str, float]) -> None:
    out = (
        sa.select(sa.func.count())
        .select_from(delivery)
        .where(delivery.c.document_id.in_(list(posted)), delivery.c.sent_at.is_not(None))
    )
    failed = sa.select(document.c.reason).where(document.c.status == "failed")
    while True:
        with songda.database.read() as connection:
            if connection.execute(out).scalar_one() >= len(posted):
                return
            if reason := connection.execute(failed).scalar():
                raise AssertionError(f"a document failed: {reason}")
        time.sleep(0.01)


def _latencies(songda: Songda, posted: Mapping[str, float]) -> list[float]:
    from records import ledger

    with songda.database.read() as connection:
        return [
            event.recorded_at.timestamp() - posted_at
            for document_id, posted_at in posted.items()
            for event in ledger.events(connection, document_id)
            if event.kind == "delivery.dispatched"
        ]


def _volume(home: Path, pages: int = 500) -> dict[str, float]:
    """A sealed volume of so many pages, in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        return apart.submit(_bind_and_seal, home, pages).result()


def _bind_and_seal(home: Path, pages: int) -> dict[str, float]:
    songda = open_songda(load(home, {}))
    with songda.database.read() as connection:
        mark = dict(connection.execute(sa.select(seal)).mappings().one())
    decision, imprint, papers, laid = catalogue().get("penalty-decision"), imprint_of(world()), list[Paper](), 0
    with tempfile.TemporaryDirectory() as folder:
        while laid < pages:
            printed = print_document(decision, varied(len(papers)), imprint)
            named = f"{len(papers)}"
            (Path(folder) / named).write_bytes(printed.pdf)
            day = LEGAL_START.date()
            papers.append(Paper("二", ("决定书", "Decision"), named, day, named, "application/pdf", f"{named}.pdf"))
            laid += printed.pages
        cover = Cover(("示例管理局", "Example"), "1", None, LEGAL_START.date(), test=True)
        started = time.perf_counter()
        bound = bind(cover, papers, lambda digest: Path(folder) / digest, "volume")
        means, place = songda.cabinet.means(mark), Placement(1, *SEAL_PLACE)
        seal_pdf(bound.pdf, means, placement=place, picture=picture_of(mark))
        wall = time.perf_counter() - started
    songda.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"volume_pages": bound.pages, "volume_wall_ms": wall * 1000, "volume_peak_memory_mb": peak}


def _report(values: dict[str, float]) -> None:
    parts = ("print_notice_cpu_ms", "seal_blt_cpu_ms", "verify_cpu_ms")
    # one at a time, as the parts are measured: with both cores busy every part is dearer
    rest = values["pipeline_one_at_a_time_cpu_ms"] - sum(values[name] for name in parts)
    values["rest_cpu_ms"] = rest
    _say("")
    for name, value in values.items():
        _say(f"  {name:<36} {value:10.1f}")
    plain = values["plain_print_weasyprint_cpu_ms"] + values["plain_seal_rsa_cpu_ms"]
    ratios = {
        "print: WeasyPrint / typst": values["plain_print_weasyprint_cpu_ms"] / values["print_four_pages_cpu_ms"],
        "letter: cold LibreOffice / warm": values["plain_print_libreoffice_cpu_ms"] / values["print_letter_wall_ms"],
        "seal B-B: SimpleSigner RSA / ours": values["plain_seal_rsa_cpu_ms"] / values["seal_bb_cpu_ms"],
        "print + sign / whole pipeline at B-LT": plain / values["pipeline_cpu_ms"],
    }
    _say("\nratios, the plain way over ours (higher is better)")
    for name, ratio in ratios.items():
        _say(f"  {name:<38} {ratio:6.1f}")
    _say("\nlevels: plain pyHanko over ours (higher is better), ours over the bare key operation (lower is better)")
    for name, ratio in level_ratios(values).items():
        _say(f"  {name:<38} {ratio:6.1f}")


def main(argv: list[str] | None = None) -> int:
    """Measure and print; writes JSON."""
    parser = argparse.ArgumentParser(prog="./run bench", description=main.__doc__)
    parser.add_argument("--count", type=int, default=40, help="documents per figure (40)")
    parser.add_argument("--out", type=Path, default=Path("var/bench.json"))
    arguments = parser.parse_args(argv)
    home = Path("var/bench-system").resolve()
    shutil.rmtree(home, ignore_errors=True)
    ports: Ports = free_ports()
    access = make_test_system(home, ports, legal_now=LEGAL_START)
    settings = load(home, {})
    songda = open_songda(settings)
    with Supervisor(programs_of(settings, ports), environment_of(home), home / "log") as supervisor:
        wait_until_ready(settings, ports)
        _say("▸ whole pipeline over HTTP")
        values = _whole(songda, access, supervisor, arguments.count)
        _say("▸ print, seal, verify")
        values |= _parts(songda, arguments.count)
        _say("▸ a sealed volume of 500 pages")
        values |= _volume(home)
        _say("▸ the plain way")
        values |= measure_plain_way(arguments.count)
        _say("▸ a step while many wait")
        values |= {f"step_rows_cpu_ms_at_{waiting}_waiting": _waiting(waiting) for waiting in (1000, 100_000)}
        _say("▸ an inbox and a desk with 200,000 documents")
        values |= _lists()
    songda.database.close()
    _report(values)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"measured_at": datetime.now(UTC).isoformat(), **values}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
