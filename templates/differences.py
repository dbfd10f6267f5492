"""What differs between two versions of an instrument, block by block and in both languages, for a lawyer to read."""

from __future__ import annotations

import difflib
import html
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from templates.catalogue import Instrument

_LIKE: Final = 0.4
"""How much two blocks must have in common to be told as one that was changed."""
_FIRST: Final = ("kind", "id", "rule", "when", "label", "zh", "en", "value")
_LANGUAGES: Final = {"zh": "中", "en": "EN"}
_TOKEN: Final = re.compile(r"\{\{.*?\}\}|[A-Za-z0-9.,'’-]+|\s+|.", re.DOTALL)
_PARAGRAPH: Final = re.compile(r"<w:p[ >].*?</w:p>", re.DOTALL)
_RUN: Final = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>")


@dataclass(frozen=True)
class Difference:
    """One thing that differs. `place` is file, block and member; `old` is None for what came, `new` for what left."""

    place: tuple[str, ...]
    old: str | None
    new: str | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"place": list(self.place), "old": self.old, "new": self.new}


def differences(old: Instrument, new: Instrument) -> list[Difference]:
    """All differences, in the order in which they are read: manifest, clauses, Word file, facts, words, laws, page."""
    before, after = (json.loads(each.content) for each in (old, new))
    found = [*_compare(before["manifest"], after["manifest"], ("instrument.toml",))]
    clauses = [each["clauses"] or {"blocks": [], "words": {}, "dated": ""} for each in (before, after)]
    found += _compare(clauses[0]["blocks"], clauses[1]["blocks"], ("clauses.yaml",))
    found += _compare(clauses[0]["dated"], clauses[1]["dated"], ("clauses.yaml", "dated"))
    found += _lines(_word_text(old), _word_text(new), "body.docx")
    found += _compare(before["facts"], after["facts"], ("facts.json",))
    found += _compare(clauses[0]["words"], clauses[1]["words"], ("words",))
    stock = [each["stock"] for each in (before, after)]
    found += _compare(stock[0]["laws"], stock[1]["laws"], ("laws.toml",))
    found += _lines(stock[0]["page"].split("\n"), stock[1]["page"].split("\n"), "songda.typ")
    found += _lines(stock[0]["style"].split("\n"), stock[1]["style"].split("\n"), "print.css")
    for name, file in (("version", "shared.toml"), ("fonts", "fonts.toml")):
        found += _compare(stock[0][name], stock[1][name], (file,))
    return found


def told(found: Sequence[Difference]) -> str:
    """The differences as text: what went as [-…-], what came as {+…+}, each under the name of its block."""
    lines: list[str] = []
    heading: tuple[str, ...] = ()
    for each in found:
        place, member = (each.place[:-1], each.place[-1]) if len(each.place) > 1 else (each.place, "")
        if place != heading:
            lines += ["", " / ".join(place)]
            heading = place
        name = _LANGUAGES.get(member, member)
        lines.append(f"  {name}  {_marked(each.old, each.new)}" if name else f"  {_marked(each.old, each.new)}")
    return "\n".join(lines).strip("\n")


def _marked(old: str | None, new: str | None) -> str:
    if old is None or new is None:
        return f"[-{old}-]" if new is None else f"{{+{new}+}}"
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < _LIKE:
        return f"[-{old}-]{{+{new}+}}"
    parts = []
    for kind, i, j, k, m in matcher.get_opcodes():
        went, came = "".join(before[i:j]), "".join(after[k:m])
        parts.append(came if kind == "equal" else (f"[-{went}-]" if went else "") + (f"{{+{came}+}}" if came else ""))
    return "".join(parts)


