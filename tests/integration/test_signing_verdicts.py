"""What a verdict says beside its word: each signature by itself, its root, what was not checked, the PDF/A claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pikepdf
import pytest
from asn1crypto import x509
from pikepdf import Dictionary, Name, String

from signing.certificates import Anchor, TrustList
from signing.sealing import Profile
from signing.verdicts import Verdict
from signing.verification import verify
from tests import later_revisions as later
from tests.signing_support import Bench, plain_pdf, running, tagged_pdf
from tests.tampering_seals import SealWorkshop


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki") as bench:
        yield bench


@pytest.fixture(scope="module")
def sealed(bench: Bench) -> bytes:
    return bench.seal(tagged_pdf()).pdf


@pytest.fixture(scope="module")
def seals(bench: Bench) -> SealWorkshop:
    return SealWorkshop(bench)


def _codes(notes: Any) -> list[str]:
    return [note.code for note in notes]


@pytest.mark.rule("ESL-14")
def test_each_signature_is_judged_by_itself_and_the_file_by_the_worst(bench: Bench, seals: SealWorkshop) -> None:
    """The SM2 root is not in this list: the one signature is valid, the other is not decided, nor is the file."""
    verdict = verify(seals.sealed, bench.trust)
    assert [each.verdict for each in verdict.signatures] == ["valid", "indeterminate"]
    assert [set(_codes(each.reasons)) for each in verdict.signatures] == [{"valid"}, {"untrusted"}]
    assert verdict.verdict == "indeterminate" and "valid" not in _codes(verdict.reasons)
    assert verdict.signatures[0].root and verdict.signatures[1].root is None


@pytest.mark.rule("ESL-16")
def test_the_root_is_named_with_its_source_and_date(bench: Bench, seals: SealWorkshop) -> None:
    sm2 = Anchor(x509.Certificate.load(seals.root.certificate), "handed over on paper", "2026-03-04")
    trust = replace(bench.trust, anchors=(*bench.trust.anchors, sm2), source="the board", dated="2026-05-06")
    verdict = verify(seals.sealed, trust)
    assert verdict.valid, verdict.as_dict()
    pades, electronic = (each.root for each in verdict.signatures)
    assert pades and electronic
    assert (pades.source, pades.obtained, pades.test) == ("made by signing.testpki", "2020-01-01", True)
    assert (electronic.source, electronic.obtained) == ("handed over on paper", "2026-03-04")
    assert electronic.sha256 == sm2.certificate.sha256.hex()
    assert verdict.trust_list and verdict.trust_list.as_dict() == {
        "source": "the board",
        "dated": "2026-05-06",
        "roots": 2,
    }


def test_an_archive_time_stamp_has_its_own_verdict_and_root(bench: Bench) -> None:
    archived = bench.seal(tagged_pdf(), Profile.B_LTA).pdf
    (stamp,) = verify(archived, bench.trust).archive
    assert (stamp.verdict, stamp.reasons, stamp.root is not None) == ("valid", (), True)
    (stamp,) = verify(archived, TrustList((), test_system=True)).archive
    assert (stamp.verdict, _codes(stamp.reasons), stamp.root) == ("indeterminate", ["timestamp_untrusted"], None)


def test_what_the_file_alone_cannot_tell_is_said_in_both_languages(bench: Bench, sealed: bytes) -> None:
    notes = verify(sealed, bench.trust).unchecked
    assert _codes(notes) == ["later_instrument", "revocation_since", "trust_list_dated"]
    assert "2020-01-01" in notes[2].text_en and "2020-01-01" in notes[2].text_zh
    assert all(note.text_zh != note.text_en for note in notes)
    asked = verify(sealed, bench.trust, revocation=bench.revocation)
    assert _codes(asked.unchecked) == ["later_instrument", "trust_list_dated"]
    bare = verify(bench.seal(tagged_pdf(), Profile.B_B).pdf, TrustList(()))
    assert _codes(bare.unchecked) == ["later_instrument", "revocation_absent", "trust_list_empty"]


def _claim(verdict: Verdict) -> dict[str, Any]:
    assert verdict.pdfa is not None
    return verdict.pdfa.as_dict()


def test_the_pdfa_claim_is_told_as_the_files_own_word(bench: Bench, sealed: bytes) -> None:
    claim = _claim(verify(sealed, bench.trust))
    assert (claim["part"], claim["conformance"], claim["kept"]) == (2, "A", True)
    assert [note["code"] for note in claim["notes"]] == ["pdfa_claimed"]
    archived = bench.seal(tagged_pdf(), Profile.B_LTA).pdf
    assert _claim(verify(archived, bench.trust))["kept"], "proof and time stamps break nothing"
    assert _claim(verify(tagged_pdf(), bench.trust))["part"] == 2, "of an unsigned file, too"
    assert verify(bench.seal(plain_pdf()).pdf, bench.trust).pdfa is None


def _untagged(pdf: pikepdf.Pdf) -> list[Any]:
    del pdf.Root["/StructTreeRoot"]
    return [pdf.Root]


def _claims_nothing(pdf: pikepdf.Pdf) -> list[Any]:
    del pdf.Root["/Metadata"]
    return [pdf.Root]


def _acting_page(pdf: pikepdf.Pdf) -> list[Any]:
    pdf.pages[0].obj.AA = Dictionary(O=Dictionary(S=Name.JavaScript, JS=String("app.alert(1)")))
    return [pdf.pages[0].obj]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (later.script, "pdfa_script"),
        (later.named_script, "pdfa_script"),
        (_acting_page, "pdfa_script"),
        (_untagged, "pdfa_tags"),
        (_claims_nothing, "pdfa_claim_changed"),
        (later.add_annotation(Subtype=Name.FreeText, Contents=String("减为一元")), "pdfa_annotation"),
    ],
)
def test_a_later_revision_that_breaks_the_claim_is_named(
    bench: Bench, sealed: bytes, change: Callable[[pikepdf.Pdf], list[Any]], code: str
) -> None:
    verdict = verify(later.grown(sealed, change), bench.trust)
    claim = _claim(verdict)
    assert verdict.verdict == "invalid" and not claim["kept"]
    assert code in [note["code"] for note in claim["notes"]], claim
