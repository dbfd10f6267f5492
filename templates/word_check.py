"""What the legal department has to mend in a Word template before it can be used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import TemplateSyntaxError, nodes

from records.errors import Fault
from templates import fonts
from templates.schemas import find, required_paths
from templates.typesetters import word

_PRINTED_BESIDE_FACTS: Final = ("authority", "number", "mark", "loop")
_PLACEHOLDER: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TEXT: Final = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>")


@dataclass
class _Used:
    """What the template asks for: paths of facts, each with the formatters that it passes through."""

    paths: dict[str, set[str]] = field(default_factory=dict)
    formatters: set[str] = field(default_factory=set)
    loops: dict[str, str] = field(default_factory=dict)


def check_word_template(body: bytes, schema: Mapping[str, Any]) -> list[Fault]:
    """Every fault of a template, with pointers into its folder: `/body.docx/word/document.xml`.

    Outside links and macros; placeholders that the facts don't have, required facts that are never printed; a fact that
    is printed in one language only; an unknown formatter; a character without a glyph; a header without the mark.
    """
    unfit = word.template_faults(body)
    if unfit:
        return [Fault("/body.docx", "unfit_template", problem, "模板文件不可用") for problem in unfit]
    faults: list[Fault] = []
    used = _Used()
    headers = []
    for name, source in word.sources(body):
        place = f"/body.docx/{name}"
        try:
            part = _read(source)
        except TemplateSyntaxError as error:
            faults.append(Fault(place, "syntax", f"a placeholder cannot be read: {error.message}", "占位符格式错误"))
            continue
        faults += [fault.under(place) for fault in (*_glyph_faults(source), *_unknown(part, schema))]
        if name.startswith("word/header"):
            headers.append("mark" in part.paths)
        for path, formatters in part.paths.items():
            used.paths.setdefault(path, set()).update(formatters)
    if not headers or not all(headers):
        message = "every header needs {{ mark }}, which says TEST or SPECIMEN"
        faults.append(Fault("/body.docx", "no_mark", message, "每个页眉都须有 {{ mark }}"))
    return [*faults, *_one_language_only(used), *_never_printed(used, schema)]


def _read(source: str) -> _Used:
    part = _Used()
    for child in word.environment().parse(source).body:
        _visit(child, part, ())
    part.paths = {_unlooped(path, part.loops): found for path, found in part.paths.items()}
    return part


def _visit(node: nodes.Node, part: _Used, formatters: tuple[str, ...]) -> None:
    if isinstance(node, nodes.Filter):
        part.formatters.add(node.name)
        attribute = _mapped_attribute(node)
        if attribute is not None and node.node is not None and (path := _path(node.node)):
            part.paths.setdefault(f"{path}.{attribute}", set()).update(formatters)
            return
        formatters = (*formatters, node.name)
    elif isinstance(node, nodes.For):
        if isinstance(node.target, nodes.Name) and (path := _path(node.iter)):
            part.loops[node.target.name] = path
    elif path := _path(node):
        part.paths.setdefault(path, set()).update(formatters)
        return
    for child in node.iter_child_nodes():
        if not (isinstance(node, nodes.For) and child is node.target):
            _visit(child, part, formatters)


def _mapped_attribute(node: nodes.Filter) -> str | None:
    """The member that `map(attribute="name")` takes out of each item."""
    if node.name != "map":
        return None
    return next((str(k.value.value) for k in node.kwargs if isinstance(k.value, nodes.Const)), None)


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and (inner := _path(node.node)):
        return f"{inner}.{node.attr}"
    return ""


def _unlooped(path: str, loops: Mapping[str, str]) -> str:
    first, dot, rest = path.partition(".")
    return (
        _unlooped(loops[first] + dot + rest, {k: v for k, v in loops.items() if k != first}) if first in loops else path
    )


def _unknown(part: _Used, schema: Mapping[str, Any]) -> Iterator[Fault]:
    for path in sorted(part.paths):
        if path.partition(".")[0] not in _PRINTED_BESIDE_FACTS and find(schema, path) is None:
            yield Fault("", "unknown_fact", f"there is no fact {path}", f"没有事实项 {path}")
    for name in sorted(part.formatters - set(word.environment().filters)):
        yield Fault("", "unknown_formatter", f"there is no formatter {name}", f"没有格式化器 {name}")


def _glyph_faults(source: str) -> Iterator[Fault]:
    text = _PLACEHOLDER.sub("", "".join(_TEXT.findall(_PLACEHOLDER.sub("", source))))
    for character in sorted(fonts.missing_glyphs(text)):
        message = f"no pinned font has {character!r} (U+{ord(character):04X})"
        yield Fault("", "glyph", message, f"字库中没有该字符：U+{ord(character):04X}")


def _one_language_only(used: _Used) -> Iterator[Fault]:
    """A pair, or a fact that is formatted for one language, must be printed in the other one too."""
    languages: dict[str, set[str]] = {}
    for path, formatters in used.paths.items():
        head, _, last = path.rpartition(".")
        if last in ("zh", "en") and not head.startswith(("authority", "number")):
            languages.setdefault(head, set()).add(last)
        for name in formatters:
            if name.endswith(("_zh", "_en")):
                languages.setdefault(path, set()).add(name[-2:])
    for path, found in sorted(languages.items()):
        if len(found) == 1:
            message = f"{path} is printed in {next(iter(found))} only"
            yield Fault("/body.docx", "one_language", message, f"{path} 只以一种语言印出")


def _never_printed(used: _Used, schema: Mapping[str, Any]) -> Iterator[Fault]:
    for path in required_paths(schema):
        if not any(each == path or each.startswith(f"{path}.") for each in used.paths):
            yield Fault(
                "/body.docx", "never_printed", f"{path} is required but never printed", f"{path} 为必填项但未印出"
            )
