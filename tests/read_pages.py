"""Pages as a reader's program has them: ids, headings, and what a form says is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

Element = tuple[str, dict[str, str]]


@dataclass
class ReadPage(HTMLParser):
    """A page: its title, every element with its attributes, the levels of its headings."""

    html: str
    title: str = ""
    elements: list[Element] = field(default_factory=list)
    untimed: list[str] = field(default_factory=list)
    """Words about Beijing time that no script can tell the reader's own time of, apart from reasons as recorded."""
    _in_title: bool = False
    _in_time: bool = False
    _in_reasons: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title"
        self._in_reasons |= tag == "ol" and ("class", "reasons") in attrs
        self._in_time |= tag == "time" and any(name == "datetime" and value for name, value in attrs)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self._in_time &= tag != "time"
        self._in_reasons &= tag != "ol"

    def handle_data(self, data: str) -> None:
        if ("北京时间）" in data or "Beijing time)" in data) and not (self._in_time or self._in_reasons):
            self.untimed.append(data)
        if self._in_title:
            self.title += data
            self._in_title = False

    @property
    def ids(self) -> dict[str, Element]:
        """Elements by their ids. Raises AssertionError where one id stands twice."""
        named = [(attrs["id"], (tag, attrs)) for tag, attrs in self.elements if "id" in attrs]
        assert len({name for name, _ in named}) == len(named), sorted(name for name, _ in named)
        return dict(named)

    @property
    def levels(self) -> list[int]:
        """The levels of the headings, in their order."""
        return [int(tag[1]) for tag, _ in self.elements if tag in ("h1", "h2", "h3", "h4", "h5", "h6")]


def alert(html: str) -> str:
    """The words of the first box that says what is wrong; "" without one."""
    found = re.search(r'<(p|div)[^>]* role="alert"[^>]*>(.*?)</\1>', html, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[2]).split()) if found else ""


def assert_faults_told(html: str, *fields: str) -> None:
    """The page says in its title that something is wrong, begins with the faults, and leads to each of `fields`."""
    page, ids = ReadPage(html), ReadPage(html).ids
    assert page.title.startswith(("有误：", "Error: ")), page.title
    begun = [(attrs.get("class"), attrs.get("tabindex")) for _, attrs in page.elements if "autofocus" in attrs]
    assert begun == [("problem", "-1")]
    links = [attrs["href"][1:] for tag, attrs in page.elements if tag == "a" and attrs.get("href", "").startswith("#")]
    assert [each for each in links if each not in ("content", "deadlines")] == list(fields)
    for name in fields:
        _, attrs = ids[name]
        told = {attrs.get("aria-invalid")} | {f"{name}-fault-1" in attrs.get("aria-describedby", "").split()}
        assert told == {"true", True} or f"{name}-fault-1" in ids, name  # a group of fields holds its fault
    for _, attrs in page.elements:
        assert all(each in ids for each in attrs.get("aria-describedby", "").split()), attrs


def assert_headings_in_order(html: str) -> None:
    """The page's own heading first, and none that skips a level; an instrument that is read here has its own title."""
    levels = ReadPage(html).levels
    assert levels[0] == 1, levels
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
