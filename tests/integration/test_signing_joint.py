"""Several seals on one document: the first certifies, the others counter-sign in fields that were kept for them."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String
from PIL import Image, ImageChops

from records.errors import Permanent, Refused, Retry
from signing.arrangement import side_by_side
from signing.counter_signing import counter_sign
from signing.fields import Placement
from signing.increments import append_revision
from signing.joint import PlacedSeal, seal_jointly
from signing.keys import SigningKey
from signing.picture_files import picture_page
from signing.reader import read_seals
from signing.renewal import renew
from signing.sealing import KeptField, Profile, SealedPdf, seal_pdf
from signing.seals import draw_seal
from signing.seams import Seam
from signing.stamps import StampDesign, draw_stamp
from signing.testpki import SealSubject
from signing.timestamps import TimestampService
from signing.verdicts import Verdict
from signing.verification import verify
from tests.signing_support import DESIGN, FONT, NORTH, Bench, free_port, png_picture, running, tagged_pdf

LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)
SUBJECTS = (
    NORTH,
    SealSubject("south", "民航中南地区管理局", "行政执法专用章"),
    SealSubject("head", "民航华北地区管理局", "张三"),
    SealSubject("revoked", "民航华北地区管理局", "已吊销章", revoked_since=LONG_AGO),
)
ANCHOR = Placement(2, 140.0, 100.0)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki", SUBJECTS) as bench:
        yield bench


def seals(bench: Bench, *names: str) -> list[PlacedSeal]:
    """A round seal for an authority, a square stamp for the head, side by side."""
    sizes = [(18.0, 18.0) if name == "head" else (42.0, 42.0) for name in names]
    pictures = {"head": draw_stamp(StampDesign("张三", 18, 18, test=True), FONT)}
    places = side_by_side(ANCHOR, sizes)
    return [
        PlacedSeal(
            bench.means(bench.key(name)), pictures.get(name, draw_seal(DESIGN, FONT)), place, f"{name} 电子印章 seal"
        )
        for name, place in zip(names, places, strict=True)
    ]


@pytest.fixture(scope="module")
def joint(bench: Bench) -> list[SealedPdf]:
    return seal_jointly(tagged_pdf(), seals(bench, "north", "south", "head"), seam=Seam(), reason="决定")


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


def test_every_seal_is_judged_by_itself_and_all_are_valid_offline(bench: Bench, joint: list[SealedPdf]) -> None:
    pdf = joint[-1].pdf
    verdict = verify(pdf, bench.trust)
    assert verdict.valid, verdict.as_dict()
    assert [each.field for each in verdict.signatures] == ["Seal", "Seal2", "Seal3"]
    assert [each.signer.split(" ")[0] for each in verdict.signatures] == [
        "民航华北地区管理局",
        "民航中南地区管理局",
        "民航华北地区管理局",
    ]
    assert {each.profile for each in verdict.signatures} == {"B-LT"}
    assert all(each.intact and each.trusted and each.stamped_at for each in verdict.signatures)
    assert [each.docmdp for each in verdict.signatures] == ["fill_forms", None, None]
    assert [each.coverage for each in verdict.signatures] == ["entire_revision", "entire_revision", "entire_file"]
    assert codes(verdict).count("valid") == 3
    reading = read_seals(pdf)
    assert reading.sound, reading.faults
    assert [seal.kind for seal in reading.seals] == ["Sig"] * 3
    assert len({each.certificate_serial for each in joint}) == 3


def test_each_signature_is_a_revision_over_all_before_it(joint: list[SealedPdf]) -> None:
    first, second, third = (each.pdf for each in joint)
    assert second.startswith(first) and third.startswith(second)
    assert [each.count(b"%%EOF") for each in (first, second, third)] == [1, 2, 3]


def test_pdfsig_and_openssl_agree(joint: list[SealedPdf], tmp_path: Path) -> None:
    (tmp_path / "joint.pdf").write_bytes(joint[-1].pdf)
    told = subprocess.run(["pdfsig", "-nocert", tmp_path / "joint.pdf"], capture_output=True, text=True, check=True)
    assert told.stdout.count("Signature is Valid") == 3
    checked = subprocess.run(["qpdf", "--check", tmp_path / "joint.pdf"], capture_output=True, text=True, check=True)
    assert "No syntax or stream encoding errors" in checked.stdout


def test_the_archive_time_stamp_comes_after_all_signatures(bench: Bench) -> None:
    put_on = seal_jointly(tagged_pdf(), seals(bench, "north", "head"), profile=Profile.B_LTA)
    verdict = verify(put_on[-1].pdf, bench.trust)
    assert verdict.valid, verdict.as_dict()
    assert [each.profile for each in verdict.signatures] == ["B-LTA", "B-LTA"]
    assert len(verdict.archive) == 1
    assert [each.kind for each in read_seals(put_on[-1].pdf).seals] == ["Sig", "Sig", "DocTimeStamp"]
    assert (put_on[0].archived_at, put_on[1].archived_at is not None) == (None, True)
    again = renew(put_on[-1].pdf, bench.means().chains, bench.timestamps)
    renewed = verify(again.pdf, bench.trust)
    assert renewed.valid and len(renewed.archive) == 2


@pytest.mark.parametrize("profile", [Profile.B_B, Profile.B_T])
def test_plain_levels_are_counter_signed_too(bench: Bench, profile: Profile) -> None:
    pdf = seal_jointly(tagged_pdf(), seals(bench, "north", "head"), profile=profile)[-1].pdf
    verdict = verify(pdf, bench.trust, revocation=bench.revocation)
    assert verdict.valid, verdict.as_dict()
    assert [each.profile for each in verdict.signatures] == [profile] * 2
    assert verify(pdf, bench.trust).verdict == "indeterminate", "no proof inside"


def test_one_seal_alone_allows_no_changes_as_before(bench: Bench) -> None:
    (alone,) = seal_jointly(tagged_pdf(), seals(bench, "north"))
    assert [each.docmdp for each in verify(alone.pdf, bench.trust).signatures] == ["no_changes"]


def test_a_document_that_lacks_a_counter_signature_is_not_valid(bench: Bench, joint: list[SealedPdf]) -> None:
    """Rolled back to before it, or not finished: the first signer said that there is one."""
    for number, missing in ((0, "Seal2, Seal3"), (1, "Seal3")):
        verdict = verify(joint[number].pdf, bench.trust)
        assert (verdict.verdict, codes(verdict)[0]) == ("indeterminate", "counter_signature_missing")
        assert missing in verdict.reasons[0].text_en
        assert not read_seals(joint[number].pdf).sound
        with pytest.raises(Refused):
            renew(joint[number].pdf, bench.means().chains, bench.timestamps)


def test_no_seal_is_seen_where_nobody_has_signed(joint: list[SealedPdf], tmp_path: Path) -> None:
    """The picture of a counter-signature comes with it; side by side, upright, of exact size."""
    dpi, seen = 300, []
    for number, each in enumerate(joint):
        (tmp_path / "file.pdf").write_bytes(each.pdf)
        command = ["pdftoppm", "-png", "-r", str(dpi), "-f", "2", "-l", "2", "-singlefile", "file.pdf", str(number)]
        subprocess.run(command, cwd=tmp_path, check=True)
        page = Image.open(tmp_path / f"{number}.png").convert("RGB").crop((0, 0, round(182 * dpi / 25.4), 3508))
        red, green, _ = page.split()
        mask = ImageChops.darker(red.point(lambda v: 255 * (v > 180)), green.point(lambda v: 255 * (v < 60)))
        seen.append(tuple(round(edge * 25.4 / dpi, 1) for edge in mask.getbbox() or ()))
    assert seen[0] == (pytest.approx(119, abs=0.2), pytest.approx(176, abs=0.2), pytest.approx(161, abs=0.2), 218.0)
    assert seen[1][0] == pytest.approx(119 - 2 - 42, abs=0.2), "the second stands 2 mm left of the first"
    assert seen[2][0] == pytest.approx(119 - 2 - 42 - 2 - 18, abs=0.2)
    assert seen[2][1:] == seen[1][1:] == seen[0][1:], "on one line, none higher"


def test_trap_7_kept_fields_are_tagged_and_keep_pdf_ua(joint: list[SealedPdf]) -> None:
    with pikepdf.open(io.BytesIO(joint[-1].pdf)) as pdf:
        widgets = [each for each in pdf.pages[1].obj.Annots if each.get("/FT") == Name.Sig]
        assert [str(each.T) for each in widgets] == ["Seal", "Seal2", "Seal3"]
        tree = pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree)
        for widget in widgets:
            element = tree[int(widget.StructParent)]
            assert (element.S, str(element.Alt)) == (Name.Form, str(widget.TU))
            assert element.K.Obj.objgen == widget.objgen
            assert (int(widget.F), "/AP" in widget) == (132, True)


def test_a_picture_made_of_several_objects_is_put_on_whole(bench: Bench) -> None:
    first, second = seals(bench, "north", "head")
    file = replace(
        second, picture=picture_page(png_picture(), 18.0, FONT), placement=replace(second.placement, height_mm=9.0)
    )
    pdf = seal_jointly(tagged_pdf(), [first, file])[-1].pdf
    assert verify(pdf, bench.trust).valid and read_seals(pdf).sound
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        form = next(each for each in opened.Root.AcroForm.Fields if str(each.T) == "Seal2").AP.N
        picture = form.Resources.XObject.Picture.Resources.XObject.Picture
        assert (int(picture.Width), int(picture.SMask.Width)) == (600, 600)


# --- order: what is locked is not signed again, and this is said before the key is used


class _Unused(SigningKey):
    """A key that must not be used."""

    def _sign(self, data: bytes) -> bytes:
        raise AssertionError("the key was used")

    sign = _sign


def _forbidden(bench: Bench, name: str = "south") -> SigningKey:
    unused = object.__new__(_Unused)
    unused.__dict__.update(vars(bench.key(name)))
    return unused


def _with_kept_field(pdf: bytes, change: Callable[[pikepdf.Pdf], list[Any]] = lambda pdf: []) -> bytes:
    """An empty kept field forced into a sealed file, as somebody would who wants to counter-sign it."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        field = opened.make_indirect(
            Dictionary(
                Type=Name.Annot, Subtype=Name.Widget, FT=Name.Sig, T=String("Seal2"), Rect=Array([0, 0, 0, 0]),
                SV=Dictionary(Type=Name.SV, SubFilter=Array([Name("/ETSI.CAdES.detached")])),
            )
        )  # fmt: skip
        opened.Root.AcroForm.Fields.append(field)
        return append_revision(pdf, opened, [field, opened.Root.AcroForm, *change(opened)])


