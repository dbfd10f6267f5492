"""Several seals on one page: GB/T 9704-2012 7.3.5.1 as arithmetic, and the one seal of every printed instrument."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.errors import Refused
from signing.arrangement import TYPE_AREA_MM, side_by_side
from signing.fields import Placement
from templates.catalogue import catalogue
from tests.printed import printed_sample, words_with_boxes

ANCHOR = Placement(6, 131.2, 89.4)
SEAL, STAMP = (42.0, 42.0), (20.0, 20.0)
MM = 72 / 25.4
SEALED = [each for each in catalogue().ids() if catalogue().get(each).print.sealed]


def _edges(place: Placement) -> tuple[float, float, float, float]:
    width, height = place.size_mm
    return place.x_mm - width / 2, place.y_mm - height / 2, place.x_mm + width / 2, place.y_mm + height / 2


def test_one_seal_stands_on_the_anchor() -> None:
    assert side_by_side(ANCHOR, [SEAL]) == [Placement(6, 131.2, 89.4, 42.0, 42.0)]


def test_the_second_stands_to_the_left_clear_of_the_name_under_the_first() -> None:
    first, second = side_by_side(ANCHOR, [SEAL, STAMP], name_mm=72.2)
    assert (first.x_mm, first.y_mm) == (131.2, 89.4)
    assert second.x_mm + 10 == pytest.approx(131.2 - 36.1 - 2)
    assert second.y_mm == first.y_mm
    assert second.size_mm == STAMP


def test_a_row_ends_at_the_type_area_and_the_next_stands_below() -> None:
    places = side_by_side(Placement(6, 131.2, 120.0), [SEAL] * 4)
    assert [each.y_mm for each in places] == [120.0, 120.0, 76.0, 76.0]
    assert [round(each.x_mm, 1) for each in places] == [131.2, 87.2, 131.2, 87.2]


@pytest.mark.parametrize(
    ("anchor", "sizes", "options"),
    [
        (ANCHOR, [SEAL] * 4, {}),
        (Placement(1, 131.2, 120.0), [SEAL] * 3, {"lowest_mm": 60.0}),  # 版记 begins there
        (Placement(1, 170.0, 89.4), [SEAL], {}),
        (Placement(1, 40.0, 89.4), [SEAL], {}),
        (Placement(1, 131.2, 250.0), [SEAL], {}),
        (ANCHOR, [(42.0, 42.0)] * 7, {}),
    ],
)
def test_without_room_it_is_refused(
    anchor: Placement, sizes: list[tuple[float, float]], options: dict[str, float]
) -> None:
    with pytest.raises(Refused) as refused:
        side_by_side(anchor, sizes, **options)
    assert refused.value.faults[0].code == "no_room"


@given(
    st.lists(st.tuples(st.floats(8, 50), st.floats(8, 50)), min_size=1, max_size=8),
    st.floats(30, 180),
    st.floats(40, 255),
    st.floats(0, 90),
)
def test_seals_in_rows_never_touch_and_never_leave_the_type_area(
    sizes: list[tuple[float, float]], x: float, y: float, name: float
) -> None:
    left, low, right, high = TYPE_AREA_MM
    try:
        places = side_by_side(Placement(1, x, y), sizes, name_mm=name)
    except Refused:
        return
    assert [each.size_mm for each in places] == sizes
    boxes = [_edges(each) for each in places]
    for box in boxes:
        assert box[0] >= left - 0.02 and box[1] >= low - 0.02 and box[2] <= right + 0.02 and box[3] <= high + 0.02
    for one, other in combinations(boxes, 2):
        apart = max(other[0] - one[2], one[0] - other[2], other[1] - one[3], one[1] - other[3])
        assert apart > 1.9


@pytest.mark.parametrize("identifier", SEALED)
def test_gb_t_9704_7_3_5_1_the_seal_of_every_instrument_stands_on_its_date_within_one_line_of_the_text(
    identifier: str,
) -> None:
    """Centred on name and date, these a little below its centre; its top not on the text and within a line of it."""
    printed = printed_sample(identifier)
    assert printed.anchor is not None
    side_by_side(Placement(printed.anchor.page + 1, printed.anchor.x_mm, printed.anchor.y_mm), [SEAL])
    x, y, radius = printed.anchor.x_mm * MM, (297 - printed.anchor.y_mm) * MM, 21 * MM
    words = [each for each in words_with_boxes(printed.pdf) if each.page == printed.anchor.page]
    dates = [each for each in words if each.text.startswith("二〇") and each.text.endswith("日")]
    date = min(dates, key=lambda each: abs((each.top + each.bottom) / 2 - y))
    assert abs((date.left + date.right) / 2 - x) < 1.5
    assert 0 < date.bottom - y < radius
    above = [each.bottom for each in words if each.bottom < y - radius / 2]
    assert above, "the closing stands alone on its page"
    assert -1 <= (y - radius) - max(above) + 4 <= 29
