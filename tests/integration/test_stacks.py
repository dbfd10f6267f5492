"""A stack from the document feeder: split at its barcodes, attached, and nothing lost when reading ends half way."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from delivery import stacks
from delivery.barcodes import new_code, spaced, stamp
from delivery.desk import record_paper_receipt
from records import attempts
from records import stacks as rows
from records.database import Database
from records.errors import Permanent, Refused, Retry
from records.paging import Part
from tests.integration.test_desk import direct, today
from tests.integration.test_paper_attempts import SERVERS, begin, scan
from tests.portal_house import AUTHORITY, PortalHouse, furnish, hidden
from tests.signing_support import plain_pdf


@pytest.fixture(scope="module", autouse=True)
def _no_child_left() -> Iterator[None]:
    yield
    stacks.close()


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def scanned(*codes: str, angle: float = 0.0) -> bytes:
    """A page for each code ("" for none) as a feeder makes it: a grey picture, turned a little."""
    pictures = []
    for code in codes:
        pdf = pypdfium2.PdfDocument(stamp(plain_pdf(), code) if code else plain_pdf())
        picture = pdf[0].render(scale=200 / 72).to_pil().convert("L").rotate(angle, fillcolor=250)
        pdf.close()
        pictures.append(picture.point(lambda value: 40 + value * 200 // 255))
    made = io.BytesIO()
    pictures[0].save(made, "PDF", save_all=True, append_images=pictures[1:], resolution=200)
    return made.getvalue()


def take_in(house: PortalHouse, pdf: bytes) -> str:
    return stacks.take_in(house.database, house.store, AUTHORITY, pdf, "per_clerk")


def read_on(house: PortalHouse, stack_id: str, **more: Any) -> tuple[str, ...]:
    return stacks.read_on(house.database, house.store, AUTHORITY, stack_id, "per_clerk", **more)


def parts(house: PortalHouse, stack_id: str) -> list[tuple[int, int, str | None, str]]:
    with house.database.read() as connection:
        found = rows.parts(connection, stack_id)
    return [(part["first_page"], part["last_page"], part["code"], part["state"]) for part in found]


def proofs(house: PortalHouse, delivery_id: str) -> list[int]:
    """How many pages each attached proof has."""
    with house.database.read() as connection:
        digests = [each["digest"] for each in attempts.files(connection, delivery_id) if each["kind"] == "proof"]
    return [len(pikepdf.open(io.BytesIO(house.store.get(digest))).pages) for digest in digests]


def test_a_stack_is_split_at_its_barcodes_and_attached(house: PortalHouse) -> None:
    first, second = house.deliver("penalty-decision"), house.deliver("penalty-decision", number=2)
    one, two = begin(house, first)["code"], begin(house, second)["code"]
    strange = new_code()
    stack_id = take_in(house, scanned(one, one, "", two, strange, angle=1.5))
    read_on(house, stack_id)
    assert parts(house, stack_id) == [
        (0, 1, one, "attached"),
        (2, 2, None, "open"),  # nobody guesses whose it is
        (3, 3, two, "attached"),
        (4, 4, strange, "open"),
    ]
    assert (proofs(house, first), proofs(house, second)) == ([2], [1])
    with house.database.read() as connection:
        (stack,) = rows.newest(connection, AUTHORITY, Part(10)).rows
    assert (stack["read_pages"], stack["pages"], stack["open_parts"]) == (5, 5, 2)


def test_a_record_that_lacked_only_its_scan_gets_its_date_and_another_waits(house: PortalHouse) -> None:
    full, bare = house.deliver("penalty-decision"), house.deliver("penalty-decision", number=2)
    one, two = begin(house, full), begin(house, bare)
    scan(house, one["code"])
    record_of_first = direct(house, servers=list(SERVERS))
    names = (house.database, house.store, AUTHORITY, full)
    record_paper_receipt(*names, record_of_first, None, "per_clerk", attempt_id=one["id"])
    scan(house, two["code"])
    due = read_on(house, take_in(house, scanned(one["code"], two["code"])))
    assert due == (f"{full}/settle",)
    assert house.row(full)["service_date"] == today(house).isoformat() and not house.row(full)["scan_missing"]
    assert house.row(bare)["service_status"] == "pending" and house.row(bare)["scan_missing"]
    with house.database.read() as connection:
        missing = attempts.without_scan(connection, AUTHORITY, Part(10)).rows
    assert [row["delivery_id"] for row in missing] == [bare]


def test_reading_goes_on_where_it_ended_and_the_same_file_is_the_same_stack(
    house: PortalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    pdf = scanned("", code, code)
    stack_id = take_in(house, pdf)
    monkeypatch.setattr(stacks, "_AT_A_TIME", 1)
    real, calls = stacks._codes, list[int]()

    def dies_at_the_last(pdf: bytes, first: int, count: int) -> list[str | None]:
        calls.append(first)
        if first == 2 and calls.count(2) == 1:
            raise Retry("the child died")
        return real(pdf, first, count)

    monkeypatch.setattr(stacks, "_codes", dies_at_the_last)
    with pytest.raises(Retry):
        read_on(house, stack_id)
    assert parts(house, stack_id) == [(0, 0, None, "open"), (1, 1, code, "open")] and proofs(house, delivery_id) == []
    assert take_in(house, pdf) == stack_id
    read_on(house, stack_id)
    assert calls == [0, 1, 2, 2]
    assert parts(house, stack_id) == [(0, 0, None, "open"), (1, 2, code, "attached")]
    assert proofs(house, delivery_id) == [2]
    read_on(house, stack_id)
    assert proofs(house, delivery_id) == [2]


def test_a_call_reads_for_its_time_and_no_longer(house: PortalHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "_AT_A_TIME", 1)
    stack_id = take_in(house, scanned("", "", ""))
    read_on(house, stack_id, seconds=0)
    assert parts(house, stack_id) == [(0, 0, None, "open")]
    read_on(house, stack_id)
    assert parts(house, stack_id) == [(0, 2, None, "open")]


def test_a_page_that_cannot_be_drawn_is_one_to_be_looked_at(
    house: PortalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = begin(house, house.deliver("penalty-decision"))["code"]
    real = stacks._child().call

    def refuses_the_first(payload: bytes, timeout: float) -> bytes:
        first, _count = stacks.HEADER.unpack_from(payload)
        if first == 0:
            raise Permanent("this page ends the child")
        return real(payload, timeout)

    monkeypatch.setattr(stacks._child(), "call", refuses_the_first)
    stack_id = take_in(house, scanned(code, code))
    read_on(house, stack_id)
    assert parts(house, stack_id) == [(0, 0, None, "open"), (1, 1, code, "attached")]


def test_a_part_is_assigned_by_hand_or_set_aside(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    stack_id = take_in(house, scanned("", code, ""))
    read_on(house, stack_id)
    with pytest.raises(Refused):
        stacks.assign(house.database, house.store, AUTHORITY, stack_id, 0, new_code(), "per_clerk")
    stacks.assign(house.database, house.store, AUTHORITY, stack_id, 0, code, "per_clerk")
    stacks.set_aside(house.database, AUTHORITY, stack_id, 2, "per_clerk")
    stacks.set_aside(house.database, AUTHORITY, stack_id, 2, "per_clerk")
    assert [part[3] for part in parts(house, stack_id)] == ["attached", "attached", "set_aside"]
    with pytest.raises(LookupError):
        stacks.assign(house.database, house.store, "elsewhere", stack_id, 2, code, "per_x")
    with pytest.raises(LookupError):
        stacks.read_on(house.database, house.store, "elsewhere", stack_id, "per_x")


def test_a_code_of_another_authority_attaches_nothing(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    stack_id = stacks.take_in(house.database, house.store, "elsewhere", scanned(code), "per_x")
    stacks.read_on(house.database, house.store, "elsewhere", stack_id, "per_x")
    assert parts(house, stack_id) == [(0, 0, code, "open")] and proofs(house, delivery_id) == []


def test_what_is_no_pdf_is_no_stack(house: PortalHouse) -> None:
    made = io.BytesIO()
    Image.new("L", (60, 80), 255).save(made, "PNG")
    for content in (made.getvalue(), b"GIF89a", b""):
        with pytest.raises(Refused):
            take_in(house, content)


def test_a_page_without_a_barcode_asks_for_its_code_and_names_the_neighbours_only_as_a_hint(
    house: PortalHouse,
) -> None:
    code = begin(house, house.deliver("penalty-decision", number=1))["code"]
    stack_id = stacks.take_in(house.database, house.store, AUTHORITY, scanned(code, ""), "per_clerk")
    stacks.read_on(house.database, house.store, AUTHORITY, stack_id, "per_clerk")
    page = house.browser("clerk").get(f"/desk/stacks/{stack_id}").text
    assert 'id="code_1" name="code" value=""' in page
    assert f'id="before_1">前面页的条码：{spaced(code)}<' in page


def test_a_code_that_is_refused_stays_in_its_field_with_the_fault_beside_it(house: PortalHouse) -> None:
    code = begin(house, house.deliver("penalty-decision", number=1))["code"]
    stack_id = stacks.take_in(house.database, house.store, AUTHORITY, scanned(code, "", code, ""), "per_clerk")
    stacks.read_on(house.database, house.store, AUTHORITY, stack_id, "per_clerk")
    client, at = house.browser("clerk"), f"/desk/stacks/{stack_id}"
    form = {"csrf": hidden(client.get(at).text, "csrf"), "code": '12"3'}
    page = client.post(f"{at}/1/assign?lang=en", data=form)
    assert page.status_code == 422 and "<title>Error: " in page.text
    field = re.search(r'<input id="code_1"[^>]*>', page.text)
    assert field and 'value="12&#34;3"' in field[0] and 'aria-invalid="true"' in field[0]
    assert 'aria-describedby="before_1 code_1-fault-1 "' in field[0]
    assert 'id="code_1-fault-1">Nobody here knows this code.' in page.text and '<a href="#code_1">' in page.text
    other = re.search(r'<input id="code_3"[^>]*>', page.text)
    assert other and 'value=""' in other[0] and "aria-invalid" not in other[0]
    gone = client.post(f"{at}/0/assign", data=form | {"code": str(code)})
    assert gone.status_code == 422 and "#code_0" not in gone.text, "that part is attached and has no field"
