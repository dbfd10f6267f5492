"""Number series (文号): no gap and no double, whoever writes at the same time and whatever is rolled back."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime
from typing import cast

import pytest
import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.steps.numbering import number as number_step
from records import directory, documents, ledger, numbers, series, steps
from records.database import Database, set_legal_time
from records.tables import number
from records.tables import series as series_table
from tests.rows import AUTHORITY, make_document

KIND = "penalty-decision"
ZH, EN = "民航华北罚决〔{year}〕{n}号", "CAAC-NC Penalty Decision [{year}] No. {n}"


@pytest.fixture
def database(database: Database) -> Database:
    with database.write() as connection:
        directory.create_authority(connection, AUTHORITY)
        series.create(connection, AUTHORITY, KIND, 2026, ZH, EN)
    return database


def _bind(database: Database, document_id: str = "") -> series.Number:
    with database.write() as connection:
        return series.bind_next(connection, AUTHORITY, KIND, 2026, make_document(connection, document_id))


def _supply(database: Database, text: str, kind: str = KIND) -> series.Number:
    with database.write() as connection:
        return series.bind_supplied(connection, AUTHORITY, kind, 2026, text, make_document(connection))


def _rows(database: Database) -> list[sa.RowMapping]:
    with database.read() as connection:
        return list(connection.execute(sa.select(number).order_by(number.c.ordinal)).mappings())


class _Broken(Exception):
    pass


def test_numbers_are_printed_in_both_languages_and_count_from_one(database: Database) -> None:
    assert _bind(database) == series.Number("民航华北罚决〔2026〕1号", "CAAC-NC Penalty Decision [2026] No. 1")
    assert _bind(database).text_zh == "民航华北罚决〔2026〕2号"


def test_a_series_may_begin_where_the_paper_one_ended(database: Database) -> None:
    with database.write() as connection:
        series.create(connection, AUTHORITY, "hearing-notice", 2026, "听〔{year}〕{n}号", "H [{year}] {n}", first=57)
        found = series.bind_next(connection, AUTHORITY, "hearing-notice", 2026, make_document(connection))
    assert found.text_zh == "听〔2026〕57号"


def test_a_rolled_back_transaction_leaves_no_gap(database: Database) -> None:
    _bind(database)
    with database.engine.begin() as connection:
        series.bind_next(connection, AUTHORITY, KIND, 2026, make_document(connection))
        connection.rollback()
    assert _bind(database).text_zh.endswith("2号")


def test_eight_writers_of_whom_a_third_fails_leave_no_gap_and_no_double(database: Database) -> None:
    chance, failures = random.Random(3), []
    bound: list[str] = []

    def write(fates: list[bool]) -> None:
        for fails in fates:
            try:
                with database.write() as connection:
                    found = series.bind_next(connection, AUTHORITY, KIND, 2026, make_document(connection))
                    if fails:
                        raise _Broken
                bound.append(found.text_zh)
            except _Broken:
                failures.append(1)

    fates = [[chance.random() < 1 / 3 for _ in range(8)] for _ in range(8)]
    with database.write() as connection:
        make_document(connection)  # the client that all of them share
    threads = [threading.Thread(target=write, args=(each,)) for each in fates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == sum(map(sum, fates)) > 10
    assert sorted(bound) == sorted(f"民航华北罚决〔2026〕{n}号" for n in range(1, 65 - len(failures)))
    assert [row["ordinal"] for row in _rows(database)] == list(range(1, 65 - len(failures)))


def test_a_document_never_gets_a_second_number(database: Database) -> None:
    _bind(database, "doc_1")
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        series.bind_next(connection, AUTHORITY, KIND, 2026, "doc_1")
    assert _bind(database).text_zh.endswith("2号")


def test_years_and_authorities_count_apart(database: Database) -> None:
    _bind(database)
    with database.write() as connection:
        directory.create_authority(connection, "b")
        series.create(connection, "b", KIND, 2026, ZH, EN)
        series.create(connection, AUTHORITY, KIND, 2027, ZH, EN)
        elsewhere = series.bind_next(connection, "b", KIND, 2026, make_document(connection, authority_id="b"))
        later = series.bind_next(connection, AUTHORITY, KIND, 2027, make_document(connection))
    assert elsewhere.text_zh == "民航华北罚决〔2026〕1号"  # taken by the other authority, and free here
    assert later.text_zh == "民航华北罚决〔2027〕1号"


def test_unknown_series_are_told_by_kind_and_year(database: Database) -> None:
    for call in (
        lambda connection: series.bind_next(connection, AUTHORITY, KIND, 2030, "doc_1"),
        lambda connection: series.bind_next(connection, "nobody", KIND, 2026, "doc_1"),
        lambda connection: series.widest(connection, AUTHORITY, "other", 2026),
    ):
        with pytest.raises(series.UnknownSeries, match="no series"), database.write() as connection:
            call(connection)


def test_a_second_series_of_the_same_kind_and_year_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        series.create(connection, AUTHORITY, KIND, 2026, ZH, EN)


def test_a_pattern_without_its_counter_is_refused(database: Database) -> None:
    for patterns in (("罚决〔{year}〕号", EN), (ZH, "Penalty [{year}]")):
        with pytest.raises(ValueError, match=r"has no \{n\}"), database.write() as connection:
            series.create(connection, AUTHORITY, "other", 2026, *patterns)


def test_braces_in_a_pattern_are_printed_and_never_evaluated(database: Database) -> None:
    with database.write() as connection:
        series.create(connection, AUTHORITY, "odd", 2026, "{n.__class__}〔{year}〕{n}", "{0}{{n}}{n}")
        found = series.bind_next(connection, AUTHORITY, "odd", 2026, make_document(connection))
    assert found == series.Number("{n.__class__}〔2026〕1", "{0}{1}1")


# --- numbers that case systems bring


def test_supplied_numbers_have_a_series_of_their_own(database: Database) -> None:
    assert _supply(database, "内罚〔2026〕77号") == series.Number("内罚〔2026〕77号", "内罚〔2026〕77号")
    _supply(database, "内罚〔2026〕5号")
    assert _bind(database).text_zh == "民航华北罚决〔2026〕1号"
    with database.read() as connection:
        rows = connection.execute(sa.select(series_table.c.supplied, series_table.c.next)).all()
    assert sorted(rows) == [(False, 2), (True, 3)]
    assert {row["text_zh"] for row in _rows(database)} == {
        "内罚〔2026〕77号",
        "内罚〔2026〕5号",
        "民航华北罚决〔2026〕1号",
    }


def test_a_supplied_number_is_taken_once_whatever_its_kind(database: Database) -> None:
    _supply(database, "内罚〔2026〕77号")
    for kind in (KIND, "hearing-notice"):
        with pytest.raises(series.NumberTaken):
            _supply(database, "内罚〔2026〕77号", kind)
    assert len(_rows(database)) == 1


def test_a_supplied_number_that_looks_like_the_next_own_one_does_not_stop_the_series(database: Database) -> None:
    _bind(database)
    _supply(database, "民航华北罚决〔2026〕2号")
    _supply(database, "民航华北罚决〔2026〕3号")
    assert _bind(database).text_zh == "民航华北罚决〔2026〕4号"
    assert sorted(row["text_zh"] for row in _rows(database)) == [f"民航华北罚决〔2026〕{n}号" for n in (1, 2, 3, 4)]
    with pytest.raises(series.NumberTaken):
        _supply(database, "民航华北罚决〔2026〕1号")


def test_of_eight_who_bring_the_same_number_one_gets_it(database: Database) -> None:
    with database.write() as connection:
        make_document(connection)
    outcomes: list[str] = []

    def bring() -> None:
        try:
            _supply(database, "内罚〔2026〕77号")
            outcomes.append("bound")
        except (series.NumberTaken, sa.exc.IntegrityError):
            outcomes.append("refused")

    threads = [threading.Thread(target=bring) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["bound", *["refused"] * 7]


# --- 作废


def test_a_void_number_is_kept_with_its_reason_and_never_given_again(database: Database) -> None:
    _bind(database, "doc_1")
    with database.write() as connection:
        assert series.void(connection, "doc_1", "当事人名称有误")
        assert not series.void(connection, "doc_without", "x")
    assert _bind(database).text_zh.endswith("2号")
    first = _rows(database)[0]
    assert (first["state"], first["reason"], first["document_id"]) == ("void", "当事人名称有误", "doc_1")
    with database.read() as connection:
        assert series.is_taken(connection, AUTHORITY, "民航华北罚决〔2026〕1号")
        assert not series.is_taken(connection, "b", "民航华北罚决〔2026〕1号")
    with pytest.raises(series.NumberTaken):
        _supply(database, "民航华北罚决〔2026〕1号")


def test_the_widest_number_has_five_digits_and_takes_none(database: Database) -> None:
    with database.read() as connection:
        widest = series.widest(connection, AUTHORITY, KIND, 2026)
    assert widest == series.Number("民航华北罚决〔2026〕99999号", "CAAC-NC Penalty Decision [2026] No. 99999")
    assert _bind(database).text_zh.endswith("1号")


# --- the register


def _gaps(database: Database, kind: str = KIND) -> list[numbers.Gap]:
    with database.read() as connection:
        return numbers.gaps(connection, series.find(connection, AUTHORITY, kind, 2026, supplied=False))


def test_the_register_lists_every_number_with_its_document_and_voids_with_reason_and_actor(database: Database) -> None:
    for document_id in ("doc_1", "doc_2", "doc_3"):
        _bind(database, document_id)
    with database.write() as connection:
        assert series.void(connection, "doc_2", "当事人名称有误", "person:1")
    with database.read() as connection:
        found = series.find(connection, AUTHORITY, KIND, 2026, supplied=False)
        rows = numbers.entries(connection, found)
        voids = numbers.entries(connection, found, only_void=True)
        listed = numbers.listed(connection, AUTHORITY)
    assert [(row["ordinal"], row["document_id"], row["state"]) for row in rows] == [
        (1, "doc_1", "bound"),
        (2, "doc_2", "void"),
        (3, "doc_3", "bound"),
    ]
    assert [(row["text_zh"], row["reason"], row["voided_by"]) for row in voids] == [
        ("民航华北罚决〔2026〕2号", "当事人名称有误", "person:1")
    ]
    assert voids[0]["voided_at"] is not None
    assert [(row["kind"], row["given"], row["void"], row["next"]) for row in listed] == [(KIND, 3, 1, 4)]
    assert _gaps(database) == []


def test_every_gap_of_a_series_is_explained_or_told(database: Database) -> None:
    with database.write() as connection:
        series.create(connection, AUTHORITY, "other", 2026, "其〔{year}〕{n}号", "O [{year}] {n}", first=4)

    def bind() -> None:
        with database.write() as connection:
            series.bind_next(connection, AUTHORITY, "other", 2026, make_document(connection))

    bind()
    _supply(database, "其〔2026〕5号", "other")
    bind()
    with database.write() as connection:
        series.advance(connection, AUTHORITY, "other", 2026, 10, "person:1", "使用纸质文号")
        series.advance(connection, AUTHORITY, "other", 2026, 12, "person:2", "从备份恢复")
    bind()
    told = [(gap.first, gap.last, gap.state, gap.reason, gap.by) for gap in _gaps(database, "other")]
    assert told == [
        (5, 5, "supplied", None, None),
        (7, 9, "elsewhere", "使用纸质文号", "person:1"),
        (10, 11, "elsewhere", "从备份恢复", "person:2"),
    ]
    with database.write() as connection:
        connection.execute(number.delete().where(number.c.text_zh == "其〔2026〕6号"))
    assert ("missing", 6, 6) in [(gap.state, gap.first, gap.last) for gap in _gaps(database, "other")]


def test_a_series_that_was_moved_before_its_first_number_tells_so(database: Database) -> None:
    with database.write() as connection:
        series.advance(connection, AUTHORITY, KIND, 2026, 118, "person:1", "paper")
    assert _gaps(database) == [numbers.Gap(1, 117, "elsewhere", "paper", "person:1")]
    assert _bind(database).text_zh.endswith("118号")
    assert _gaps(database) == [numbers.Gap(1, 117, "elsewhere", "paper", "person:1")]


def test_a_year_is_opened_with_the_patterns_of_the_year_before_and_once(database: Database) -> None:
    with database.write() as connection:
        series.create(connection, AUTHORITY, "hearing-notice", 2026, "听〔{year}〕{n}号", "H [{year}] {n}", first=57)
        series.create(connection, AUTHORITY, "hearing-notice", 2027, "新听〔{year}〕{n}号", "H2 [{year}] {n}")
        series.create(connection, AUTHORITY, KIND, 2026, "{n}", "{n}", supplied=True)
        assert series.open_year(connection, AUTHORITY, 2027, "person:1") == [KIND]
        assert series.open_year(connection, AUTHORITY, 2027, "person:1") == []
        assert series.open_year(connection, AUTHORITY, 2029, "person:1") == []
        new = series.bind_next(connection, AUTHORITY, KIND, 2027, make_document(connection))
        kept = series.bind_next(connection, AUTHORITY, "hearing-notice", 2027, make_document(connection))
        told = [each for each in ledger.events(connection, f"directory:{AUTHORITY}") if each.actor == "person:1"]
    assert (new.text_zh, kept.text_zh) == ("民航华北罚决〔2027〕1号", "新听〔2027〕1号")
    assert [(each.kind, each.body["kind"], each.body["year"]) for each in told] == [("series.opened", KIND, 2027)]


def test_a_number_that_an_accepted_document_will_bear_is_passed_by(database: Database) -> None:
    with database.write() as connection:
        make_document(connection, "doc_promised", supplied_number="民航华北罚决〔2026〕1号")
    assert _bind(database).text_zh == "民航华北罚决〔2026〕2号"
    assert [(gap.first, gap.state, gap.document_id) for gap in _gaps(database)] == [(1, "supplied", None)]
    with database.write() as connection:
        series.bind_supplied(connection, AUTHORITY, KIND, 2026, "民航华北罚决〔2026〕1号", "doc_promised")
    assert [(gap.first, gap.state, gap.document_id) for gap in _gaps(database)] == [(1, "supplied", "doc_promised")]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 12, 31, 15, 59, tzinfo=UTC), "民航华北罚决〔2026〕1号"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "民航华北罚决〔2027〕1号"),
    ],
)
def test_the_year_of_a_number_is_that_of_numbering_in_beijing(database: Database, moment: datetime, text: str) -> None:
    with database.write() as connection:
        series.open_year(connection, AUTHORITY, 2027, "person:1")
        make_document(connection, "doc_1", series_kind=KIND)
        set_legal_time(connection, moment)
    claim = steps.Claim("doc_1/number", "document", "doc_1", "number", 1, 1)
    with database.write() as connection:
        number_step(cast(Songda, None), claim).write(connection)
        assert documents.get(connection, "doc_1")["number_zh"] == text
