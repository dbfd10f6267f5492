"""The tamper matrix of docs/signing.md: every deed meets its verdict, and the table says what is so."""

from __future__ import annotations

import io
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, DiffResult, ModificationLevel
from pyhanko.sign.validation import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from records.errors import Refused
from signing.embedded import covered
from signing.reader import read_seals
from signing.revisions import later_changes, only_proof_follows
from signing.verification import verify
from tests.signing_support import running
from tests.tampering import ROWS, SUBJECTS, Row, Workshop

DOCUMENT = Path(__file__).parents[2] / "docs" / "signing.md"
_TABLE = re.compile(r"(<!-- tamper matrix -->\n)(.*?)(<!-- end -->)", re.DOTALL)


class Found(NamedTuple):
    """What was found about one row's file."""

    verdict: str
    codes: tuple[str, ...]
    sound: bool
    pdfsig: str
    pdf: bytes


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Found]]:
    folder = tmp_path_factory.mktemp("matrix")
    with running(folder / "pki", SUBJECTS, any_time=True) as bench, running(folder / "stranger") as stranger:
        shop = Workshop(bench, stranger)
        yield {row.group + row.deed: _look(row.make(shop), shop, folder / "file.pdf") for row in ROWS}


def _look(pdf: bytes, shop: Workshop, path: Path) -> Found:
    path.write_bytes(pdf)
    try:
        verdict = verify(pdf, shop.trust)
        word, codes = str(verdict.verdict), tuple(reason.code for reason in verdict.reasons)
    except Refused as refused:
        word, codes = "refused", tuple(fault.code for fault in refused.faults)
    return Found(word, codes, read_seals(pdf).sound, _pdfsig(path), pdf)


def _pdfsig(path: Path) -> str:
    """What poppler says of the first signature, in our words."""
    told = subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True, check=False, timeout=60)
    if "does not contain any signatures" in told.stdout:
        return "no signature"
    words = re.search(r"Signature Validation: (?:Signature is )?(.*?)\.?\n", told.stdout)
    if words is None:
        return "cannot read it"
    whole = "" if re.search(r"^  - Total document", told.stdout, re.MULTILINE) else ", not the whole file"
    return words[1].lower() + whole


@pytest.mark.rule("ESL-5b", "ESL-13b", "ESL-16")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.group}: {row.deed}")
def test_every_deed_meets_its_verdict(row: Row, found: dict[str, Found]) -> None:
    seen = found[row.group + row.deed]
    assert seen.verdict == row.verdict, seen
    assert not row.reason or row.reason in seen.codes, seen


@pytest.mark.parametrize("row", [row for row in ROWS if row.verdict != "indeterminate"], ids=lambda row: row.deed)
def test_the_second_reader_finds_every_changed_file_unsound(row: Row, found: dict[str, Found]) -> None:
    """A revoked certificate is beyond it: whose certificate is trusted is not its question."""
    assert found[row.group + row.deed].sound == (row.verdict == "valid" or row.reason == "revoked")


def test_what_our_comparison_lets_pass_pyhankos_lets_pass_too(found: dict[str, Found]) -> None:
    """`signing.differences` does not ask pyHanko about these; so that has to be the narrower of the two."""
    compared: Counter[ModificationLevel] = Counter()
    for deed, seen in found.items():
        for signature in _signatures(seen.pdf):
            end = covered(signature)
            signature.compute_integrity_info(skip_diff=True)
            whole = signature.coverage is SignatureCoverageLevel.ENTIRE_REVISION
            if not whole or end >= len(seen.pdf) or later_changes(seen.pdf, end):
                continue
            most = (
                ModificationLevel.LTA_UPDATES if only_proof_follows(seen.pdf, end) else ModificationLevel.FORM_FILLING
            )
            compared[most] += 1
            theirs = signature.evaluate_modifications(DEFAULT_DIFF_POLICY)
            assert isinstance(theirs, DiffResult), deed
            assert theirs.modification_level <= most, deed
    assert min(compared[ModificationLevel.LTA_UPDATES], compared[ModificationLevel.FORM_FILLING]) >= 5


def _signatures(pdf: bytes) -> list[EmbeddedPdfSignature]:
    try:
        return list(PdfFileReader(io.BytesIO(pdf)).embedded_signatures)
    except (PdfError, ValueError):
        return []  # broken for pyHanko: there it never comes to a comparison


def test_the_table_in_the_documentation_is_what_was_found(found: dict[str, Found]) -> None:
    lines = ["| What was done | Verdict | Reason | `pdfsig` says |", "|---|---|---|---|"]
    for row in ROWS:
        seen = found[row.group + row.deed]
        code = next(code for code in (row.reason, *seen.codes) if code)
        lines.append(f"| {row.group}: {row.deed} | `{seen.verdict}` | `{code}` | {seen.pdfsig} |")
    text = DOCUMENT.read_text("utf-8")
    match = _TABLE.search(text)
    assert match is not None
    told = subprocess.run(["pdfsig", "-v"], capture_output=True, text=True, check=False)
    columns = slice(None) if "22.12" in told.stderr + told.stdout else slice(-2)  # another version may say else
    there = [line.split("|")[columns] for line in match[2].strip().splitlines()]
    assert there == [line.split("|")[columns] for line in lines], "put this in its place:\n" + "\n".join(lines)
