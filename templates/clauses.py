"""The clause model: `clauses.yaml`, an ordered list of blocks, each in Chinese and English side by side.

```yaml
words:                                # what a code is called; used by `{{ x | word(words.kinds) }}`
  kinds: {warning: {zh: 警告, en: a warning}}
dated: decided_on                     # the fact that dates the file
blocks:
  - kind: clause
    rule: 处罚法 72                    # the source that asks for this text
    when: {penalties.kind: fine}      # see conditions.py
    zh: 罚款{{ fine | amount }}。
    en: A fine of {{ fine | amount }}.
```

Reading checks the shape; `templates.check` checks the content; `templates.composing` fills the blocks with facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from records.errors import Permanent
from templates.conditions import Condition
from templates.placeholders import Placeholder, Twin

PARTS: Final = Path(__file__).with_name("parts.yaml")

# Every kind of block, and the members it may have beside kind, id, rule and when.
KINDS: Final[Mapping[str, frozenset[str]]] = {
    # 版头: the agency, or the organ that writes in its own name, in red, the number, the red rule (GB/T 9704-2012, 7.2)
    "letterhead": frozenset({"compact", "zh", "en"}),
    "title": frozenset(),  # the titles of the manifest
    "foot": frozenset({"zh", "en"}),  # a line to be signed at the foot of every page (004-40)
    "addressee": frozenset({"zh", "en"}),  # 主送: who is addressed
    "heading": frozenset({"zh", "en", "apart"}),  # apart: what follows is taken off, so it has pages of its own
    "clause": frozenset({"zh", "en"}),
    "list": frozenset({"items"}),  # numbered （一） and (1)
    "fields": frozenset({"rows"}),  # a form: label and value
    "table": frozenset({"each", "as", "columns", "caption"}),
    "notice": frozenset({"zh", "en", "texts"}),  # a box with a title, to be seen at once
    "approval": frozenset({"rows"}),  # the box of an internal form: who approves, the opinion, signature and date
    "closing": frozenset({"date"}),  # agency and date, under the seal
    "signatures": frozenset({"lines"}),  # lines to be signed by hand
    "copies": frozenset(),  # 版记: 抄送
}
MAX_BLANK: Final = 10
"""Lines that a space to be filled by hand may have: print.css knows so many heights."""

_COMMON: Final = frozenset({"kind", "id", "rule", "when"})


@dataclass(frozen=True)
class Row:
    """One row of a form, item of a list, line to sign, or column of a table.

    `each` and `name` repeat it for the items of a fact that is a list; of `choices` the first whose condition holds is
    printed. `blank` is the height, in lines, of a space to be filled by hand; `by_hand` is that of the space printed in
    place of the value when a fact of it is not given.
    """

    value: Twin | None = None
    label: Twin | None = None
    when: Condition = field(default_factory=Condition)
    each: str = ""
    name: str = ""
    choices: tuple[Row, ...] = ()
    blank: int = 0
    by_hand: int = 0
    width: str = ""

    def twins(self) -> Iterator[Twin]:
        """All texts of the row."""
        for twin in (self.label, self.value):
            if twin is not None:
                yield twin
        for choice in self.choices:
            yield from choice.twins()

    def conditions(self) -> Iterator[Condition]:
        """All conditions of the row."""
        yield self.when
        for choice in self.choices:
            yield from choice.conditions()


@dataclass(frozen=True)
class Block:
    """One block as `clauses.yaml` has it."""

    kind: str
    place: str
    id: str = ""
    rule: str = ""
    when: Condition = field(default_factory=Condition)
    text: Twin | None = None
    date: Twin | None = None
    rows: tuple[Row, ...] = ()
    each: str = ""
    name: str = ""
    compact: bool = False
    apart: bool = False

    def twins(self) -> Iterator[Twin]:
        """All texts of the block."""
        for twin in (self.text, self.date):
            if twin is not None:
                yield twin
        for row in self.rows:
            yield from row.twins()

    def conditions(self) -> Iterator[Condition]:
        """All conditions of the block."""
        yield self.when
        for row in self.rows:
            yield from row.conditions()

    def loops(self) -> dict[str, str]:
        """The name of each loop's item, and the path of the list that it stands for."""
        loops = {self.name: self.each} if self.each else {}
        return loops | {row.name: row.each for row in self.rows if row.each}


@dataclass(frozen=True)
class Clauses:
    """All blocks of an instrument, in order; `source` is what they were read from, with the shared parts in place."""

    blocks: tuple[Block, ...]
    words: Mapping[str, Any]
    dated: str
    source: Mapping[str, Any]

    def placeholders(self) -> Iterator[tuple[Block, Placeholder]]:
        """Every placeholder, with the block in which it stands."""
        for block in self.blocks:
            for twin in block.twins():
                for placeholder in (*twin.zh.placeholders, *twin.en.placeholders):
                    yield block, placeholder


def load_clauses(path: Path) -> Clauses:
    """Read one `clauses.yaml`. Raises Permanent, naming the block, when its shape is wrong."""
    return read_clauses(_load(path), f"{path.parent.name}/{path.name}")


