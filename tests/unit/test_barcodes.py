"""Codes of attempts: checked, read however they were typed, printed so that another reader reads them."""

from __future__ import annotations

import io

import pikepdf
import pypdfium2
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from delivery import barcodes
from tests.signing_support import plain_pdf


@given(st.integers(0, 10**10 - 1), st.integers(0, 11), st.integers(1, 9))
def test_every_mistyped_digit_is_seen(number: int, place: int, off: int) -> None:
    code = barcodes.with_check(f"{number:010}")
    assert len(code) == 12 and barcodes.read_code(code) == code
    wrong = f"{code[:place]}{(int(code[place]) + off) % 10}{code[place + 1 :]}"
    assert barcodes.read_code(wrong) is None


@given(st.integers(0, 10**10 - 1), st.integers(0, 10))
def test_every_swap_of_neighbours_is_seen(number: int, place: int) -> None:
    code = barcodes.with_check(f"{number:010}")
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert swapped == code or barcodes.read_code(swapped) is None


@pytest.mark.parametrize("typed", ["{0}", " {0}\r\n", "{1}", "{2}", "{3}"])
def test_a_code_is_read_in_full_width_and_in_groups(typed: str) -> None:
    code = barcodes.with_check("0123456789")
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in code)
    assert barcodes.read_code(typed.format(code, wide, barcodes.spaced(code), barcodes.spaced(wide))) == code


@pytest.mark.parametrize("text", ["", "x", "012345678900", "٠" * 12, "1" * 13, "01234567890"])
def test_what_is_no_code_is_none(text: str) -> None:
    assert barcodes.read_code(text) is None


def test_another_reader_reads_what_is_stamped_on_every_page() -> None:
    code = barcodes.new_code()
    two, buffer = pikepdf.new(), io.BytesIO()
    with pikepdf.open(io.BytesIO(plain_pdf())) as one:
        two.pages.extend(one.pages)
        two.pages.extend(one.pages)
    two.save(buffer)
    stamped = barcodes.stamp(buffer.getvalue(), code)
    assert stamped == barcodes.stamp(buffer.getvalue(), code)
    pages = pypdfium2.PdfDocument(stamped)
    for page in pages:
        image = page.render(scale=150 / 72).to_pil().convert("L")
        (found,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.Code128)
        assert found.text == code
    pages.close()


@pytest.mark.parametrize("pair", ["99", "98", "00"])
def test_a_code_that_begins_like_a_command_of_the_symbology_is_drawn_whole(pair: str) -> None:
    """99 is Code C as well as data (ISO/IEC 15417): a writer was seen to leave it out."""
    code = barcodes.with_check(f"{pair}5408163{pair[0]}")
    bars = "".join("\x00" if bar == "1" else "\xff" for bar in "0" * 10 + barcodes.modules(code) + "0" * 10)
    picture = Image.frombytes("L", (len(bars), 1), bars.encode("latin-1")).resize((len(bars) * 3, 60))
    assert [each.text for each in zxingcpp.read_barcodes(picture)] == [code]
