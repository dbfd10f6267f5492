"""The text of a public notice names its period by the law in force on the day of publication (民诉法 95, 283)."""

from __future__ import annotations

from datetime import date

import pytest

from delivery.paper import notice_period, public_notice_day
from delivery.public_notice import PublicNotice, notice_html


@pytest.mark.rule("LAW-7", "LAW-8")
@pytest.mark.parametrize(
    ("published", "abroad", "words", "served"),
    [
        (date(2026, 11, 23), False, ("30日", "30 days", "第九十五条", "Article 95"), date(2026, 12, 24)),
        (date(2026, 11, 23), True, ("60日", "60 days", "第二百八十三条", "Article 283"), date(2027, 1, 23)),
        (date(2021, 12, 31), False, ("60日", "60 days", "第九十二条", "Article 92"), date(2022, 3, 2)),
        (date(2023, 12, 31), True, ("3个月", "3 months", "第二百七十四条", "Article 274"), date(2024, 4, 1)),
    ],
)
def test_the_period_and_its_article_are_those_of_the_day(
    published: date, abroad: bool, words: tuple[str, ...], served: date
) -> None:
    period = notice_period(published, abroad=abroad)
    assert (period.zh, period.en, period.article_zh, period.article_en) == words
    assert public_notice_day(published, abroad=abroad) == served


def test_the_text_names_party_and_document_and_escapes_them() -> None:
    party = ("<b>甲</b>公司", "Company <A>")
    notice = PublicNotice(
        party,
        ("决定书", "Decision"),
        ("1号", ""),
        ("局", "Bureau"),
        ("路1号", "1 Road"),
        date(2026, 11, 23),
        False,
        True,
    )
    text = notice_html(notice)
    assert "&lt;b&gt;甲&lt;/b&gt;公司：" in text and "《决定书》（1号）" in text and "Decision (1号)" in text
    assert "2026年11月23日" in text and "TEST" in text and notice.served_on == date(2026, 12, 24)
