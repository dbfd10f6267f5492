"""For the tests of signing: a running TEST authority, a tagged PDF, and the means to seal it."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pikepdf
import typst
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from PIL import Image, ImageDraw

from signing.certificates import ChainChecker, TrustList
from signing.fields import Placement
from signing.keys import SigningKey, load_key
from signing.revocation import RevocationCache
from signing.sealing import Profile, SealedPdf, SealingMeans, seal_pdf
from signing.seals import SealDesign, draw_seal
from signing.testpki import LocalPki, SealSubject, Stamper, make_pki, make_server
from signing.timestamps import TimestampService
from templates.fonts import font_path

FONT = font_path("title")
DESIGN = SealDesign("民航华北地区管理局", "行政执法专用章", test=True)
PLACEMENT = Placement(page=-1, x_mm=140.0, y_mm=100.0)
NORTH = SealSubject("north", "民航华北地区管理局", "行政执法专用章")
RSA = SealSubject("rsa", "民航华北地区管理局", "行政执法专用章", key="rsa3072")

_SOURCE = """
#set document(title: "行政处罚决定书", date: datetime(year: 2026, month: 11, day: 22))
#set page(paper: "a4", margin: 28mm)
#set text(lang: "zh", font: "Noto Serif CJK SC", size: 15.75pt)
= 行政处罚决定书
BODY
#pagebreak()
#align(right)[民航华北地区管理局 \\ 二〇二六年十一月二十二日]
#place(bottom + right, dx: -18mm, dy: -60mm, rect(width: 30mm, height: 8mm, fill: black))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tagged_pdf(body: str = "决定给予罚款人民币叁万元整。") -> bytes:
    """Two pages, PDF/A-2a and PDF/UA-1 in one file, as typst writes it: without a line feed after %%EOF."""
    pdf: bytes = typst.compile(
        _SOURCE.replace("BODY", body).encode(),
        format="pdf",
        pdf_standards=["a-2a", "ua-1"],
        font_paths=[str(FONT.parent)],
        ignore_system_fonts=True,
    )
    return pdf


def plain_pdf() -> bytes:
    """One A4 page without tags."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(595.276, 841.89))
        buffer = io.BytesIO()
        pdf.save(buffer)
    return buffer.getvalue()


def png_picture(size: tuple[int, int] = (600, 300), ground: tuple[int, int, int, int] = (0, 0, 0, 0)) -> bytes:
    """An ellipse that touches all four edges, red on a transparent ground."""
    image = Image.new("RGBA", size, ground)
    ImageDraw.Draw(image).ellipse((0, 0, size[0] - 1, size[1] - 1), outline=(210, 10, 10, 255), width=16)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Bench:
    """A TEST authority that answers, and everything to seal with its keys."""

    pki: LocalPki
    trust: TrustList
    revocation: RevocationCache
    timestamps: TimestampService

    def key(self, seal: str = "north") -> SigningKey:
        files = self.pki.seals[seal]
        return load_key(f"pkcs12:{files.pkcs12}", files.passphrase)

    def private(self, seal: str = "north") -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
        """The bare key, for a token or a service to hold."""
        key = serialization.load_pem_private_key((self.pki.directory / "keys" / f"{seal}.pem").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        return key

    def certificate(self, seal: str = "north") -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.pki.seals[seal].certificate.read_bytes())

    def means(self, key: SigningKey | None = None, timestamps: TimestampService | None = None) -> SealingMeans:
        chains = ChainChecker(self.trust, self.revocation)
        return SealingMeans(key or self.key(), chains, timestamps or self.timestamps)

    def seal(self, pdf: bytes, profile: Profile = Profile.B_LT, means: SealingMeans | None = None) -> SealedPdf:
        return seal_pdf(
            pdf,
            means or self.means(),
            placement=PLACEMENT,
            picture=draw_seal(DESIGN, FONT),
            profile=profile,
            reason="行政处罚决定书 Decision on Administrative Penalty",
            location="北京",
        )


@contextmanager
def running(
    directory: Path, seals: Sequence[SealSubject] = (NORTH,), stampers: Sequence[Stamper] = (), any_time: bool = False
) -> Iterator[Bench]:
    """A TEST authority in `directory`, served in a thread for as long as the context lasts."""
    pki = make_pki(directory, f"http://127.0.0.1:{free_port()}", seals, stampers)
    server = make_server(directory, any_time=any_time)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    revocation, timestamps = RevocationCache(), TimestampService([pki.tsa_url])
    try:
        yield Bench(pki, TrustList.load(pki.trust_list, test_system=True), revocation, timestamps)
    finally:
        revocation.close()
        timestamps.close()
        server.shutdown()
        server.server_close()
        thread.join()
