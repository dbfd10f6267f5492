"""The table of paper receipts in the words of the pages: its columns, what its cells may say, and an empty one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from delivery.paper import CAPACITIES, DATE_SOURCES, DETAILS, FLAGS, LISTS, MAIL_KINDS, OUTCOMES
from delivery.paper_import import COLUMNS, TableWords
from delivery.portal.views import outcome_name
from delivery.portal.wording import LANGUAGES, Words
from delivery.sheets import MARK, lines
from delivery.vocabularies import Vocabulary

_IN = tuple(Words(language) for language in LANGUAGES)


@cache
def table_words() -> TableWords:
    """What a table may say: the names of the columns and of the form's fields, and the form's choices."""
    on_the_form = (*DETAILS, *LISTS, *FLAGS)
    columns = {
        name: tuple(t(f"{table}.{name}") for table in ("column", "record")[: 1 + (name in on_the_form)] for t in _IN)
        for name in COLUMNS
    }
    return TableWords(
        columns=Vocabulary(columns),
        choices={
            "method": _named("method", OUTCOMES),
            "capacity": _named("capacity", CAPACITIES),
            "mail_kind": _named("mail_kind", MAIL_KINDS),
            "date_source": _named("date_source", DATE_SOURCES),
        },
        outcomes={
            method: Vocabulary({each: tuple(outcome_name(method, each, t) for t in _IN) for each in some})
            for method, some in OUTCOMES.items()
        },
        example=Vocabulary({"example": tuple(t("importing.example") for t in _IN)}),
    )


def _named(table: str, codes: Iterable[str]) -> Vocabulary:
    return Vocabulary({code: tuple(t(f"{table}.{code}") for t in _IN) for code in codes})


def empty_table(t: Words) -> str:
    """A table with the columns and one line that shows how it is filled in, which an import passes over."""
    example = {
        "code": t("importing.example"),
        "date": "2026-11-23",
        "method": t("method.direct"),
        "outcome": outcome_name("direct", "served", t),
        "receiver": t("importing.example_receiver"),
        "capacity": t("capacity.mail_clerk"),
        "servers": t("importing.example_servers"),
    }
    names = [t(f"column.{name}") for name in COLUMNS]
    return MARK + lines([names, [example.get(name, "") for name in COLUMNS]])


def allowed_words(t: Words) -> list[tuple[str, str]]:
    """Columns whose cells hold certain words only, and the words."""
    words, found = table_words(), list[tuple[str, str]]()
    for name, vocabulary in words.choices.items():
        found.append((t(f"column.{name}"), t.pick(*vocabulary.listed())))
    for method, vocabulary in words.outcomes.items():
        title = t("importing.outcome_of", column=t("column.outcome"), method=t(f"method.{method}"))
        found.append((title, t.pick(*vocabulary.listed())))
    flags = t.pick("、", ", ").join(t(f"column.{name}") for name in FLAGS)
    return [*found, (flags, t("importing.yes_or_no"))]
