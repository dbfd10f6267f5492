"""Files from anybody are read in children that are limited, killed when they must be, and replaced; nothing is kept."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Name

from pipeline import verifying
from records.errors import Refused, Retry
from tests.later_revisions import grown
from tests.signing_support import Bench, running, tagged_pdf


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki") as bench:
        yield bench


@pytest.fixture(scope="module")
def sealed(bench: Bench) -> bytes:
    return bench.seal(tagged_pdf()).pdf


@pytest.fixture
def children() -> Iterator[list[Any]]:
    """The children, started; closed at the end, so that no test leaves one behind."""
    idle = verifying._children()
    found = [idle.get(timeout=5) for _ in range(verifying._CHILDREN)]
    for child in found:
        child.start()
        idle.put(child)
    yield found
    for child in found:
        child.close()


def ask(bench: Bench, pdf: bytes) -> dict[str, Any]:
    return verifying.verdict_of(pdf, bench.pki.trust_list, test_system=True)


def bomb(megabytes: int) -> bytes:
    """So many megabytes of zeros, as a few hundred kilobytes."""
    packer = zlib.compressobj(9)
    first = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + first[2:] * (megabytes // 16)


def stream(pdf: pikepdf.Pdf, data: bytes, **entries: Any) -> Any:
    made = pikepdf.Stream(pdf, b"")
    made.write(data, filter=Name.FlateDecode)
    for name, value in entries.items():
        made[f"/{name}"] = value
    return pdf.make_indirect(made)


def in_the_metadata(pdf: pikepdf.Pdf) -> list[Any]:
    pdf.Root.Metadata = stream(pdf, bomb(3072), Type=Name.Metadata, Subtype=Name.XML)
    return [pdf.Root, pdf.Root.Metadata]


def in_the_proof(pdf: pikepdf.Pdf) -> list[Any]:
    added = stream(pdf, bomb(3072))
    pdf.Root.DSS.Certs.append(added)
    return [pdf.Root.DSS.Certs if pdf.Root.DSS.Certs.is_indirect else pdf.Root.DSS, pdf.Root, added]


@pytest.mark.parametrize(("place", "verdict"), [(in_the_metadata, "invalid"), (in_the_proof, "valid")])
def test_a_bomb_changes_no_verdict_and_the_next_visitor_is_served(
    bench: Bench, sealed: bytes, place: Any, verdict: str
) -> None:
    """Proof may be added, and what cannot be read proves nothing: the document itself was not changed."""
    with suppress(Refused, Retry):  # out of memory or of time, in the child
        assert ask(bench, grown(sealed, place))["verdict"] == verdict
    assert ask(bench, sealed)["verdict"] == "valid"


def test_a_file_that_takes_too_long_is_refused_for_good_the_second_time(
    bench: Bench, sealed: bytes, children: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_SECONDS", 0.5)
    monkeypatch.setattr(verifying, "_CHILDREN", 1)
    idle = verifying._children()
    spare = idle.get(timeout=5)  # one child is left, so that it sees the same file twice
    child = next(each for each in children if each is not spare)
    try:
        os.kill(child.pid, signal.SIGSTOP)  # as a hang looks from outside
        with pytest.raises(Retry):
            ask(bench, sealed)
        child.start()
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(Refused) as refused:
            ask(bench, sealed)
        assert refused.value.faults[0].code == "too_hard"
        assert refused.value.faults[0].message_zh
    finally:
        idle.put(spare)
    monkeypatch.setattr(verifying, "_SECONDS", 20.0)
    assert ask(bench, sealed)["verdict"] == "valid"


def test_a_child_that_was_killed_is_replaced(bench: Bench, sealed: bytes, children: list[Any]) -> None:
    killed = [child.pid for child in children]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    for child in children:
        child._running.process.wait(5)
    assert ask(bench, sealed)["verdict"] == "valid"
    assert any(child.pid and child.pid not in killed for child in children)


def test_when_all_children_are_busy_the_next_is_asked_to_come_again(
    bench: Bench, sealed: bytes, children: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_PATIENCE", 0.2)
    monkeypatch.setattr(verifying, "_SECONDS", 3.0)
    for child in children:
        os.kill(child.pid, signal.SIGSTOP)
    answers: list[object] = []

    def wait() -> None:
        try:
            answers.append(ask(bench, sealed)["verdict"])
        except Retry as error:
            answers.append(error)

    waiting = [threading.Thread(target=wait) for _ in children]
    for thread in waiting:
        thread.start()
    time.sleep(0.5)
    with pytest.raises(Retry, match="at once"):
        ask(bench, sealed)
    for child in children:
        os.kill(child.pid, signal.SIGCONT)
    for thread in waiting:
        thread.join()
    assert answers == ["valid"] * len(children)


def test_no_file_is_left(bench: Bench, sealed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    child = verifying.Child(
        [verifying.sys.executable, "-m", "pipeline.verifying"], memory=verifying._MEMORY
    )  # one that is started with this folder for its temporary files
    idle = verifying._children()
    held = [idle.get(timeout=5) for _ in range(verifying._CHILDREN)]
    idle.put(child)
    try:
        assert ask(bench, sealed)["verdict"] == "valid"
        assert list(tmp_path.iterdir()) == []
    finally:
        idle.get(timeout=5)
        child.close()
        for each in held:
            idle.put(each)
