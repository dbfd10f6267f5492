"""What sealing and verifying cost at each level, beside plain pyHanko and the bare operation of the key.

Plain pyHanko is its documentation's way with the same key, picture left out: SimpleSigner, a time stamper, and from
B-LT on a validation context that fetches, made for each document, as such a context is for one moment.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asn1crypto import x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko_certvalidator import ValidationContext

from pipeline.cabinet import picture_of
from pipeline.composition import Songda
from pipeline.measuring import cpu_ms
from records.ids import new_id
from signing import ses
from signing.certificates import Anchor, CheckedChain, TrustList
from signing.codes import Code, draw_caption
from signing.fields import Placement
from signing.reader import read_seals
from signing.revocation import Evidence
from signing.sealing import Profile, SealingMeans, seal_pdf
from signing.seams import Edge
from signing.ses_making import SealOrder, make_seal
from signing.ses_pdf import add_electronic_seal
from signing.sm2_testpki import Sm2Authority
from signing.verification import verify
from templates.fonts import font_path
from templates.printing import Printed

_LEVELS: Final = {"bb": Profile.B_B, "bt": Profile.B_T, "blt": Profile.B_LT, "blta": Profile.B_LTA}
_SM2_FIELD: Final = "ElectronicSeal"


def measure_seals(songda: Songda, mark: Mapping[str, Any], printed: Sequence[Printed], count: int) -> dict[str, float]:
    """CPU ms: ``seal_*``, each level and a decision, ``verify*`` (both readers), ``plain_pyhanko_*``, ``key_*``."""
    means, picture = songda.cabinet.means(mark), picture_of(mark)
    found = {"key_ecdsa_cpu_ms": cpu_ms(lambda n: means.key.sign(b"%d" % n), count)}
    sealed: list[bytes] = []

    def put_on(number: int, profile: Profile, field: str | None = None) -> bytes:
        page = printed[number % len(printed)]
        assert page.anchor is not None  # noqa: S101 - a decision has a place for its seal
        place = Placement(page.anchor.page + 1, page.anchor.x_mm, page.anchor.y_mm)
        return seal_pdf(page.pdf, means, placement=place, picture=picture, profile=profile, second_field=field).pdf

    for name, profile in _LEVELS.items():
        sealed.clear()
        found[f"seal_{name}_cpu_ms"] = cpu_ms(lambda n, level=profile: sealed.append(put_on(n, level)), count)  # type: ignore[misc]
        if name in ("blt", "blta"):
            label = "verify_cpu_ms" if name == "blt" else "verify_blta_cpu_ms"
            found[label] = cpu_ms(_checking(list(sealed), songda.cabinet.trust), count)
    found["seal_decision_cpu_ms"] = cpu_ms(lambda n: _decision(songda, mark, printed[n % len(printed)]), count)
    prepared = [put_on(n, Profile.B_LT, _SM2_FIELD) for n in range(min(count, len(printed)))]
    return found | _sm2(prepared, songda.cabinet.trust, count) | _plain(songda, mark, means, printed, count)


def _decision(songda: Songda, mark: Mapping[str, Any], page: Printed) -> None:
    """Seal as the pipeline seals decisions: with seam and code, and an archive time stamp."""
    assert page.anchor is not None  # noqa: S101 - a decision has a place for its seal
    place = (page.anchor.page + 1, page.anchor.x_mm, page.anchor.y_mm)
    code = Code(songda.settings.public_url, new_id("doc"), draw_caption(font_path("title")))
    songda.cabinet.seal(page.pdf, [mark], place, Profile.B_LTA, "", edge=Edge.RIGHT, code=code)


def _checking(sealed: Sequence[bytes], trust: TrustList) -> Callable[[int], None]:
    def check(number: int) -> None:
        pdf = sealed[number % len(sealed)]
        if verify(pdf, trust).verdict != "valid" or not read_seals(pdf).sound:
            raise AssertionError("a sealed document did not verify")

    return check


def _sm2(prepared: Sequence[bytes], trust: TrustList, count: int) -> dict[str, float]:
    """An electronic seal beside the signature: what putting it on adds, and what verifying both costs."""
    now = datetime.now(UTC)
    root = Sm2Authority.make()
    maker, signer = root.issue("制章单位", "制章者"), root.issue("示例管理局", "行政执法专用章")
    listed = root.revocations({}, since=now - timedelta(days=1), until=now + timedelta(days=30))
    order = SealOrder(
        identifier="1100000000001",
        name="行政执法专用章",
        picture=ses.Picture("PNG", b"\x89PNG\r\n\x1a\n", 42, 42),
        signers=[signer.certificate],
        valid_from=now - timedelta(days=1),
        valid_to=now + timedelta(days=1000),
    )
    seal = make_seal(order, maker.key, maker.certificate)
    above = x509.Certificate.load(root.certificate)
    chains = [
        CheckedChain((x509.Certificate.load(each.certificate), above), Evidence(crls=(listed,)), now)
        for each in (signer, maker)
    ]
    sealed: list[bytes] = []

    def put_on(number: int) -> None:
        pdf = prepared[number % len(prepared)]
        sealed.append(add_electronic_seal(pdf, _SM2_FIELD, seal, signer.key, signer.certificate, proven=chains))

    anchor = Anchor(above, "made for this measurement", f"{now:%Y-%m-%d}")
    trusted = TrustList((*trust.anchors, anchor), trust.intermediates, test_system=True)
    return {
        "key_sm2_cpu_ms": cpu_ms(lambda n: signer.key.sign(b"%d" % n), count),
        "seal_sm2_cpu_ms": cpu_ms(put_on, count),
        "verify_sm2_cpu_ms": cpu_ms(_checking(sealed, trusted), count),
    }


def _plain(
    songda: Songda, mark: Mapping[str, Any], means: SealingMeans, printed: Sequence[Printed], count: int
) -> dict[str, float]:
    secret = songda.settings.secrets[mark["id"]].encode()
    signer = SimpleSigner.load_pkcs12(mark["key_uri"].removeprefix("pkcs12:"), passphrase=secret)  # type: ignore[no-untyped-call]
    assert signer is not None  # noqa: S101 - the cabinet has just loaded the same file
    stamper = HTTPTimeStamper(songda.settings.tsa_urls[0])
    found = {}
    for name, profile in _LEVELS.items():

        def sign(number: int, profile: Profile = profile) -> None:
            proven: dict[str, Any] = {}
            if profile in (Profile.B_LT, Profile.B_LTA):
                roots = songda.cabinet.trust.roots
                context = ValidationContext(trust_roots=roots, other_certs=means.key.chain, allow_fetching=True)
                proven = {"validation_context": context, "embed_validation_info": True}
            wanted = PdfSignatureMetadata(
                field_name="Seal", subfilter=SigSeedSubFilter.PADES, use_pades_lta=profile is Profile.B_LTA, **proven
            )
            pdf = printed[number % len(printed)].pdf + b"\n"
            stamping = None if profile is Profile.B_B else stamper
            sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), wanted, signer=signer, timestamper=stamping)

        found[f"plain_pyhanko_{name}_cpu_ms"] = cpu_ms(sign, min(count, 20))
    return found


def level_ratios(values: Mapping[str, float]) -> dict[str, float]:
    """What plain pyHanko costs over ours (higher is better); what ours costs over the bare key (lower is better)."""
    ratios = {
        f"seal {name}: plain pyHanko / ours": values[f"plain_pyhanko_{name}_cpu_ms"] / values[f"seal_{name}_cpu_ms"]
        for name in _LEVELS
    }
    for name in _LEVELS:
        ratios[f"seal {name}: ours / bare ECDSA"] = values[f"seal_{name}_cpu_ms"] / values["key_ecdsa_cpu_ms"]
    ratios["seal sm2: ours / bare SM2"] = values["seal_sm2_cpu_ms"] / values["key_sm2_cpu_ms"]
    return ratios