def _compare(old: Any, new: Any, place: tuple[str, ...]) -> Iterator[Difference]:
    """Walk two values of JSON together."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in _ordered({**old, **new}):
            if name not in old:
                yield from _all(new[name], (*place, name), added=True)
            elif name not in new:
                yield from _all(old[name], (*place, name), added=False)
            else:
                yield from _compare(old[name], new[name], (*place, name))
    elif _are_blocks(old) and _are_blocks(new):
        yield from _compare_blocks(old, new, place)
    else:
        yield Difference(place, _plain(old), _plain(new))


def _are_blocks(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def _compare_blocks(old: list[Any], new: list[Any], place: tuple[str, ...]) -> Iterator[Difference]:
    """Blocks, or rows of one, in order: those that are alike are told as changed, the others as new or gone."""
    before, after = ([json.dumps(each, sort_keys=True) for each in side] for side in (old, new))
    for kind, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        pairs = _paired(old[i:j], new[k:m])
        left = dict(pairs)
        came = iter(range(m - k))
        for index, block in enumerate(old[i:j]):
            partner = left.get(index)
            if partner is None:
                yield from _all(block, (*place, _name(block, i + index)), added=False)
                continue
            for earlier in came:
                if earlier == partner:
                    break
                yield from _all(new[k + earlier], (*place, _name(new[k + earlier], k + earlier)), added=True)
            yield from _compare(block, new[k + partner], (*place, _name(new[k + partner], k + partner)))
        for rest in came:
            yield from _all(new[k + rest], (*place, _name(new[k + rest], k + rest)), added=True)


def _paired(old: list[Any], new: list[Any]) -> Iterator[tuple[int, int]]:
    """Which of the old blocks became which of the new ones, in order: by identifier, else by likeness."""
    start = 0
    for index, block in enumerate(old):
        rated = [(_likeness(block, other), -place) for place, other in enumerate(new) if place >= start]
        best, place = max(rated, default=(0.0, 0))
        if best >= _LIKE:
            yield index, -place
            start = 1 - place


def _likeness(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    if old.get("kind") != new.get("kind"):
        return 0.0
    if old.get("id") or new.get("id"):
        return 1.0 if old.get("id") == new.get("id") else 0.0
    before, after = ("".join(text for *_, text in _texts(each, ())) for each in (old, new))
    return difflib.SequenceMatcher(None, before, after, autojunk=False).ratio()


def _name(block: Mapping[str, Any], position: int) -> str:
    """How a reader finds a block or row: its identifier, its kind, or its label."""
    if block.get("kind"):
        rule = f", {block['rule']}" if block.get("rule") else ""
        return f"{position + 1}. {block['kind']} {block.get('id', '')}".rstrip() + rule
    label = block.get("label")
    return f"{position + 1}. {label['zh']}" if isinstance(label, Mapping) and "zh" in label else f"{position + 1}."


def _all(value: Any, place: tuple[str, ...], *, added: bool) -> Iterator[Difference]:
    """Everything in a value that is new, or that went."""
    for where, text in ((path, text) for *path, text in _texts(value, place)):
        yield Difference(tuple(where), None if added else text, text if added else None)


def _texts(value: Any, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every text of a value, after the names that lead to it."""
    if isinstance(value, Mapping) and value:
        is_block = isinstance(value.get("kind"), str)  # what its name tells is not told again
        for name in _ordered(value):
            if not (is_block and name in ("kind", "id", "rule")):
                yield from _texts(value[name], (*place, name))
    elif _are_blocks(value) and value:
        for position, each in enumerate(value):
            yield from _texts(each, (*place, _name(each, position)))
    else:
        yield *place, _plain(value)


def _ordered(members: Mapping[str, Any]) -> list[str]:
    known = [name for name in _FIRST if name in members]
    return known + sorted(name for name in members if name not in _FIRST)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _lines(old: list[str], new: list[str], name: str) -> Iterator[Difference]:
    """Lines of a file of which nobody knows more."""
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            for index in range(max(j - i, m - k)):
                before = old[i + index] if i + index < j else None
                after = new[k + index] if k + index < m else None
                yield Difference((name, f"{(k if after is not None else i) + index + 1}"), before, after)


def _word_text(instrument: Instrument) -> list[str]:
    """The paragraphs of the Word template, placeholders as they stand."""
    if instrument.body is None:
        return []
    with zipfile.ZipFile(io.BytesIO(instrument.body)) as archive:
        parts = [archive.read(name).decode() for name in sorted(archive.namelist()) if name == "word/document.xml"]
    texts = ("".join(_RUN.findall(found)) for part in parts for found in _PARAGRAPH.findall(part))
    return [html.unescape(text) for text in texts if text.strip()]
