"""Placeholders: `{{ fine | amount }}` in a clause, and nothing more than that.

A clause may name a fact and pass it through formatters. It may not call, compute, loop or import: its source is
checked when it is read, and it runs in a sandbox that looks values up in plain data only. Facts are values and never
sources, so a `{{` inside a fact prints as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from jinja2 import StrictUndefined, Template, nodes
from jinja2.exceptions import TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from records.errors import Fault, Permanent, Refused
from templates.formatters import filters_in_context

LANGUAGES: Final = ("zh", "en")

# Chinese has no word spaces: those beside a Chinese character come from YAML's folded lines.
_WIDE = "[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]"
_NO_SPACE = re.compile(f"(?<={_WIDE}) +| +(?={_WIDE})")


class NotPrintable(Exception):
    """A placeholder came out as something that has no text of its own: a list, a truth value, half a pair."""


class PlainData(ImmutableSandboxedEnvironment):
    """Looks names up in mappings only: no attribute, method or index of any Python object is to be had."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A member of a mapping; undefined otherwise."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The same for `a["b"]`."""
        return self.getattr(obj, argument)


def _printable(language: str) -> Callable[[Any], str]:
    def finalize(value: Any) -> str:
        if isinstance(value, Mapping) and set(value) == set(LANGUAGES):
            value = value[language]
        if isinstance(value, bool) or not isinstance(value, str | int | StrictUndefined):
            raise NotPrintable(f"a {type(value).__name__} cannot be printed without a formatter")
        return str(value)

    return finalize


def word(value: str, words: Mapping[str, Any], language: str) -> str:
    """The word that `clauses.yaml` gives for a code, such as 警告 and 'warning' for `warning`."""
    try:
        return str(words[value][language])
    except (KeyError, TypeError) as error:
        raise NotPrintable(f"there is no word for {value!r}") from error


@cache
def _environment(language: str) -> PlainData:
    environment = PlainData(undefined=StrictUndefined, autoescape=False, finalize=_printable(language))
    environment.globals.clear()  # autoescape is off, because the text goes to a typesetter as data and not as HTML
    environment.tests.clear()
    environment.filters.clear()
    environment.filters.update(filters_in_context(language))  # type: ignore[arg-type]
    environment.filters["word"] = lambda value, words: word(value, words, language)
    return environment


@dataclass(frozen=True, order=True)
class Placeholder:
    """One `{{ … }}`: the dotted path of the fact, the formatters it passes through, and the paths these are given."""

    path: str
    formatters: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_path(node.node)}.{node.attr}"
    raise Permanent("a placeholder names a fact, such as {{ party.name }}")


def _read(node: nodes.Expr) -> Placeholder:
    formatters: list[str] = []
    given: list[str] = []
    while isinstance(node, nodes.Filter):
        if node.kwargs or node.dyn_args or node.dyn_kwargs or node.node is None:
            raise Permanent(f"the formatter {node.name} may only be given the path of its words")
        given += [_path(argument) for argument in node.args]
        formatters.insert(0, node.name)
        node = node.node
    return Placeholder(_path(node), tuple(formatters), tuple(given))


class Text:
    """One text in one language, with its placeholders."""

    def __init__(self, source: str, language: str) -> None:
        """Raises Permanent when the source is more than text and placeholders, or names an unknown formatter."""
        environment = _environment(language)
        self.source, self.language = source, language
        found: list[Placeholder] = []
        try:
            for output in environment.parse(source).body:
                if not isinstance(output, nodes.Output):
                    raise Permanent(f"only {{{{ placeholders }}}} may stand in a clause: {source!r}")
                for part in output.nodes:
                    if not isinstance(part, nodes.TemplateData):
                        found.append(_read(part))
        except TemplateSyntaxError as error:
            raise Permanent(f"{error.message}: {source!r}") from error
        unknown = {name for item in found for name in item.formatters} - set(environment.filters)
        if unknown:
            raise Permanent(f"there is no formatter {', '.join(sorted(unknown))}: {source!r}")
        self.placeholders = tuple(sorted(found))
        self._template: Template = environment.from_string(source)
        self._fixed = None if found else self._template.render().strip(" \t\n")

    def fill(self, facts: Mapping[str, Any]) -> str:
        """The text with its facts. Raises Refused, naming the fact, when one is missing or has no text."""
        if self._fixed is not None:  # most texts of a clause have no placeholder
            return self._fixed
        try:
            return self._template.render(facts).strip(" \t\n")
        except UndefinedError as error:
            raise Refused([self._fault("undefined_placeholder", str(error.message))]) from error
        except NotPrintable as error:
            raise Refused([self._fault("not_printable", str(error))]) from error
        except Refused as error:  # from a formatter, which doesn't know where its value stands
            raise Refused([self._fault(each.code, each.message_en, each.rule) for each in error.faults]) from error

    def _fault(self, code: str, problem: str, rule: str = "") -> Fault:
        names = ", ".join(dict.fromkeys(item.path for item in self.placeholders))
        paths = {item.path for item in self.placeholders}
        return Fault(
            "/" + paths.pop().replace(".", "/") if len(paths) == 1 else "",
            code,
            f"The clause that prints {names} cannot be filled: {problem}.",
            f"条款中的占位符（{names}）无法填写。",
            rule,
        )


@dataclass(frozen=True)
class Twin:
    """The same text in Chinese and English."""

    zh: Text
    en: Text

    @classmethod
    def read(cls, value: object, place: str) -> Twin:
        """From `{"zh": …, "en": …}`. Raises Permanent, naming the place, when a language is missing."""
        if not isinstance(value, Mapping) or not all(isinstance(value.get(name), str) for name in LANGUAGES):
            raise Permanent(f"{place}: needs its text in both languages, zh and en")
        try:
            return cls(Text(_NO_SPACE.sub("", value["zh"]), "zh"), Text(value["en"], "en"))
        except Permanent as error:
            raise Permanent(f"{place}: {error}") from error

    def fill(self, facts: Mapping[str, Any]) -> tuple[str, str]:
        """The Chinese and the English text. Raises Refused."""
        return self.zh.fill(facts), self.en.fill(facts)
