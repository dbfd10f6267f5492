"""The pinned fonts: digests, what they can draw, and rendering trap 1 (Fandol draws U+FFE5 as a dollar sign)."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from records.errors import Permanent
from templates import font_install, fonts


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    font_install.install(fonts.font_directory())


def test_every_file_has_the_pinned_digest() -> None:
    assert fonts.verify() == []


def test_roles_that_the_typesetters_ask_for_have_a_file() -> None:
    for role in ("body", "title", "heading", "kai", "latin", "latin-bold", "latin-italic", "fallback"):
        assert fonts.font_path(role).is_file()
    with pytest.raises(KeyError):
        fonts.font("handwriting")


def test_one_family_weight_and_style_is_one_file() -> None:
    """Trap 3: WeasyPrint keys embedded fonts by family and style, not by file."""
    described = [(font.family, font.weight, font.style) for font in fonts.FONTS]
    assert len(described) == len(set(described))


@pytest.mark.parametrize("role", ["body", "heading", "kai"])
def test_no_fandol_font_maps_the_full_width_yuan_sign(role: str) -> None:
    """Trap 1: it would be drawn as a dollar sign; the fallback font has the right one."""
    with TTFont(fonts.font_path(role), lazy=True) as opened:
        assert 0xFFE5 not in opened.getBestCmap()
    assert fonts.missing_glyphs("￥") == set()


def test_removing_a_code_point_changes_no_other_mapping_and_no_outline() -> None:
    original = fonts.font_path("body").read_bytes()
    changed = font_install.without_characters(original, [0x4E00])
    with TTFont(io.BytesIO(original), lazy=True) as before, TTFont(io.BytesIO(changed), lazy=True) as after:
        assert {code: name for code, name in before.getBestCmap().items() if code != 0x4E00} == after.getBestCmap()
        assert before.reader["CFF "] == after.reader["CFF "]


def test_ordinary_text_of_an_instrument_can_be_drawn() -> None:
    text = "民用航空行政处罚决定书〔2026〕第〇号\n人民币叁万元整（¥30,000.00）—“引号”…… Décision No. 12, Müller & Søn"
    assert fonts.missing_glyphs(text) == set()


def test_rare_characters_of_names_are_drawn_by_the_fallback() -> None:
    assert fonts.missing_glyphs("𬱖䶮㛃𠮷") == set()


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x07", "\t", "\r", "\x7f", "\x85", "\u200b", "\u202e", "\u2066", "\ufeff", "\ufe0f", "\U000e0100"],
)
def test_what_has_no_shape_is_missing(character: str) -> None:
    assert fonts.missing_glyphs(f"甲{character}乙") == {character}


@pytest.mark.parametrize("character", ["\ue000", "\u2028", "\ud800", "\u3164", "\uffff", "😀", "ꦀ"])
def test_what_has_no_glyph_is_missing(character: str) -> None:
    assert fonts.missing_glyphs(f"甲{character}乙") == {character}


def test_the_line_feed_is_no_missing_glyph() -> None:
    assert fonts.missing_glyphs("一\n二") == set()


@given(st.text(max_size=40))
def test_missing_glyphs_are_among_the_characters_and_add_up(text: str) -> None:
    missing = fonts.missing_glyphs(text)
    assert missing <= set(text)
    assert fonts.missing_glyphs("".join(character for character in text if character not in missing)) == set()


def test_fontconfig_sees_the_pinned_fonts_and_nothing_else() -> None:
    """Trap 13: with the system's fonts an engine picks other faces."""
    listed = subprocess.run(
        ["fc-list", "-f", "%{file}\n"],
        env={"FONTCONFIG_FILE": str(fonts.fontconfig_file()), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert {Path(line).name for line in listed} == {font.file for font in fonts.FONTS}
    assert {Path(line).parent for line in listed} == {fonts.font_directory()}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("仿宋_GB2312", "FandolFang"),
        ("SimSun", "Noto Serif CJK SC"),
        ("Times New Roman", "Liberation Serif"),
        ("Some Unknown Face", "Noto Serif CJK SC"),
    ],
)
def test_office_font_names_lead_to_pinned_faces_and_never_to_a_japanese_one(asked: str, found: str) -> None:
    matched = subprocess.run(
        ["fc-match", "-f", "%{family[0]}", asked],
        env={"FONTCONFIG_FILE": str(fonts.fontconfig_file()), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert matched.stdout == found


def test_without_installed_fonts_the_error_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGDA_FONTS", str(tmp_path))
    with pytest.raises(Permanent, match=r"python -m templates\.font_install install"):
        fonts.font_path("body")
    assert not fonts.is_installed()


def test_an_exchanged_file_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for source in fonts.font_directory().iterdir():
        if source.is_file():
            (copy / source.name).write_bytes(source.read_bytes())
    assert not fonts.is_installed(copy)  # other times of change: not taken on trust
    font_install.install(copy)
    assert fonts.is_installed(copy)
    latin = copy / fonts.font("latin").file
    latin.write_bytes(latin.read_bytes() + b"\0")
    assert not fonts.is_installed(copy)
    assert fonts.verify(copy) == [latin.name]


def test_a_package_with_another_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"not the pinned file.*snapshot\.debian\.org"):
        font_install._place(tmp_path, fonts.font("latin"), b"another font")
    assert list(tmp_path.iterdir()) == []


def test_the_digest_of_the_list_changes_with_any_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fonts.list_digest()
    monkeypatch.setattr(fonts, "FONTS", fonts.FONTS[1:])
    assert fonts.list_digest() != before


def test_the_command_verifies_and_refuses_nonsense(capsys: pytest.CaptureFixture[str]) -> None:
    assert font_install.main(["verify"]) == 0
    assert font_install.main(["fetch"]) == 2
    assert "usage" in capsys.readouterr().err
