"""The seal cabinet of a process: loaded keys, trust list and warm revocation data, kept from document to document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from pipeline.electronic_seals import ElectronicSeals
from pipeline.keyring import KeyRing
from pipeline.settings import CurrentSettings, Settings
from records.errors import Permanent, Refused, Retry
from records.seals import SIGNATURE_STAMP
from signing.archive import ArchivedPdf
from signing.arrangement import TYPE_AREA_MM, side_by_side
from signing.certificates import ChainChecker, TrustList
from signing.codes import Code
from signing.electronic import Filler
from signing.fields import Placement
from signing.joint import PlacedSeal, seal_jointly
from signing.providers import Standing
from signing.renewal import renew
from signing.revocation import RevocationCache
from signing.sealing import Profile, SealedPdf, SealingMeans
from signing.seals import SealDesign, draw_seal
from signing.seams import Edge, Seam
from signing.stamps import StampDesign, draw_stamp
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
        seals: Sequence[Mapping[str, Any]],
        place: SealPlace,
        profile: Profile,
        reason: str,
        *,
        edge: Edge | None = None,
        seam_pages: int = Seam.pages,
        code: Code | None = None,
        electronic: Filler | None = None,
    ) -> list[SealedPdf]:
        """Put these seals on a file, in their order, each at its exact size: the first at `place`, others beside it.

        With `edge` the first one's picture is the seam seal as well. An `electronic` seal goes on behind the
        signatures, and then an archive time stamp at any rate: nothing else proves when it was put on. Gives what
        `seal_jointly` gives, and raises as it does, but Permanent for seals that cannot stand there or be drawn: that
        is for an operator to mend.
        """
        try:
            placed = [
                PlacedSeal(self.means(each), self._picture(each), at, f"{_words_on(each)}（电子印章） electronic seal")
                for each, at in zip(seals, _places(place, [_side(each) for each in seals]), strict=True)
            ]
            return seal_jointly(
                pdf,
                placed,
                profile=Profile.B_LTA if electronic else profile,
                reason=reason,
                seam=Seam(edge, seam_pages, _side(seals[0])) if edge else None,
                code=code,
                electronic=electronic,
            )
        except Permanent:
            for each in seals:  # a renewed certificate or another key may stand at its place meanwhile
                self._keys.forget(each["id"])
            raise

    def _picture(self, seal: Mapping[str, Any]) -> bytes:
        """What is put on paper: the registered picture, else a drawing."""
        if seal["picture_digest"]:
            return self._fetch(seal["picture_digest"])
        try:
            return picture_of(seal)
        except Refused as error:
            raise Permanent(f"seal {seal['id']} cannot be drawn: {error}") from error

    def stamps_until(self, now: datetime, beyond: datetime) -> tuple[str, datetime]:
        """A time stamp authority, and when (UTC) what it stamps `now` ends; both moments are aware.

        The one that answered last, unless that does not last `beyond` this moment: then it is asked again, for it may
        have got a new certificate. Raises Retry.
        """
        service = self._timestamps()
        try:
            stamp = service.latest(self._chains, now, now)
            end = check_authority(self._chains, stamp, now).ends_at
            if end <= beyond:
                stamp = service.stamp(b"songda: until when do you stamp?", self._chains, now, now)
                end = check_authority(self._chains, stamp, now).ends_at
        except Permanent as error:  # the operator's to mend: another authority may do
            raise Retry(str(error)) from error
        return stamp.authority, end

    def renew(self, pdf: bytes, now: datetime) -> ArchivedPdf:
        """A sealed file with one more archive time stamp of `now` (aware). Raises as `signing.renewal.renew` does."""
        return renew(pdf, self._chains, self._timestamps(), now=now)


def picture_of(seal: Mapping[str, Any]) -> bytes:
    """The vector drawing of the seal as a one-page PDF of its exact size. Raises Refused as `draw_seal` does."""
    side = seal["diameter_mm"]
    if seal["kind"] == SIGNATURE_STAMP:
        return draw_stamp(StampDesign(_words_on(seal), side, side, seal["test"]), font_path("title"))
    return draw_seal(SealDesign(seal["ring_text"], seal["second_line"], side, seal["test"]), font_path("title"))


def _words_on(seal: Mapping[str, Any]) -> str:
    return f"{seal['ring_text']}{seal['second_line']}"


def _side(seal: Mapping[str, Any]) -> float:
    """How wide, and as high, it is on paper, in millimetres."""
    return float(seal["picture_width_mm"] or seal["diameter_mm"])


def _places(place: SealPlace, sides: Sequence[float]) -> list[Placement]:
    """Where seals of these sizes stand. What is printed under the date is not known here: no seal goes there.

    Raises Permanent when they do not fit side by side.
    """
    first = Placement(*place, sides[0])
    if len(sides) == 1:
        return [first]
    name_mm = 2 * (TYPE_AREA_MM[2] - first.x_mm)  # it stands centred on the place, inside the type area
    lowest = first.y_mm - max(sides) / 2
    try:
        return side_by_side(first, [(side, side) for side in sides], name_mm=name_mm, lowest_mm=lowest)
    except Refused as error:
        raise Permanent(str(error)) from error