def _field_lock(parameters: Dictionary, lock: Dictionary | None = None) -> Callable[[pikepdf.Pdf], list[Any]]:
    def change(pdf: pikepdf.Pdf) -> list[Any]:
        field = pdf.Root.AcroForm.Fields[0]
        field.V.Reference = Array([Dictionary(TransformMethod=Name.FieldMDP, TransformParams=parameters)])
        if lock is not None:
            field.Lock = lock
        return [field, field.V]

    return change


_NAMED = Array([String("Seal2")])


@pytest.mark.parametrize(
    ("change", "locked"),
    [
        (lambda pdf: [], True),  # DocMDP level 1 of the seal
        (_field_lock(Dictionary(Action=Name.All)), True),
        (_field_lock(Dictionary(Action=Name.Include, Fields=_NAMED)), True),
        (_field_lock(Dictionary(Action=Name.Exclude, Fields=Array([String("Other")]))), True),
        (_field_lock(Dictionary(Action=Name.Include, Fields=Array([String("Other")]))), False),
        (_field_lock(Dictionary(Action=Name.Exclude, Fields=_NAMED)), False),
        (_field_lock(Dictionary(Action=Name.Exclude, Fields=_NAMED, P=1)), True),
        (_field_lock(Dictionary(Action=Name.Exclude, Fields=_NAMED), Dictionary(Action=Name.All, P=1)), True),
    ],
)
def test_iso_32000_2_12_8_2_nothing_is_signed_after_a_lock(
    bench: Bench, change: Callable[[pikepdf.Pdf], list[Any]], locked: bool
) -> None:
    forced = _with_kept_field(bench.seal(tagged_pdf()).pdf, change)
    if not locked:
        with pytest.raises(AssertionError, match="the key was used"):
            counter_sign(forced, "Seal2", bench.means(_forbidden(bench)), picture=None)
        return
    with pytest.raises(Refused) as refused:
        counter_sign(forced, "Seal2", bench.means(_forbidden(bench)), picture=None)
    assert [fault.code for fault in refused.value.faults] == ["locked"]
    assert refused.value.faults[0].message_zh


