"""The text of a public notice (公告送达), to be posted and published, in both languages (民诉法 95, 283).

It says who is served with what and after which period. It says nothing of what the document holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from delivery.beijing import date_en, date_zh
from delivery.paper import notice_period, public_notice_day
from delivery.twin_html import Pair, paragraphs, spans
from templates.typesetters.html import print_html

_TITLE: Final = ("公告", "Public Notice")
_TEST: Final = ("TEST 测试件，不具有法律效力", "TEST: without legal effect")


@dataclass(frozen=True)
class PublicNotice:
    """What the notice says. `published_on` is the day in Beijing on which it is posted; `abroad`: the recipient is."""

    recipient: Pair
    document: Pair
    number: Pair
    sender: Pair
    address: Pair
    published_on: date
    abroad: bool
    test: bool

    @property
    def served_on(self) -> date:
        """The legal day: the day after the period."""
        return public_notice_day(self.published_on, abroad=self.abroad)


def notice_html(notice: PublicNotice) -> str:
    """The body of the page; every fact in it is escaped."""
    period = notice_period(notice.published_on, abroad=notice.abroad)
    named_zh = f"《{notice.document[0]}》" + (f"（{notice.number[0]}）" if notice.number[0] else "")
    named_en = notice.document[1] + (f" ({notice.number[1] or notice.number[0]})" if notice.number[0] else "")
    served = (
        f"因采用其他方式无法送达，依照《中华人民共和国民事诉讼法》{period.article_zh}的规定，现依法向你（单位）公告送达{named_zh}。"
        f"自本公告发布之日起经过{period.zh}，即视为送达。",
        f"As the other ways of service have failed, you are hereby served by public notice with the {named_en}, under "
        f"{period.article_en} of the Civil Procedure Law. It is deemed served when {period.en} have passed since the "
        "publication of this notice.",
    )
    collect = (
        f"请到{notice.address[0]}领取上述文书。特此公告。",
        f"The document may be collected at {notice.address[1]}.",
    )
    day = date_zh(notice.published_on), date_en(notice.published_on)
    return "\n".join(
        [
            *([f'<div class="mark" role="note">{paragraphs(_TEST)}</div>'] if notice.test else []),
            f"<h1>{spans(_TITLE)}</h1>",
            f'<p lang="zh-CN">{escape(notice.recipient[0])}：</p><p lang="en">{escape(notice.recipient[1])}:</p>',
            paragraphs(served),
            paragraphs(collect),
            f'<div class="closing">{paragraphs(notice.sender)}{paragraphs(day)}</div>',
        ]
    )


def print_notice(notice: PublicNotice) -> bytes:
    """The notice as a PDF to post. Raises what the typesetter raises."""
    return print_html(notice_html(notice), f"{_TITLE[0]} {_TITLE[1]}", "zh")
