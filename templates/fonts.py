"""The pinned fonts: what may be drawn with, where the files are, and which characters they cannot draw.

Fonts are part of the evidence, so nothing is taken from the machine's own fonts: `fonts.toml` names every file with its
digest, `python -m templates.font_install install` brings them here, and an engine is shown this folder alone.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from records.errors import Permanent

LIST = Path(__file__).with_name("fonts.toml")
STAMP = "installed.json"
INSTALL_COMMAND = "python -m templates.font_install install"

# Word templates name the fonts of Chinese offices; these are the pinned faces that stand for them.
SUBSTITUTES = {
    "仿宋": "FandolFang",
    "仿宋_GB2312": "FandolFang",
    "FangSong": "FandolFang",
    "FangSong_GB2312": "FandolFang",
    "黑体": "FandolHei",
    "SimHei": "FandolHei",
    "楷体": "FandolKai",
    "楷体_GB2312": "FandolKai",
    "KaiTi": "FandolKai",
    "宋体": "Noto Serif CJK SC",
    "SimSun": "Noto Serif CJK SC",
    "方正小标宋简体": "Noto Serif CJK SC",
    "Times New Roman": "Liberation Serif",
    "serif": "Liberation Serif",
    "sans-serif": "FandolHei",
}

# The collections also hold Japanese, Korean and Traditional faces: other shapes for the same characters.
_REJECTED = "".join(
    f'  <selectfont><rejectfont><pattern><patelt name="family"><string>Noto Serif CJK {region}</string></patelt>'
    "</pattern></rejectfont></selectfont>\n"
    for region in ("JP", "KR", "TC", "HK")
)
_LAST_RESORT = (
    '  <match target="pattern"><edit name="family" mode="append_last" binding="weak">'
    "<string>Noto Serif CJK SC</string></edit></match>\n"
)

# Unicode's Default_Ignorable_Code_Point outside category Cf: drawn as nothing, so no reader would see them.
_IGNORABLE = frozenset(
    [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2065, 0x3164, 0xFFA0]
).union(range(0xFE00, 0xFE10), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000))
#: Unicode categories of what has no shape of its own.
UNDRAWABLE_CATEGORIES: Final = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])


@dataclass(frozen=True)
class Font:
    """One pinned font file. `face` is the index in a collection; `remove` are code points taken out on installing."""

    role: str
    family: str
    file: str
    sha256: str
    package: str
    version: str
    path: str
    licence: str
    weight: int = 400
    style: str = "normal"
    face: int = 0
    source_sha256: str = ""
    remove: tuple[int, ...] = ()

    @property
    def digest_in_package(self) -> str:
        """SHA-256 of the file as its package holds it."""
        return self.source_sha256 or self.sha256


def _read_list() -> tuple[Font, ...]:
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["font"]
    return tuple(Font(**{**entry, "remove": tuple(entry.get("remove", ()))}) for entry in entries)


FONTS: tuple[Font, ...] = _read_list()


def list_digest() -> str:
    """SHA-256 over all pinned files in order of role: what a document records as the fonts it was printed with."""
    return _digest_of(FONTS)


@functools.lru_cache(maxsize=2)
def _digest_of(listed: tuple[Font, ...]) -> str:
    lines = sorted(f"{entry.role} {entry.file} {entry.sha256}\n" for entry in listed)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def font_directory() -> Path:
    """Where the font files are: `SONGDA_FONTS`, else `var/fonts` under the project root."""
    return _directory(os.environ.get("SONGDA_FONTS"))


@functools.cache
def _directory(configured: str | None) -> Path:
    return Path(configured).resolve() if configured else Path(__file__).resolve().parents[1] / "var" / "fonts"


def font(role: str) -> Font:
    """The pinned font of a role; KeyError if there is no such role."""
    for candidate in FONTS:
        if candidate.role == role:
            return candidate
    raise KeyError(role)


def family(role: str) -> str:
    """The family name that engines know the font of a role by."""
    return font(role).family


def font_path(role: str) -> Path:
    """The installed file of a role. Raises Permanent when the fonts are not installed as pinned."""
    wanted = font(role)
    directory = font_directory()
    _stamp(directory)
    return directory / wanted.file


def is_installed(directory: Path | None = None) -> bool:
    """Whether all pinned files stand there, as they were when their digests were checked."""
    try:
        _stamp(directory or font_directory())
    except Permanent:
        return False
    return True


def verify(directory: Path | None = None) -> list[str]:
    """Read every font file again; return the names of those that are absent or not as pinned."""
    where = directory or font_directory()
    return [entry.file for entry in FONTS if file_digest(where / entry.file) != entry.sha256]


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; empty if there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def missing_glyphs(text: str) -> set[str]:
    """The characters of `text` that none of the pinned fonts can draw.

    What has no shape of its own (controls but the line feed, bidirectional and other format characters, variation
    selectors, private use, lone surrogates) counts as missing, whatever a font's table claims. Raises Permanent when
    the fonts are not installed.
    """
    return set(text) - _drawable(str(font_directory()))


def file_state(path: Path) -> list[int]:
    """Size in bytes and time of change in nanoseconds: enough to see that a checked file was not exchanged."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _stamp(directory: Path) -> dict[str, object]:
    """The note that installing left, if it still fits the files; else Permanent, saying what to do."""
    advice = f"the pinned fonts are not installed in {directory}; run: {INSTALL_COMMAND}"
    try:
        stamp = _note(directory / STAMP, tuple(file_state(directory / STAMP)))
        states = {entry.file: file_state(directory / entry.file) for entry in FONTS}
    except (OSError, ValueError) as error:
        raise Permanent(advice) from error
    if stamp.get("list") != list_digest() or stamp.get("files") != states:
        raise Permanent(advice)
    return stamp


@functools.lru_cache(maxsize=4)
def _note(path: Path, _state: tuple[int, ...]) -> dict[str, object]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


@functools.lru_cache(maxsize=4)
def _drawable(directory: str) -> frozenset[str]:
    """Every character that may stand in a text: what a font covers and has a shape of its own, and the line feed."""
    ranges = _stamp(Path(directory))["coverage"]
    assert isinstance(ranges, list)  # noqa: S101  (written by our own installer)
    codes = (code for first, last in ranges for code in range(first, last + 1) if code not in _IGNORABLE)
    shaped = (chr(code) for code in codes if unicodedata.category(chr(code)) not in UNDRAWABLE_CATEGORIES)
    return frozenset(shaped) | {"\n"}


def fontconfig_file() -> Path:
    """A fontconfig configuration that sees the pinned fonts and nothing else; for `FONTCONFIG_FILE`.

    Raises Permanent when the fonts are not installed.
    """
    directory = font_directory()
    _stamp(directory)
    return directory / "fonts.conf"


def write_fontconfig(directory: Path) -> None:
    """Write `fonts.conf` into the font folder, with its cache beside it."""
    aliases = "".join(
        f'  <alias binding="same"><family>{escape(name)}</family><prefer><family>{escape(target)}</family>'
        f"<family>Noto Serif CJK SC</family></prefer></alias>\n"
        for name, target in SUBSTITUTES.items()
    )
    text = (
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">\n<fontconfig>\n'
        f"  <dir>{escape(str(directory))}</dir>\n  <cachedir>{escape(str(directory / 'cache'))}</cachedir>\n"
        f"{_REJECTED}{_LAST_RESORT}{aliases}</fontconfig>\n"
    )
    target = directory / "fonts.conf"
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