def test_nothing_is_signed_after_an_archive_time_stamp(bench: Bench) -> None:
    archived = bench.seal(tagged_pdf(), Profile.B_LTA).pdf
    forced = _with_kept_field(archived, _field_lock(Dictionary(Action=Name.Exclude, Fields=_NAMED)))
    with pytest.raises(Refused) as refused:
        counter_sign(forced, "Seal2", bench.means(_forbidden(bench)), picture=None)
    assert [fault.code for fault in refused.value.faults] == ["archived"]
    kept = [KeptField("Seal2", ANCHOR, "印章 seal", bench.key("south").certificate)]
    with pytest.raises(Permanent, match="after all signatures"):
        seal_pdf(
            tagged_pdf(), bench.means(_forbidden(bench)), placement=None, picture=None, profile=Profile.B_LTA, kept=kept
        )


def test_a_counter_signature_goes_only_into_an_empty_field_that_was_kept(bench: Bench, joint: list[SealedPdf]) -> None:
    for pdf, field in ((joint[-1].pdf, "Seal2"), (joint[0].pdf, "Seal9"), (b"no pdf", "Seal2")):
        with pytest.raises(Refused) as refused:
            counter_sign(pdf, field, bench.means(_forbidden(bench)), picture=None)
        assert refused.value.faults[0].code in ("no_empty_field", "unreadable")


