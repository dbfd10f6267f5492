"""Sealing against a real OCSP responder, CRL and time stamp authority on loopback."""

from __future__ import annotations

import io
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pikepdf
import pytest
from pikepdf import Name
from PIL import Image, ImageChops

from records.errors import Permanent, Refused, Retry
from signing.certificates import ChainChecker, TrustList
from signing.fields import Placement
from signing.reader import read_seals
from signing.revocation import RevocationCache
from signing.sealing import Profile, SealingMeans, seal_pdf
from signing.seals import draw_seal
from signing.seams import Seam
from signing.testpki import SealSubject
from signing.timestamps import TimestampService
from signing.verification import verify
from tests.signing_support import DESIGN, FONT, NORTH, PLACEMENT, Bench, free_port, plain_pdf, running, tagged_pdf

LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)
SUBJECTS = (
    NORTH,
    SealSubject("expired", "民航华北地区管理局", "旧章", LONG_AGO, datetime(2022, 1, 1, tzinfo=UTC)),
    SealSubject(
        "early", "民航华北地区管理局", "新章", datetime(2090, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
    ),
    SealSubject("revoked", "民航华北地区管理局", "已吊销章", revoked_since=LONG_AGO),
    SealSubject("rsa", "民航华北地区管理局", "行政执法专用章", key="rsa3072"),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki", SUBJECTS) as bench:
        yield bench


@pytest.fixture(scope="module")
def document() -> bytes:
    return tagged_pdf()


@pytest.fixture(scope="module")
def sealed(bench: Bench, document: bytes) -> bytes:
    return bench.seal(document).pdf


@pytest.mark.parametrize("profile", list(Profile))
def test_every_profile_is_whole_for_both_readers_and_for_pdfsig(
    bench: Bench, document: bytes, profile: Profile, tmp_path: Path
) -> None:
    result = bench.seal(document, profile)
    verdict = verify(result.pdf, bench.trust, revocation=bench.revocation)
    assert verdict.valid, verdict.as_dict()
    assert verdict.signatures[0].profile == profile
    coverage = "entire_revision" if profile is Profile.B_LTA else "entire_file"
    assert (verdict.signatures[0].coverage, verdict.signatures[0].docmdp) == (coverage, "no_changes")
    assert read_seals(result.pdf).sound
    (tmp_path / "sealed.pdf").write_bytes(result.pdf)
    told = subprocess.run(["pdfsig", "-nocert", tmp_path / "sealed.pdf"], capture_output=True, text=True, check=True)
    assert "Signature is Valid" in told.stdout
    assert "Total document signed" in told.stdout
    assert "ETSI.CAdES.detached" in told.stdout


@pytest.mark.parametrize("seal", ["north", "rsa"])
def test_openssl_verifies_the_cms_object_and_its_chain(
    bench: Bench, document: bytes, seal: str, tmp_path: Path
) -> None:
    sealed = bench.seal(document, means=bench.means(bench.key(seal))).pdf
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        dictionary = pdf.Root.Perms.DocMDP
        _, before, after, length = (int(value) for value in dictionary.ByteRange)
        (tmp_path / "cms.der").write_bytes(bytes(dictionary.Contents))
    (tmp_path / "content").write_bytes(sealed[:before] + sealed[after : after + length])
    command = [
        "openssl",
        "cms",
        "-verify",
        "-cades",
        "-binary",
        "-inform",
        "DER",
        "-in",
        "cms.der",
        "-content",
        "content",
    ]
    (tmp_path / "chain.pem").write_bytes(bench.pki.root.read_bytes() + bench.pki.intermediate.read_bytes())
    known = ["-CAfile", "chain.pem", "-purpose", "any"]
    told = subprocess.run(
        [*command, *known, "-out", os.devnull], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert "successful" in told.stderr


@pytest.mark.rule("ESL-21")
def test_what_is_told_about_the_seal(bench: Bench, document: bytes) -> None:
    result = bench.seal(document)
    assert result.test
    assert result.certificate_subject == "民航华北地区管理局 TEST 测试, 行政执法专用章"
    assert result.stamped_at is not None
    assert abs(result.stamped_at - result.signed_at) < timedelta(seconds=30)
    assert result.timestamp_authority == bench.pki.tsa_url
    signature = verify(result.pdf, bench.trust).signatures[0]
    assert signature.serial == result.certificate_serial
    assert signature.stamped_at == result.stamped_at.replace(microsecond=0) or signature.stamped_at == result.stamped_at


def test_verifies_offline_from_the_proof_inside_and_never_without_it(
    bench: Bench, document: bytes, sealed: bytes
) -> None:
    assert verify(sealed, bench.trust).valid
    bare = bench.seal(document, Profile.B_T).pdf
    verdict = verify(bare, bench.trust)
    assert verdict.verdict == "indeterminate"
    assert "revocation_unknown" in {reason.code for reason in verdict.reasons}


def test_pades_b_lt_carries_certificates_ocsp_and_crls_in_the_security_store(sealed: bytes) -> None:
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        store = pdf.Root.DSS
        assert len(store.Certs) == 4  # seal, intermediate, time stamp authority, root
        assert len(store.OCSPs) == 1
        assert len(store.CRLs) == 2  # of the intermediate and of the root, the latter once
        dictionary = pdf.Root.Perms.DocMDP
        assert dictionary.SubFilter == Name("/ETSI.CAdES.detached")
        assert dictionary.Reference[0].TransformParams.P == 1
        assert str(dictionary.Location) == "北京"


def test_a_warm_sealer_fetches_nothing_and_a_stale_one_fetches_again(bench: Bench, document: bytes) -> None:
    revocation = RevocationCache(max_age=timedelta(minutes=5))
    chains = ChainChecker(bench.trust, revocation)
    means = SealingMeans(bench.key(), chains, bench.timestamps)
    bench.seal(document, means=means)
    cold = revocation.fetched
    for _ in range(3):
        bench.seal(document, means=means)
    assert revocation.fetched == cold == 3  # OCSP of the seal, CRLs of intermediate and root
    later = datetime.now(UTC) + timedelta(minutes=6)
    chains.check(means.key.certificate, means.key.chain, now=later)
    assert revocation.fetched == cold + 3
    revocation.close()


@pytest.mark.rule("ESL-21")
@pytest.mark.parametrize(
    ("seal", "told"), [("expired", "expired on"), ("early", "not valid before"), ("revoked", "revoked")]
)
def test_a_certificate_that_must_not_sign_is_refused_before_signing(
    bench: Bench, document: bytes, seal: str, told: str
) -> None:
    with pytest.raises(Permanent, match=told):
        bench.seal(document, means=bench.means(bench.key(seal)))


def test_a_test_seal_is_not_trusted_outside_a_test_system(bench: Bench, document: bytes, sealed: bytes) -> None:
    production = TrustList.load(bench.pki.trust_list, test_system=False)
    assert production.roots == []
    verdict = verify(sealed, production)
    assert verdict.verdict == "indeterminate"
    assert verdict.test
    assert "test_not_trusted" in {reason.code for reason in verdict.reasons}
    means = SealingMeans(bench.key(), ChainChecker(production, bench.revocation), bench.timestamps)
    with pytest.raises(Permanent, match="TEST"):
        bench.seal(document, means=means)


def test_without_an_answering_time_stamp_authority_nothing_is_sealed(bench: Bench, document: bytes) -> None:
    silent = TimestampService([f"http://127.0.0.1:{free_port()}/tsa"], timeout_seconds=1)
    with pytest.raises(Retry, match="no time stamp authority"):
        bench.seal(document, means=bench.means(timestamps=silent))
    silent.close()


def test_the_second_time_stamp_authority_is_asked_when_the_first_is_down(bench: Bench, document: bytes) -> None:
    service = TimestampService([f"http://127.0.0.1:{free_port()}/tsa", bench.pki.tsa_url], timeout_seconds=1)
    result = bench.seal(document, means=bench.means(timestamps=service))
    assert result.timestamp_authority == bench.pki.tsa_url
    service.close()


def test_an_rsa_key_of_3072_bits_seals_as_well_at_every_level(bench: Bench, document: bytes) -> None:
    means = bench.means(bench.key("rsa"))
    assert (means.key.algorithm, means.key.certificate.public_key.bit_size) == ("sha256_rsa", 3072)
    for profile in Profile:
        result = bench.seal(document, profile, means)
        assert verify(result.pdf, bench.trust, revocation=bench.revocation).valid
        assert read_seals(result.pdf).sound


def test_authorities_are_asked_in_order_past_one_that_refuses_and_one_that_talks_nonsense(bench: Bench) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        if "busy" in asked[-1]:
            return httpx2.Response(503)
        if "nonsense" in asked[-1]:
            return httpx2.Response(200, content=b"<html>")
        headers = {"Content-Type": "application/timestamp-query"}
        return httpx2.Response(200, content=httpx2.post(asked[-1], content=request.content, headers=headers).content)

    order = ["http://busy.invalid/", "http://nonsense.invalid/", bench.pki.tsa_url, "http://never.invalid/"]
    service = TimestampService(order, client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    result = bench.seal(plain_pdf(), Profile.B_LTA, bench.means(timestamps=service))
    assert result.timestamp_authority == bench.pki.tsa_url
    assert asked == [*order[:3], bench.pki.tsa_url, bench.pki.tsa_url], "those that failed are passed over"
    service.close()


def test_an_authority_that_goes_away_before_the_archive_stamp_leaves_nothing_sealed(bench: Bench) -> None:
    answers = iter([True, True, False])

    def relay(request: httpx2.Request) -> httpx2.Response:
        if not next(answers):
            raise httpx2.ConnectError("gone")
        headers = {"Content-Type": "application/timestamp-query"}
        answer = httpx2.post(str(request.url), content=request.content, headers=headers)
        return httpx2.Response(200, content=answer.content)

    service = TimestampService([bench.pki.tsa_url], client=httpx2.Client(transport=httpx2.MockTransport(relay)))
    with pytest.raises(Retry, match="gone"):
        bench.seal(plain_pdf(), Profile.B_LTA, bench.means(timestamps=service))
    service.close()


def test_an_authority_that_goes_away_between_two_documents_is_noticed(bench: Bench, document: bytes) -> None:
    there = [True]

    def relay(request: httpx2.Request) -> httpx2.Response:
        if not there[0]:
            raise httpx2.ConnectError("gone")
        answer = httpx2.post(
            str(request.url), content=request.content, headers={"Content-Type": "application/timestamp-query"}
        )
        return httpx2.Response(answer.status_code, content=answer.content)

    service = TimestampService([bench.pki.tsa_url], client=httpx2.Client(transport=httpx2.MockTransport(relay)))
    means = bench.means(timestamps=service)
    bench.seal(document, means=means)
    there[0] = False
    with pytest.raises(Retry, match="gone"):
        bench.seal(document, means=means)
    service.close()


def test_a_time_stamp_for_other_data_is_refused(bench: Bench) -> None:
    """A replayed answer: its imprint and nonce belong to another request."""
    kept: list[bytes] = []

    def replay(request: httpx2.Request) -> httpx2.Response:
        if not kept:
            headers = {"Content-Type": "application/timestamp-query"}
            kept.append(httpx2.post(str(request.url), content=request.content, headers=headers).content)
        return httpx2.Response(200, content=kept[0])

    service = TimestampService([bench.pki.tsa_url], client=httpx2.Client(transport=httpx2.MockTransport(replay)))
    chains = bench.means().chains
    service.stamp(b"one", chains)
    with pytest.raises(Retry, match="other data"):
        service.stamp(b"two", chains)
    with pytest.raises(Retry, match="nonce"):
        service.stamp(b"one", chains)
    service.close()


@pytest.mark.parametrize("answer", [b"", b"<html>busy</html>", b"\x30\x03\x02\x01\x00"])
def test_a_nonsense_answer_is_no_time_stamp(bench: Bench, answer: bytes) -> None:
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=answer))
    service = TimestampService(["http://tsa.invalid/"], client=httpx2.Client(transport=transport))
    with pytest.raises(Retry):
        service.stamp(b"data", bench.means().chains)
    service.close()


def test_a_server_of_revocation_data_that_is_away_does_not_keep_every_thread_waiting(bench: Bench) -> None:
    asked: list[str] = []

    def away(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        raise httpx2.ConnectTimeout("nobody there")

    revocation = RevocationCache(client=httpx2.Client(transport=httpx2.MockTransport(away)))
    means = SealingMeans(bench.key(), ChainChecker(bench.trust, revocation), bench.timestamps)
    for _ in range(3):
        with pytest.raises(Retry, match=r"no revocation data: .*nobody there"):
            means.chains.check(means.key.certificate, means.key.chain)
    assert len(asked) == len(set(asked)) > 0, "each address once, then left alone for a while"
    revocation.close()


def test_without_revocation_data_nothing_is_sealed(bench: Bench, document: bytes) -> None:
    def nobody(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("nobody there")

    revocation = RevocationCache(client=httpx2.Client(transport=httpx2.MockTransport(nobody)))
    means = SealingMeans(bench.key(), ChainChecker(bench.trust, revocation), bench.timestamps)
    with pytest.raises(Retry, match="no revocation data"):
        bench.seal(document, means=means)
    revocation.close()


def test_trap_6_and_pdfa_2_6_1_9_the_signed_file_keeps_its_line_feed(document: bytes, sealed: bytes) -> None:
    assert document.endswith(b"%%EOF")
    assert re.search(rb"%%EOF\n\Z", sealed)
    assert sealed.count(b"%%EOF") == 1  # one revision: nothing about the seal stands outside what it signs


def test_trap_7_the_widget_keeps_pdf_ua(sealed: bytes) -> None:
    """PDF/UA-1 7.18.1, 7.18.3, 7.18.4: description, Form element with OBJR, parent tree, tab order."""
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        page = pdf.pages[-1].obj
        widget = page.Annots[-1]
        assert (int(widget.F), str(widget.TU) != "", page.Tabs) == (132, True, Name.S)
        elements = [obj for obj in pdf.objects if isinstance(obj, pikepdf.Dictionary) and obj.get("/S") == Name.Form]
        assert len(elements) == 1
        assert elements[0].K.Type == Name.OBJR
        assert elements[0].K.Obj.objgen == widget.objgen
        assert str(elements[0].Alt) == str(widget.TU)
        assert elements[0].objgen in [kid.objgen for kid in elements[0].P.K]
        tree = pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree)
        assert tree[int(widget.StructParent)].objgen == elements[0].objgen
        assert int(pdf.Root.StructTreeRoot.ParentTreeNextKey) > int(widget.StructParent)


@pytest.mark.rule("LAW-14")
def test_the_seal_measures_42_mm_on_paper_and_leaves_the_text_under_it_readable(sealed: bytes, tmp_path: Path) -> None:
    (tmp_path / "sealed.pdf").write_bytes(sealed)
    dpi = 600
    command = ["pdftoppm", "-png", "-r", str(dpi), "-f", "2", "-l", "2", "-singlefile", "sealed.pdf", "page"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with Image.open(tmp_path / "page.png") as page:
        red, green, _ = page.convert("RGB").split()
    mask = ImageChops.darker(
        red.point(lambda value: 255 * (value > 180)), green.point(lambda value: 255 * (value < 60))
    )
    left, top, right, bottom = (edge * 25.4 / dpi for edge in mask.getbbox() or ())
    assert (right - left, bottom - top) == (pytest.approx(42.0, abs=0.1), pytest.approx(42.0, abs=0.1))
    assert (left + right) / 2 == pytest.approx(PLACEMENT.x_mm, abs=0.1)
    assert 297 - (top + bottom) / 2 == pytest.approx(PLACEMENT.y_mm, abs=0.1)
    # the page has a black bar from 134 to 164 mm and 88 to 96 mm, under the seal's ring: ink does not cover ink
    bar = red.crop(tuple(int(edge * dpi / 25.4) for edge in (136, 297 - 95, 162, 297 - 89)))
    assert bar.getextrema()[1] < 60


def test_the_slices_of_the_seam_seal_make_one_seal_and_are_signed(
    bench: Bench, document: bytes, tmp_path: Path
) -> None:
    """骑缝章: two pages, a half of the seal on each; put side by side they are the seal."""
    picture = draw_seal(DESIGN, FONT)
    result = seal_pdf(document, bench.means(), placement=PLACEMENT, picture=picture, seam=Seam(offset_mm=51.5))
    assert verify(result.pdf, bench.trust).valid
    (tmp_path / "sealed.pdf").write_bytes(result.pdf)
    (tmp_path / "seal.pdf").write_bytes(picture)
    for name in ("sealed", "seal"):
        subprocess.run(["pdftoppm", "-png", "-r", "254", f"{name}.pdf", name], cwd=tmp_path, check=True)
    seal = Image.open(tmp_path / "seal-1.png").convert("RGB").resize((420, 420))
    joined = Image.new("RGB", (420, 420), "white")
    for index in (0, 1):
        page = Image.open(tmp_path / f"sealed-{index + 1}.png").convert("RGB")
        joined.paste(page.crop((page.width - 210, 2970 - 2210, page.width, 2970 - 1790)), (index * 210, 0))
    different = ImageChops.difference(seal, joined).convert("L").point(lambda value: 255 * (value > 128))
    assert different.histogram()[255] < 0.03 * 420 * 420


def test_a_single_page_has_no_seam(bench: Bench) -> None:
    plain = plain_pdf()
    result = seal_pdf(plain, bench.means(), placement=PLACEMENT, picture=draw_seal(DESIGN, FONT), seam=Seam())
    with pikepdf.open(io.BytesIO(result.pdf)) as pdf:
        assert "/SongdaSeamSeal" not in pdf.pages[0].resources.get("/XObject", {})


def test_an_untagged_pdf_gets_its_seal_without_structure(bench: Bench) -> None:
    result = bench.seal(plain_pdf())
    assert verify(result.pdf, bench.trust).valid
    with pikepdf.open(io.BytesIO(result.pdf)) as pdf:
        assert "/StructTreeRoot" not in pdf.Root
        assert str(pdf.pages[-1].obj.Annots[0].TU) != ""


def test_an_invisible_signature_is_as_good(bench: Bench, document: bytes) -> None:
    result = seal_pdf(document, bench.means(), placement=None, picture=None)
    assert verify(result.pdf, bench.trust).valid


@pytest.mark.parametrize(
    ("placement", "code"),
    [
        (Placement(9, 100, 100), "no_such_page"),
        (Placement(0, 100, 100), "no_such_page"),
        (Placement(1, 10, 100), "off_page"),
        (Placement(1, 100, 290), "off_page"),
    ],
)
def test_a_seal_that_is_not_wholly_on_its_page_is_refused(
    bench: Bench, document: bytes, placement: Placement, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        seal_pdf(document, bench.means(), placement=placement, picture=draw_seal(DESIGN, FONT))
    assert refused.value.faults[0].code == code


def test_what_cannot_be_sealed_is_refused(bench: Bench, document: bytes, sealed: bytes) -> None:
    encrypted = io.BytesIO()
    with pikepdf.open(io.BytesIO(document)) as pdf:
        pdf.save(encrypted, encryption=pikepdf.Encryption(owner="o", user=""))
    for pdf_bytes, code in ((b"no pdf", "unreadable"), (encrypted.getvalue(), "encrypted"), (sealed, "already_signed")):
        with pytest.raises(Refused) as refused:
            bench.seal(pdf_bytes)
        assert refused.value.faults[0].code == code


@pytest.mark.skipif("VERAPDF" not in os.environ, reason="VERAPDF=path of the veraPDF command line is not set")
@pytest.mark.parametrize("flavour", ["2a", "ua1"])
def test_verapdf_finds_the_sealed_file_conforming(sealed: bytes, tmp_path: Path, flavour: str) -> None:
    (tmp_path / "sealed.pdf").write_bytes(sealed)
    command = [os.environ["VERAPDF"], "--flavour", flavour, "--format", "text", str(tmp_path / "sealed.pdf")]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.stdout.startswith("PASS"), told.stdout
