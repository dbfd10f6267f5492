"""Statistics by month in Beijing and by kind (004-101): rows add up, others' are not counted, no cell is a formula."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa

from delivery.entries import change_office
from delivery.statistics import OfficeRow, Row, of_year
from records.database import Database
from records.tables import delivery
from tests.integration.test_desk import direct, record
from tests.portal_house import PortalHouse, furnish


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def by_office(house: PortalHouse) -> list[OfficeRow]:
    with house.database.read() as connection:
        return of_year(connection, "caac-north-china", 2026)[1]


def rows(house: PortalHouse, authority: str = "caac-north-china", year: int = 2026) -> list[Row]:
    with house.database.read() as connection:
        return of_year(connection, authority, year)[0]


def test_documents_and_their_service_are_counted_by_month_of_release_and_kind(house: PortalHouse) -> None:
    served = house.deliver("penalty-decision")
    record(house, served, direct(house))
    house.settle(served)
    deemed = house.deliver("penalty-prior-notice", number=2)
    house.deliver("penalty-prior-notice", number=3, release=False)
    house.settle(deemed, days=9)  # 2 December: the third working day has ended
    house.deliver("penalty-prior-notice", number=4)
    assert rows(house) == [
        Row(11, "penalty-decision", 1, 0, 0, 1, 0, 0),
        Row(11, "penalty-prior-notice", 1, 0, 1, 0, 0, 0),
        Row(12, "penalty-prior-notice", 1, 0, 0, 0, 0, 1),
    ]
    assert rows(house, "elsewhere") == [] and rows(house, year=2025) == []


def test_what_a_ruling_dated_is_counted_too_so_that_each_row_adds_up(house: PortalHouse) -> None:
    ruled = house.deliver("penalty-decision")
    with house.database.write() as connection:
        connection.execute(sa.update(delivery).where(delivery.c.id == ruled).values(service_basis="ruling"))
    assert rows(house) == [Row(11, "penalty-decision", 1, 0, 0, 0, 1, 0)]


def test_deliveries_are_counted_by_the_office_that_is_responsible_for_the_recipient(house: PortalHouse) -> None:
    house.deliver("penalty-decision")
    assert by_office(house) == [OfficeRow("", 1, 0, 0, 0, 0, 1)]
    with house.database.write() as connection:
        change_office(connection, ("caac-north-china", "air-example"), "beijing", by="clerk")
    assert by_office(house) == [OfficeRow("beijing", 1, 0, 0, 0, 0, 1)]
    client = house.browser("clerk")
    assert "Beijing" in client.get("/desk/statistics?lang=en").text
    table = list(csv.reader(io.StringIO(client.get("/desk/statistics/offices.csv").content.decode("utf-8-sig"))))
    assert table[1][1:] == ["1", "0", "0", "0", "0", "1"]


def test_the_page_the_table_and_the_chart_say_the_same(house: PortalHouse) -> None:
    house.deliver("penalty-decision")
    client = house.browser("clerk")
    page = client.get("/desk/statistics?lang=en").text
    assert "Decision on Administrative Penalty" in page and "2026" in page
    table = client.get("/desk/statistics/table.csv")
    assert table.headers["content-type"].startswith("text/csv")
    read = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert read[1][0] == "11" and read[1][2:] == ["1", "0", "0", "0", "0", "1"]
    chart = client.get("/desk/statistics/chart.svg")
    assert chart.headers["content-type"] == "image/svg+xml"
    texts = [each.text for each in ElementTree.fromstring(chart.text).iter() if each.tag.endswith("text")]  # noqa: S314
    assert "1" in texts and "12" in texts
    assert client.get("/desk/statistics?year=1").status_code == 404
    assert house.browser("NEA-FLB").get("/desk/statistics").status_code == 303