def test_a_field_is_filled_only_by_the_one_it_was_kept_for(bench: Bench, joint: list[SealedPdf]) -> None:
    with pytest.raises(Refused) as refused:
        counter_sign(joint[0].pdf, "Seal2", bench.means(_forbidden(bench, "head")), picture=None)
    assert refused.value.faults[0].code == "other_signer"


def test_no_key_is_used_when_one_of_the_certificates_must_not_sign(bench: Bench) -> None:
    first, second = seals(bench, "north", "revoked")
    first = replace(first, means=bench.means(_forbidden(bench, "north")))
    with pytest.raises(Permanent, match="revoked"):
        seal_jointly(tagged_pdf(), [first, second])
    with pytest.raises(Refused, match="at least"):
        seal_jointly(tagged_pdf(), [])


def test_a_time_stamp_authority_that_goes_away_between_two_seals_leaves_no_file(bench: Bench) -> None:
    silent = TimestampService([f"http://127.0.0.1:{free_port()}/tsa"], timeout_seconds=1)
    first, second = seals(bench, "north", "head")
    second = replace(second, means=replace(second.means, timestamps=silent))
    with pytest.raises(Retry, match="no time stamp authority"):
        seal_jointly(tagged_pdf(), [first, second])
    silent.close()


def test_changed_bytes_anywhere_in_a_counter_signed_file_are_never_valid(bench: Bench, joint: list[SealedPdf]) -> None:
    pdf, start = joint[-1].pdf, len(joint[0].pdf)
    for place in [*range(100, start, start // 5), *range(start + 5, len(pdf), (len(pdf) - start) // 25), len(pdf) - 8]:
        changed = bytearray(pdf)
        changed[place] ^= 1
        assert not read_seals(bytes(changed)).sound, place
        try:
            verdict = verify(bytes(changed), bench.trust)
        except Refused:
            continue
        assert not verdict.valid, place


@pytest.mark.parametrize(
    "seed",
    [
        Array([1, 2]),
        Dictionary(SubFilter=Name("/ETSI.CAdES.detached")),
        Dictionary(SubFilter=Array([Name("/ETSI.CAdES.detached")]), Cert=Array([1])),
        Dictionary(SubFilter=Array([Name("/ETSI.CAdES.detached")]), Cert=Dictionary(Subject=Array([Name("/X")]), Ff=1)),
        Dictionary(
            SubFilter=Array([Name("/ETSI.CAdES.detached")]), Cert=Dictionary(Subject=Array([String("x")]), Ff=1)
        ),
    ],
)
def test_a_hostile_seed_value_breaks_neither_reader(bench: Bench, seed: Any) -> None:
    """In an empty field, and in a signed one."""

    def empty(pdf: pikepdf.Pdf) -> list[Any]:
        field = pdf.make_indirect(Dictionary(FT=Name.Sig, T=String("X"), SV=seed))
        pdf.Root.AcroForm.Fields.append(field)
        return [field, pdf.Root.AcroForm]

    def signed(pdf: pikepdf.Pdf) -> list[Any]:
        field = pdf.Root.AcroForm.Fields[0]
        field.SV = seed
        return [field]

    sealed = bench.seal(tagged_pdf()).pdf
    for change in (empty, signed):
        with pikepdf.open(io.BytesIO(sealed)) as opened:
            hostile = append_revision(sealed, opened, change(opened))
        assert verify(hostile, bench.trust).verdict == "invalid"
        assert not read_seals(hostile).sound
