"""The seal cabinet of a process: loaded keys, trust list and warm revocation data, kept from document to document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from pipeline.electronic_seals import ElectronicSeals, Filler
from pipeline.settings import Settings
from records.errors import Permanent, Retry
from signing.archive import ArchivedPdf, check_authority
from signing.certificates import ChainChecker, TrustList
from signing.electronic import FIELD
from signing.fields import Placement
from signing.keys import SigningKey, load_key
from signing.renewal import renew
from signing.revocation import RevocationCache
from signing.sealing import Profile, SealedPdf, SealingMeans, seal_pdf
from signing.seals import SealDesign, draw_seal
from signing.timestamps import Timestamp, TimestampService
from templates.fonts import font_path

#: Page from 1, and the seal's centre in millimetres from the lower left corner of that page.
SealPlace = tuple[int, float, float]


class SealCabinet:
    """Opens on first use. Safe to use from several threads."""

    def __init__(self, settings: Settings, *, test: bool) -> None:
        self._settings = settings
        self._test = test
        self._keys: dict[str, SigningKey] = {}
        self._lock = Lock()

    @cached_property
    def trust(self) -> TrustList:
        """The roots of this system; TEST roots count only in a TEST database."""
        return TrustList.load(Path(self._settings.trust_list), test_system=self._test)

    @cached_property
    def _revocation(self) -> RevocationCache:
        return RevocationCache()

    @cached_property
    def _chains(self) -> ChainChecker:
        return ChainChecker(self.trust, self._revocation)

    @cached_property
    def _timestamps(self) -> TimestampService:
        if not self._settings.tsa_urls:
            raise Permanent("setting tsa_urls: no time stamp authority is configured")
        return TimestampService(self._settings.tsa_urls)

    @cached_property
    def electronic(self) -> ElectronicSeals:
        """The electronic seals of the register."""
        return ElectronicSeals(self._settings, self._chains, test=self._test)

    def close(self) -> None:
        """Close the connections to OCSP, CRL and TSA, if there are any."""
        opened = vars(self)
        if "_revocation" in opened:
            self._revocation.close()
        if "_timestamps" in opened:
            self._timestamps.close()

    def means(self, seal: Mapping[str, Any]) -> SealingMeans:
        """What sealing with this seal needs. Raises Retry or Permanent when its key cannot be used."""
        with self._lock:
            if seal["id"] not in self._keys:
                self._keys[seal["id"]] = load_key(seal["key_uri"], self._settings.secrets.get(seal["id"]))
            key = self._keys[seal["id"]]
        if key.test and not self._test:
            raise Permanent(f"seal {seal['id']}: its key is a TEST key, and this is no TEST system")
        return SealingMeans(key, self._chains, self._timestamps)

    def seal(
        self,
        pdf: bytes,
        seal: Mapping[str, Any],
        place: SealPlace,
        profile: Profile,
        reason: str,
        electronic: Filler | None = None,
    ) -> SealedPdf:
        """Seal a file with this seal, visibly, at its exact size. Raises as `means` and `seal_pdf` do.

        An `electronic` seal goes on behind the signature, and then an archive time stamp at any rate: nothing else
        proves when it was put on.
        """
        return seal_pdf(
            pdf,
            self.means(seal),
            placement=Placement(*place, seal["diameter_mm"]),
            picture=picture_of(seal),
            profile=Profile.B_LTA if electronic else profile,
            reason=reason,
            description=f"{seal['ring_text']}{seal['second_line']}（电子印章） electronic seal",
            second_field=FIELD if electronic else None,
            fill_second=electronic,
        )

    def stamps_until(self, now: datetime, beyond: datetime) -> tuple[str, datetime]:
        """A time stamp authority, and when (UTC) what it stamps `now` ends; both moments are aware.

        The one that answered last, unless that does not last `beyond` this moment: then it is asked again, for it may
        have got a new certificate. Raises Retry.
        """
        authority, end = self._end_of(self._timestamps.latest(), now)
        if end > beyond:
            return authority, end
        return self._end_of(self._timestamps.stamp(b"songda: until when do you stamp?"), now)

    def _end_of(self, stamp: Timestamp, now: datetime) -> tuple[str, datetime]:
        try:
            return stamp.authority, check_authority(self._chains, stamp, now).ends_at
        except Permanent as error:  # the operator's to mend: another authority may do
            raise Retry(str(error)) from error

    def renew(self, pdf: bytes, now: datetime) -> ArchivedPdf:
        """A sealed file with one more archive time stamp of `now` (aware). Raises as `signing.renewal.renew` does."""
        return renew(pdf, self._chains, self._timestamps, now=now)


def picture_of(seal: Mapping[str, Any]) -> bytes:
    """The vector drawing of the seal as a one-page PDF of its exact size."""
    design = SealDesign(seal["ring_text"], seal["second_line"], seal["diameter_mm"], seal["test"])
    return draw_seal(design, font_path("title"))