def _load(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  (a SafeLoader, see below)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Permanent(f"{path.parent.name}/{path.name}: cannot be read: {error}") from error


class _Loader(yaml.CSafeLoader):
    """A SafeLoader that refuses a key which stands twice: YAML would keep the last one, silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


@cache
def _parts() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    document = _load(PARTS)
    return document["words"], document["parts"]


def _expanded(entries: list[Any], place: str) -> Iterator[Any]:
    """The entries, with the shared blocks of parts.yaml in place of each `use`, under its condition if it has one."""
    for entry in entries:
        if not isinstance(entry, Mapping) or "use" not in entry:
            yield entry
            continue
        if entry["use"] not in _parts()[1] or set(entry) - {"use", "when"}:
            raise Permanent(f"{place}: parts.yaml has no {entry['use']}, or more than its condition is given")
        for block in _expanded(_parts()[1][entry["use"]], place):
            if "when" in entry and "when" in block:
                raise Permanent(f"{place}: {entry['use']} has a condition of its own")
            yield {**block, "when": entry["when"]} if "when" in entry else block


def read_clauses(document: object, place: str) -> Clauses:
    """The clause model from parsed YAML. Raises Permanent, naming the block, when its shape is wrong."""
    if not isinstance(document, Mapping) or set(document) - {"words", "dated", "blocks"}:
        raise Permanent(f"{place}: may have the members words, dated and blocks")
    blocks, words, dated = document.get("blocks"), document.get("words") or {}, document.get("dated") or ""
    if not isinstance(blocks, list) or not blocks:
        raise Permanent(f"{place}: needs a list of blocks")
    if not isinstance(dated, str):
        raise Permanent(f"{place}: dated names a fact")
    for group, entries in words.items():
        for code, texts in entries.items():
            if not isinstance(code, str):  # YAML reads a bare true, no or 12 as something else
                raise Permanent(f"{place}: words.{group}: the code {code!r} is no text")
            Twin.read(texts, f"{place}: words.{group}.{code}")
    entries = list(_expanded(blocks, place))
    read = tuple(_block(entry, f"{place}: block {number}") for number, entry in enumerate(entries, start=1))
    words = {**_parts()[0], **words}
    return Clauses(read, words, dated, {"words": words, "dated": dated, "blocks": entries})


def _block(entry: object, place: str) -> Block:
    if not isinstance(entry, Mapping) or entry.get("kind") not in KINDS:
        raise Permanent(f"{place}: needs a kind out of {', '.join(KINDS)}")
    kind = entry["kind"]
    place = f"{place} ({entry.get('id') or kind})"
    surplus = set(entry) - _COMMON - KINDS[kind]
    if surplus:
        raise Permanent(f"{place}: a {kind} has no {', '.join(sorted(map(str, surplus)))}")
    rows: tuple[Row, ...] = ()
    for member in ("items", "rows", "columns", "texts", "lines"):
        if member in KINDS[kind]:
            rows = _rows(entry.get(member), place, labelled=member in ("rows", "lines", "columns"))
    caption = entry.get("caption")
    worded = "zh" in KINDS[kind] and (kind != "letterhead" or "zh" in entry or "en" in entry)
    return Block(
        kind=kind,
        place=place,
        id=str(entry.get("id", "")),
        rule=str(entry.get("rule", "")),
        when=Condition.read(entry.get("when"), place),
        text=Twin.read(caption or entry, place) if caption or worded else None,
        date=Twin.read(entry.get("date"), place) if kind == "closing" else None,
        rows=rows,
        each=str(entry.get("each", "")),
        name=str(entry.get("as", "item")),
        compact=entry.get("compact") is True,
        apart=entry.get("apart") is True,
    )


def _rows(entries: object, place: str, *, labelled: bool) -> tuple[Row, ...]:
    if not isinstance(entries, list) or not entries:
        raise Permanent(f"{place}: needs a list that is not empty")
    return tuple(_row(entry, f"{place}, row {number}", labelled) for number, entry in enumerate(entries, start=1))


def _row(entry: object, place: str, labelled: bool) -> Row:
    allowed = {"zh", "en", "label", "value", "when", "each", "as", "choose", "blank", "by_hand", "width"}
    if not isinstance(entry, Mapping) or set(entry) - allowed:
        raise Permanent(f"{place}: may have the members {', '.join(sorted(allowed))}")
    choices = entry.get("choose", [])
    blank, by_hand = entry.get("blank", 0), entry.get("by_hand", 0)
    if not isinstance(choices, list) or not {blank, by_hand} <= set(range(MAX_BLANK + 1)):
        raise Permanent(f"{place}: choose is a list, blank and by_hand are numbers of lines, {MAX_BLANK} at most")
    source = entry.get("value") if labelled else entry
    return Row(
        value=None if choices or (labelled and source is None) else Twin.read(source, place),
        label=Twin.read(entry.get("label"), place) if labelled else None,
        when=Condition.read(entry.get("when"), place),
        each=str(entry.get("each", "")),
        name=str(entry.get("as", "item")),
        choices=tuple(_row(choice, place, labelled=False) for choice in choices),
        blank=blank,
        by_hand=by_hand,
        width=str(entry.get("width", "")),
    )
