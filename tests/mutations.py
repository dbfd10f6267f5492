"""Making facts wrong, or only unusual: one place of a parsed JSON value gets another value, or none.

What is drawn here is what a case system might send by mistake or an attacker on purpose.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from templates.schemas import find

Place = tuple[str | int, ...]

MARKUP: Final = (
    "{{ authority.bank.account }}",
    "{% for x in y %}",
    "#panic(1) #let x = 1",
    "$x^2$ *bold* _it_ @label <label> = heading",
    "<script>alert(1)</script> &amp; <w:t>x</w:t>",
    'file:///etc/passwd "); #image("http://127.0.0.1/a.png")',
    "\\u{41} \\\\ // comment /* x */ `raw`",
    "${HOME} $(id) %s %n",
)
SCRIPTS: Final = ("مرحبا بالعالم", "Привет, мир", "Ελληνικά", "😀👩‍🚀", "𠮷𫟼㐂", "ไทย", "한국어", "カタカナ", "ꦲꦤ")
HIDDEN: Final = ("\x00", "\x07", "\t", "\r\n", "\x1b[31m", "\u200b", "\u00ad", "\ufeff", "\u202e", "\u2066", "\u200f",
                 "\ud800", "\ue000", "\u2028", "\u0301")  # fmt: skip
TYPES: Final = (None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), "", [], {}, [[]], {"zh": 1, "en": None})
DATES: Final = ("2026-02-30", "0000-00-00", "26-1-1", "2026-13-01", "9999-12-31", "2026-11-22T25:00:00+08:00",
                "2026-11-22T10:00:00")  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """What was done at `place`; `text` is the text that now stands there, when it took a text's place."""

    place: Place
    kind: str
    text: str | None = None


def places(value: object, place: Place = ()) -> Iterator[tuple[Place, object]]:
    """Every value with its place, but the whole itself."""
    if place:
        yield place, value
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from places(member, (*place, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from places(member, (*place, index))


def at(value: Any, place: Place) -> Any:
    """What stands at a place."""
    for step in place:
        value = value[step]
    return value


def limit(schema: Mapping[str, Any], place: Place) -> int:
    """How long the text at this place may be, by the schema; 400 where the schema does not say it there."""
    node = find(schema, ".".join(step for step in place if isinstance(step, str)))
    return int((node or {}).get("maxLength", 400))


@st.composite
def mutations(draw: st.DrawFn, value: Any, schema: Mapping[str, Any], most: int = 3) -> tuple[Any, list[Mutation]]:
    """A copy of the value with one to `most` mutations, each at a place of its own; what was done."""
    changed, done = copy.deepcopy(value), []
    for _ in range(draw(st.sampled_from((1, *range(1, most + 1))))):
        free = [
            place
            for place, _ in places(changed)
            if not any(place[: len(each.place)] == each.place or each.place[: len(place)] == place for each in done)
        ]
        if free:
            prose = [place for place in free if place[-1] in ("zh", "en")]
            done.append(_mutate(draw, changed, draw(st.sampled_from(free + 2 * prose)), schema))
    return changed, done


def _mutate(draw: st.DrawFn, value: Any, place: Place, schema: Mapping[str, Any]) -> Mutation:
    around, name = at(value, place[:-1]), place[-1]
    old = around[name]
    kinds = {str: (*["text"] * 7, "drop", "type", "date"), list: ("drop", "type", "empty", "twice", "twice"),
             dict: ("drop", "type", "empty", "more")}.get(type(old), ("drop", "type"))  # fmt: skip
    kind = draw(st.sampled_from(kinds))
    text = None
    if kind == "drop":
        del around[name]
    elif kind == "type":
        around[name] = draw(st.sampled_from(TYPES))
    elif kind == "empty":
        around[name] = type(old)()
    elif kind == "twice":
        around[name] = (old * draw(st.sampled_from((2, 2, 30, 400))))[: max(2, 400)]
    elif kind == "more":
        old[draw(st.sampled_from(("more", "a/b~c", "\u202e", "__proto__", "")))] = 1
    elif kind == "date":
        around[name] = draw(st.sampled_from(DATES))
    else:
        around[name] = text = draw(_texts(old, name, limit(schema, place)))
    moved = kind == "drop" and isinstance(around, list)  # the items after it stand elsewhere now
    return Mutation(place[:-1] if moved else place, kind, text)


def lengthened(text: str, filler: str, length: int) -> str:
    """The text with as much after it as makes it so long; its beginning when it is longer already."""
    room = max(0, length - len(text) - 1)
    return text + " " + (filler * (room // len(filler) + 1))[:room].rstrip() if room else text[:length]


def _texts(old: str, name: str | int, most: int) -> st.SearchStrategy[str]:
    """Texts in the place of `old`: those that could be accepted still hold what it says of days, sums and numbers."""
    unit = "查" if name == "zh" else "W"

    fillers = [
        unit,
        unit + " ",
        unit + "\n",
        "，" if name == "zh" else "/-",
        "Mississippi " if name == "en" else "查明，",
    ]
    lengths = [most, most, most // 2, most + 1, 30_000]
    return st.one_of(
        st.builds(lengthened, st.just(old), st.sampled_from(fillers), st.sampled_from(lengths)),
        st.sampled_from(MARKUP).map(lambda text: f"{old} {text}"),
        st.tuples(*[st.sampled_from(MARKUP + SCRIPTS)] * 2).map(lambda texts: f"{old} {texts[0]} {texts[1]}"),
        st.sampled_from(SCRIPTS).map(lambda text: f"{old} {text}"),
        st.sampled_from(HIDDEN).map(lambda text: f"{old}{text}{unit}"),
        st.sampled_from(("", " ", "\u3000", "\n")),
        st.sampled_from(MARKUP + SCRIPTS + HIDDEN),
        st.text(max_size=20).map(lambda text: f"{old}{text}"),
    )
