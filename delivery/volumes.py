"""A case volume (案卷): which paper stands where (004-92), and what its cover and table of contents say.

Pure: papers in, an order and pages of HTML out. One case is one file, and its pages are numbered (004-93).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Final

from delivery.beijing import date_en, date_zh
from delivery.twin_html import Pair, paragraphs, spans
from records.errors import Fault, Refused
from templates.manifests import Manifest

_DATA: Final = Path(__file__).with_name("volume.toml")
#: Where the centre of the seal belongs on the cover: millimetres from the lower left corner (see volume.css).
SEAL_PLACE: Final = (127.0, 68.0)


@dataclass(frozen=True)
class Part:
    """One part of the volume: its printed number, its title, and the instruments that stand in it."""

    number: str
    title: Pair
    instruments: frozenset[str]


@dataclass(frozen=True)
class Order:
    """The parts in order, and where papers stand that none of them names."""

    title: Pair
    rule: str
    parts: tuple[Part, ...]
    served_elsewhere: str
    other: str
    added: str

    def part_of(self, instrument: Manifest) -> str:
        """The number of the part in which documents of this kind stand."""
        for part in self.parts:
            if instrument.id in part.instruments:
                return part.number
        return self.served_elsewhere if instrument.served else self.other


@cache
def order() -> Order:
    """The order of 004-92."""
    data = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    parts = tuple(
        Part(each["number"], (each["zh"], each["en"]), frozenset(each["instruments"])) for each in data["part"]
    )
    title = (data["title_zh"], data["title_en"])
    return Order(title, data["rule"], parts, data["served_elsewhere"], data["other"], data["added"])


def check_part(number: str) -> None:
    """Raise Refused, pointing at `/part`, when the volume has no such part."""
    known = [part.number for part in order().parts]
    if number not in known:
        message = f"A volume has the parts {', '.join(known)} (004-92), and no {number!r}."
        raise Refused([Fault("/part", "unknown_part", message, f"案卷没有第（{number}）部分。", order().rule)])


@dataclass(frozen=True)
class Paper:
    """One paper of the case.

    `digest` names its bytes, `day` is its day in Beijing, `number` its 文号 or "". `original` names the file as which
    signed bytes ride along as an attachment, "" when there is none. `undated`: the paper does not tell its day, and
    `day`, that of its recording, only gives it a place.
    """

    part: str
    title: Pair
    number: str
    day: date
    digest: str
    media_type: str
    original: str = ""
    undated: bool = False


@dataclass(frozen=True)
class Bound:
    """A paper with the numbers of its first and last page in the volume."""

    paper: Paper
    first: int
    last: int


def arrange(papers: Sequence[Paper]) -> list[tuple[Part, list[Paper]]]:
    """The papers by part in the order of 004-92, oldest first within a part; parts without papers are left out."""
    arranged = []
    for part in order().parts:
        inside = sorted((paper for paper in papers if paper.part == part.number), key=lambda paper: paper.day)
        if inside:
            arranged.append((part, inside))
    return arranged


@dataclass(frozen=True)
class Cover:
    """What the cover says of the case. `day` is the day in Beijing on which the volume is made.

    `archival`: every part of the volume may be kept for good as it is (PDF/A); known once the papers were looked at.
    """

    agency: Pair
    case_no: str
    party: Pair | None
    day: date
    test: bool
    archival: bool = False


def front_html(cover: Cover, bound: Sequence[Bound]) -> str:
    """Cover and table of contents; every fact in them is escaped."""
    return _cover(cover, bound) + _contents(cover, bound)


def _cover(cover: Cover, bound: Sequence[Bound]) -> str:
    rows: list[tuple[Pair, Pair]] = [(("案号", "Case No."), (cover.case_no, ""))]
    if cover.party is not None:
        rows.append((("当事人", "Party"), cover.party))
    pages = bound[-1].last if bound else 0
    rows.append((("材料份数", "Papers"), (f"{len(bound)}份", str(len(bound)))))
    rows.append((("页数", "Pages"), (f"{pages}页（不含封面和目录）", f"{pages}, without cover and contents")))
    cells = "".join(f'<tr><th scope="row">{spans(label)}</th><td>{spans(value)}</td></tr>' for label, value in rows)
    closing = (cover.agency, (date_zh(cover.day), date_en(cover.day)))
    return (
        f'<section class="volume-cover">{_mark(cover)}{paragraphs(cover.agency, "agency")}'
        f'<h1>{spans(order().title)}</h1><table class="fields">{cells}</table>'
        f'<div class="volume-seal">{"".join(paragraphs(pair) for pair in closing)}</div></section>\n'
    )


_TEST: Final[Pair] = ("TEST 测试系统，没有法律效力", "TEST system, without legal effect")
_HEADS: Final[tuple[tuple[Pair, int], ...]] = (
    (("材料名称", "Paper"), 300),
    (("文号", "Number"), 150),
    (("日期", "Date"), 90),
    (("页号", "Pages"), 60),
)
_UNDATED: Final[Pair] = ("日期不清", "Not readable")
_ORIGINALS: Final[Pair] = (
    "标*的材料为经电子签名的文书，其原件作为附件随附于本文件，可从附件中取出单独验证；本卷内页为其可视页面。",
    "Papers marked * are electronically signed; their originals are attached to this file and can be taken out and "
    "verified by themselves. The pages in this volume show what they look like.",
)
_NOT_ARCHIVAL: Final[Pair] = (
    "本卷含有不符合长期保存格式（PDF/A）的材料，故本文件不声明为PDF/A-3。",
    "Some papers of this volume are not in the format for long-term archiving (PDF/A), so this file does not claim to "
    "be PDF/A-3.",
)


def _mark(cover: Cover) -> str:
    return f'<div class="mark" role="note">{paragraphs(_TEST)}</div>' if cover.test else ""


def _contents(cover: Cover, bound: Sequence[Bound]) -> str:
    columns = "".join(f'<col width="{width}">' for _, width in _HEADS)
    heads = "".join(f'<th scope="col">{spans(label)}</th>' for label, _ in _HEADS)
    notes = [_ORIGINALS] if any(each.paper.original for each in bound) else []
    notes += [] if cover.archival else [_NOT_ARCHIVAL]
    return (
        f'<section class="volume-contents"><h1>{spans(("卷内目录", "Contents"))}</h1>'
        f'<table class="grid" aria-label="卷内目录 Contents"><colgroup>{columns}</colgroup>'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(_rows(bound))}</tbody></table>"
        f"{''.join(paragraphs(note) for note in notes)}</section>\n"
    )


def _rows(bound: Sequence[Bound]) -> Iterator[str]:
    for part in order().parts:
        inside = [each for each in bound if each.paper.part == part.number]
        if inside:
            title = (f"（{part.number}）{part.title[0]}", part.title[1])
            yield f'<tr class="part"><th scope="colgroup" colspan="{len(_HEADS)}">{spans(title)}</th></tr>'
        for each in inside:
            paper, star = each.paper, "*" if each.paper.original else ""
            pages = f"{each.first}" if each.first == each.last else f"{each.first}–{each.last}"
            title = (paper.title[0] + star, paper.title[1])
            day = spans(_UNDATED) if paper.undated else escape(paper.day.isoformat())
            cells = (spans(title), escape(paper.number), day, pages)
            yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def party_of(facts: Sequence[Mapping[str, Any]]) -> Pair | None:
    """The party of the case, as the first document says it that names one."""
    for each in facts:
        name = each.get("party", {}).get("name") if isinstance(each.get("party"), Mapping) else None
        if isinstance(name, Mapping) and {"zh", "en"} <= name.keys():
            return str(name["zh"]), str(name["en"])
    return None
