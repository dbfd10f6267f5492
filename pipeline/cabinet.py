"""The seal cabinet of a process: loaded keys, trust list and warm revocation data, kept from document to document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from pipeline.electronic_seals import ElectronicSeals
from pipeline.keyring import KeyRing
from pipeline.settings import CurrentSettings, Settings
from records.errors import Permanent, Retry
from signing.archive import ArchivedPdf
from signing.certificates import ChainChecker, TrustList
from signing.electronic import Filler
from signing.fields import Placement
from signing.joint import PlacedSeal, seal_jointly
from signing.providers import Standing
from signing.renewal import renew
from signing.revocation import RevocationCache
from signing.sealing import Profile, SealedPdf, SealingMeans
from signing.seals import SealDesign, draw_seal
from signing.timestamps import TimestampService, check_authority
from templates.fonts import font_path

#: Page from 1, and the seal's centre in millimetres from the lower left corner of that page.
SealPlace = tuple[int, float, float]


class SealCabinet:
    """Opens on first use. Safe to use from several threads."""

    def __init__(self, settings: Settings, *, test: bool, fetch: Callable[[str], bytes]) -> None:
        """`fetch` gives a stored file by its digest."""
        self._settings = settings
        self._fetch = fetch
        self._test = test
        self._current = CurrentSettings(settings)
        self._keys = KeyRing(self._current)
        self._services: dict[tuple[str, ...], TimestampService] = {}
        self._lock = Lock()

    @cached_property
    def trust(self) -> TrustList:
        """The roots of this system; TEST roots count only in a TEST database."""
        return TrustList.load(Path(self._settings.trust_list), test_system=self._test)

    @cached_property
    def _revocation(self) -> RevocationCache:
        return RevocationCache(max_age=timedelta(seconds=self._settings.revocation_seconds))

    @cached_property
    def _chains(self) -> ChainChecker:
        return ChainChecker(self.trust, self._revocation)

    def _timestamps(self) -> TimestampService:
        urls = self._current.now().tsa_urls
        if not urls:
            raise Permanent("setting tsa_urls: no time stamp authority is configured")
        with self._lock:
            if urls not in self._services:
                self._services[urls] = TimestampService(urls)
            return self._services[urls]

    def standings(self) -> tuple[Standing, ...]:
        """How the time stamp authorities answered so far; nothing until one is needed."""
        service = self._services.get(self._current.now().tsa_urls)
        return service.standings() if service else ()

    @cached_property
    def electronic(self) -> ElectronicSeals:
        """The electronic seals of the register."""
        return ElectronicSeals(self._current, self._chains, test=self._test)

    def close(self) -> None:
        """Close the connections to OCSP, CRL, TSA and remote keys, if there are any."""
        if "_revocation" in vars(self):
            self._revocation.close()
        for service in self._services.values():
            service.close()
        self._keys.close()

    def means(self, seal: Mapping[str, Any]) -> SealingMeans:
        """What sealing with this seal needs. Raises Retry or Permanent when its key cannot be used."""
        key = self._keys.key(seal)
        if key.test and not self._test:
            raise Permanent(f"seal {seal['id']}: its key is a TEST key, and this is no TEST system")
        return SealingMeans(key, self._chains, self._timestamps())

    def seal(
        self,
        pdf: bytes,
        seal: Mapping[str, Any],
        place: SealPlace,
        profile: Profile,
        reason: str,
        electronic: Filler | None = None,
    ) -> SealedPdf:
        """Seal a file with this seal, visibly, at its exact size. Raises as `means` and `seal_jointly` do.

        An `electronic` seal goes on behind the signature, and then an archive time stamp at any rate: nothing else
        proves when it was put on.
        """
        try:
            placed = PlacedSeal(
                self.means(seal),
                self._picture(seal),
                Placement(*place, seal["picture_width_mm"] or seal["diameter_mm"]),
                f"{seal['ring_text']}{seal['second_line']}（电子印章） electronic seal",
            )
            profile = Profile.B_LTA if electronic else profile
            (sealed,) = seal_jointly(pdf, [placed], profile=profile, reason=reason, electronic=electronic)
        except Permanent:
            self._keys.forget(seal["id"])  # a renewed certificate or another key may stand at its place meanwhile
            raise
        return sealed

    def _picture(self, seal: Mapping[str, Any]) -> bytes:
        """What is put on paper: the registered picture, else a drawing."""
        return self._fetch(seal["picture_digest"]) if seal["picture_digest"] else picture_of(seal)

    def stamps_until(self, now: datetime, beyond: datetime) -> tuple[str, datetime]:
        """A time stamp authority, and when (UTC) what it stamps `now` ends; both moments are aware.

        The one that answered last, unless that does not last `beyond` this moment: then it is asked again, for it may
        have got a new certificate. Raises Retry.
        """
        service = self._timestamps()
        try:
            stamp = service.latest(self._chains, now)
            end = check_authority(self._chains, stamp, now).ends_at
            if end <= beyond:
                stamp = service.stamp(b"songda: until when do you stamp?", self._chains, now)
                end = check_authority(self._chains, stamp, now).ends_at
        except Permanent as error:  # the operator's to mend: another authority may do
            raise Retry(str(error)) from error
        return stamp.authority, end

    def renew(self, pdf: bytes, now: datetime) -> ArchivedPdf:
        """A sealed file with one more archive time stamp of `now` (aware). Raises as `signing.renewal.renew` does."""
        return renew(pdf, self._chains, self._timestamps(), now=now)


def picture_of(seal: Mapping[str, Any]) -> bytes:
    """The vector drawing of the seal as a one-page PDF of its exact size."""
    design = SealDesign(seal["ring_text"], seal["second_line"], seal["diameter_mm"], seal["test"])
    return draw_seal(design, font_path("title"))
