"""Archive time stamps (PAdES B-LTA) and their renewal, through to 2060 with authorities that end on the way."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pikepdf
import pytest

from records.errors import Permanent, Refused
from signing.archive import add_archive_stamp
from signing.certificates import ChainChecker, TrustList
from signing.increments import append_revision
from signing.reader import read_independently, read_seals
from signing.renewal import renew
from signing.revisions import later_changes
from signing.revocation import RevocationCache
from signing.sealing import Profile, SealingMeans
from signing.testpki import Stamper
from signing.timestamps import TimestampService
from signing.verification import verify
from tests.signing_support import NORTH, Bench, plain_pdf, running, tagged_pdf


def _year(year: int) -> datetime:
    return datetime(year, 6, 1, tzinfo=UTC)


STAMPERS = (
    Stamper("first", _year(2024), _year(2036)),
    Stamper("second", _year(2030), _year(2047)),
    Stamper("third", _year(2040), _year(2062)),
    Stamper("leaky", _year(2024), _year(2036), revoked_since=_year(2033)),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki", (NORTH,), STAMPERS, any_time=True) as bench:
        yield bench


class _At:
    """The means of a year to come: the TEST authority answers as if it were then."""

    def __init__(self, bench: Bench, stamper: str, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)
        headers = {"X-Certomancer-Fake-Time": now.isoformat()} if now else {}
        self.client = httpx2.Client(headers=headers)
        self.revocation = RevocationCache(client=self.client)
        self.chains = ChainChecker(bench.trust, self.revocation)
        self.timestamps = TimestampService([bench.pki.stamper_url(stamper)], client=self.client)

    def __enter__(self) -> _At:
        return self

    def __exit__(self, *_: Any) -> None:
        self.client.close()

    def renew(self, pdf: bytes) -> bytes:
        return renew(pdf, self.chains, self.timestamps, now=self.now).pdf


@pytest.fixture(scope="module")
def sealed(bench: Bench) -> bytes:
    """B-LTA of today, by an authority whose certificate ends in 2036."""
    with _At(bench, "first") as today:
        means = SealingMeans(bench.key(), today.chains, today.timestamps)
        return bench.seal(tagged_pdf(), Profile.B_LTA, means).pdf


@pytest.fixture(scope="module")
def renewed(bench: Bench, sealed: bytes) -> bytes:
    with _At(bench, "second", _year(2035)) as then:
        return then.renew(sealed)


@pytest.fixture(scope="module")
def renewed_twice(bench: Bench, renewed: bytes) -> bytes:
    with _At(bench, "third", _year(2046)) as then:
        return then.renew(renewed)


def _at(pdf: bytes, trust: TrustList, year: int) -> tuple[str, str]:
    verdict = verify(pdf, trust, now=_year(year))
    return verdict.verdict, verdict.reasons[0].code


def test_the_archive_stamp_is_a_revision_of_its_own_over_everything(bench: Bench, sealed: bytes) -> None:
    assert sealed.count(b"%%EOF") == 2
    reading = read_seals(sealed)
    assert [(seal.kind, seal.field) for seal in reading.seals] == [("Sig", "Seal"), ("DocTimeStamp", "Archive1")]
    assert reading.seals[-1].covers == len(sealed)
    assert later_changes(sealed, reading.seals[0].covers) == []
    assert [each["kind"] for each in read_independently(sealed)["signatures"]] == ["Sig", "DocTimeStamp"]


def test_the_verdict_names_the_archive_stamp_and_its_end(bench: Bench, sealed: bytes) -> None:
    verdict = verify(sealed, bench.trust)
    assert verdict.signatures[0].profile == "B-LTA"
    assert [reason.code for reason in verdict.reasons] == ["valid", "archived", "test_key"]
    answer = verdict.as_dict()
    assert answer["archive"][0]["until"] == answer["provable_until"] == "2036-06-01T00:00:00Z"
    assert answer["archive"][0]["timestamp_authority"].endswith("TEST TSA first")
    assert abs(verdict.archive[0].stamped_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_pdf_a_and_pdf_ua_the_archive_field_shows_nothing_and_stands_outside_the_page(sealed: bytes) -> None:
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        widget = pdf.pages[-1].obj.Annots[-1]
        assert [float(each) for each in widget.Rect] == [-1, -1, -1, -1]
        assert (int(widget.F), "归档时间戳" in str(widget.TU)) == (4, True)
        assert pdf.pages[-1].obj.Tabs == pikepdf.Name.S


@pytest.mark.rule("ESL-24")
def test_simulated_for_2060_valid_after_renewals_and_indeterminate_without(
    bench: Bench, sealed: bytes, renewed: bytes, renewed_twice: bytes
) -> None:
    trust = bench.trust
    assert _at(sealed, trust, 2034) == ("valid", "valid")
    assert _at(sealed, trust, 2060) == ("indeterminate", "timestamp_expired")
    assert _at(renewed, trust, 2040) == ("valid", "valid")
    assert _at(renewed, trust, 2060) == ("indeterminate", "timestamp_expired")
    assert _at(renewed_twice, trust, 2060) == ("valid", "valid")
    assert _at(renewed_twice, trust, 2063) == ("indeterminate", "timestamp_expired")
    for older, newer in ((sealed, renewed), (renewed, renewed_twice)):
        assert newer.startswith(older), "what stands is never rewritten"
    assert read_seals(renewed_twice).sound
    ends = [stamp.until.year for stamp in verify(renewed_twice, trust, now=_year(2060)).archive]
    assert ends == [2036, 2047, 2062]


def test_a_renewal_brings_the_fresh_proof_of_the_authority_before(sealed: bytes, renewed: bytes) -> None:
    with pikepdf.open(io.BytesIO(sealed)) as before, pikepdf.open(io.BytesIO(renewed)) as after:
        assert len(after.Root.DSS.Certs) == len(before.Root.DSS.Certs) + 1  # the second authority
        assert len(after.Root.DSS.CRLs) == len(before.Root.DSS.CRLs) + 1  # the root's CRL of 2035


def test_too_late_is_too_late(bench: Bench, sealed: bytes) -> None:
    with _At(bench, "second", _year(2037)) as then, pytest.raises(Refused) as refused:
        then.renew(sealed)
    assert refused.value.faults[0].code == "timestamp_expired"


def test_a_stamp_put_on_after_the_end_of_the_one_before_proves_nothing(bench: Bench, sealed: bytes) -> None:
    with _At(bench, "third", _year(2046)) as then:
        late = add_archive_stamp(sealed, then.chains, then.timestamps, now=then.now).pdf
    assert read_seals(late).sound
    assert _at(late, bench.trust, 2050) == ("indeterminate", "timestamp_expired")


def test_an_authority_revoked_before_the_renewal_is_found_out(bench: Bench) -> None:
    with _At(bench, "leaky") as today:
        means = SealingMeans(bench.key(), today.chains, today.timestamps)
        pdf = bench.seal(plain_pdf(), Profile.B_LTA, means).pdf
    assert verify(pdf, bench.trust).valid
    with _At(bench, "second", _year(2035)) as then:
        with pytest.raises(Permanent, match="revoked"):
            then.renew(pdf)
        stamped = add_archive_stamp(pdf, then.chains, then.timestamps, now=then.now).pdf  # brings the root's CRL
    assert _at(stamped, bench.trust, 2036) == ("indeterminate", "timestamp_revoked")


def test_b_lt_becomes_b_lta_by_its_first_renewal(bench: Bench) -> None:
    before = bench.seal(plain_pdf()).pdf
    with _At(bench, "first") as today:
        after = today.renew(before)
    assert (verify(before, bench.trust).signatures[0].profile, verify(after, bench.trust).signatures[0].profile) == (
        "B-LT",
        "B-LTA",
    )


def test_what_is_not_valid_is_not_renewed(bench: Bench, sealed: bytes) -> None:
    changed = sealed.replace(b"/DocMDP", b"/DocMDQ", 1)
    with _At(bench, "first") as today, pytest.raises(Refused):
        today.renew(changed)


def test_one_flipped_bit_anywhere_in_the_revision_of_the_archive_stamp(bench: Bench, sealed: bytes) -> None:
    """Field, dictionary, token, padding, cross-reference: nothing in it can be changed unseen."""
    for index, position in enumerate(range(read_seals(sealed).seals[0].covers, len(sealed), 53)):
        changed = bytearray(sealed)
        changed[position] ^= 1 << index % 8
        assert not read_seals(bytes(changed)).sound, position
        with suppress(Refused):
            assert verify(bytes(changed), bench.trust).verdict == "invalid", position


def test_a_file_with_a_cross_reference_stream_gets_one_again(bench: Bench) -> None:
    """ISO 32000-2 7.5.8.4: and both readers, which parse it on their own, find the same."""
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(tagged_pdf())) as pdf:
        pdf.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    sealed = bench.seal(buffer.getvalue(), Profile.B_LTA).pdf
    assert b"\nxref\n" not in sealed
    assert verify(sealed, bench.trust).valid
    assert read_seals(sealed).sound


def test_an_increment_without_changes_to_what_a_reader_sees_is_still_one_revision_more() -> None:
    pdf = plain_pdf()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        opened.Root.Lang = pikepdf.String("zh-CN")
        grown = append_revision(pdf, opened, [opened.Root])
    assert grown.startswith(pdf)
    with pikepdf.open(io.BytesIO(grown), attempt_recovery=False) as opened:
        assert str(opened.Root.Lang) == "zh-CN"
        assert opened.get_warnings() == []
