"""The SM2 side of a local TEST authority, as files: its root, its CRL, and electronic seals with their keys.

    python -m signing.sm2_testfiles DIRECTORY SEAL_ID RING_TEXT SECOND_LINE

makes one in the directory of `signing.testpki` and prints where its files lie; the CRL is served by that authority.
"""

from __future__ import annotations

import io
import json
import secrets
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asn1crypto import pem
from PIL import Image, ImageDraw

from signing.ses import Picture
from signing.ses_making import SealOrder, make_seal
from signing.sm2 import Sm2Key
from signing.sm2_testpki import Sm2Authority, Sm2Identity
from signing.testpki import SM2_CRL, SM2_ROOT, open_pki, write, write_trust

_YEARS = timedelta(days=3650)


@dataclass(frozen=True)
class ElectronicSealFiles:
    """Where a TEST electronic seal lies: the seal (SESeal DER), the signer's encrypted key, and its certificate."""

    seal: Path
    key: Path
    passphrase: str
    certificate: Path


@dataclass(frozen=True)
class Sm2TestAuthority:
    """The SM2 root of a directory, and what it revoked."""

    directory: Path
    root: Sm2Authority

    def revocations_now(self) -> bytes:
        """The CRL (DER) of this moment."""
        now = datetime.now(UTC)
        revoked = {int(serial): datetime.fromisoformat(since) for serial, since in self._revoked().items()}
        crl: bytes = self.root.revocations(
            revoked, since=now - timedelta(minutes=1), until=now + timedelta(days=1)
        ).dump()
        return crl

    def revoke(self, serial: int, since: datetime) -> None:
        """Name the certificate in each CRL from now on, as revoked `since` (aware)."""
        write(self.directory / "revoked.json", json.dumps(self._revoked() | {str(serial): since.isoformat()}))

    def _revoked(self) -> dict[str, str]:
        file = self.directory / "revoked.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}


def open_authority(directory: Path) -> Sm2TestAuthority:
    """The SM2 root in the directory of a TEST authority, made there if there is none; the trust list names it then."""
    folder, url = directory / "sm2", open_pki(directory).url + SM2_CRL
    folder.mkdir(exist_ok=True, mode=0o700)
    if not (directory / SM2_ROOT).exists():
        made = Sm2Authority.make(crl_url=url)
        write(folder / "root.key", made.key.pkcs8())
        write(directory / SM2_ROOT, pem.armor("CERTIFICATE", made.certificate))
        write_trust(directory)
    certificate = pem.unarmor((directory / SM2_ROOT).read_bytes())[2]
    return Sm2TestAuthority(folder, Sm2Authority(Sm2Key((folder / "root.key").read_bytes()), certificate, url))


def make_electronic_seal(
    directory: Path, seal_id: str, ring_text: str, second_line: str, *, valid_to: datetime | None = None
) -> ElectronicSealFiles:
    """The electronic seal of that id, made if there is none; its name is `second_line`. `valid_to` (aware) ends it."""
    authority, folder = open_authority(directory), directory / "sm2" / seal_id
    files = [folder / name for name in ("seal.esl", "key.p8", "passphrase", "signer.pem")]
    if not files[0].exists():
        folder.mkdir(exist_ok=True, mode=0o700)
        signer = authority.root.issue(ring_text, second_line)
        write(files[2], secrets.token_urlsafe(18))
        write(files[1], signer.key.encrypted(files[2].read_text()))
        write(files[3], pem.armor("CERTIFICATE", signer.certificate))
        write(files[0], _seal(authority.root.issue("TEST 制章单位", "制章者"), signer, second_line, valid_to))
    return ElectronicSealFiles(files[0], files[1], files[2].read_text(), files[3])


def _seal(maker: Sm2Identity, signer: Sm2Identity, name: str, valid_to: datetime | None) -> bytes:
    now = datetime.now(UTC).replace(microsecond=0)
    order = SealOrder(
        identifier=f"{secrets.randbelow(10**13):013}",
        name=name,
        picture=Picture("PNG", _picture(), 42, 42),
        signers=[signer.certificate],
        valid_from=now - timedelta(days=1),
        valid_to=valid_to or now + _YEARS,
    )
    return make_seal(order, maker.key, maker.certificate)


def _picture() -> bytes:
    """A red ring with the word TEST: what such a seal looks like says what it is. 42 mm at 150 dots an inch."""
    image = Image.new("RGBA", (248, 248), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((4, 4, 243, 243), outline=(200, 0, 0, 255), width=7)
    draw.text((124, 124), "TEST", fill=(200, 0, 0, 255), anchor="mm", font_size=64)
    made = io.BytesIO()
    image.save(made, "PNG")
    return made.getvalue()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: python -m signing.sm2_testfiles DIRECTORY SEAL_ID RING_TEXT SECOND_LINE")
    made = make_electronic_seal(Path(sys.argv[1]), *sys.argv[2:])
    sys.stdout.write(f"--file {made.seal} --key pkcs8:{made.key} --certificate {made.certificate}\n")
    sys.stdout.write(f"passphrase: {made.passphrase}\n")
