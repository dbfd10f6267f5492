"""The placeholders and tags of a Word template: read one by one, so that every fault is told with its place.

What may stand in one is little: `{{ fact | formatter_zh }}`, and `if`, `elif`, `else`, `for` around paragraphs
(`{%p … %}`), table rows (`{%tr … %}`) or words (`{% … %}`). docxtpl takes the whole paragraph or row of a `{%p %}` or
`{%tr %}` away, so what else stands there would be lost without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import TemplateSyntaxError, nodes

from records.errors import Fault
from templates.schemas import choices, find
from templates.typesetters import word
from templates.word_reading import Paragraph, w

_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_HALF: Final = re.compile(r"\{[{%#]|[}%#]\}|[{｛]\s*[{｛%％]|[}｝%％]\s*[}｝]")
_STATEMENT: Final = re.compile(r"\{%(p|tr)? *(if|elif|else|endif|for|endfor)\b *(.*?) *%\}", re.DOTALL)
_SPECIAL: Final = re.compile(r"\{\{(p|r|tr|tc) |\{\{-|-\}\}|\{%-|-%\}")
_QUOTES: Final = str.maketrans("“”‘’", "\"\"''")
_WORD_FILTERS: Final = ("word_zh", "word_en")
_CARRIERS: Final = (nodes.Output, nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand)


@dataclass(frozen=True)
class Use:
    """A fact that is printed or asked about, with loops resolved, its formatters, and the place where it stands."""

    path: str
    formatters: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class _Open:
    """A tag that waits for its end."""

    kind: str
    control: str
    place: str
    container: str
    loop: tuple[str, str] | None = None


@dataclass
class Tags:
    """What the tags of one part use, and what is wrong with them."""

    schema: Mapping[str, Any]
    words: Mapping[str, Any]
    uses: list[Use] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)

    def read(self, paragraphs: Sequence[Paragraph]) -> None:
        """Read all tags of a part, in order."""
        rows: dict[str, str] = {}
        for paragraph in paragraphs:
            if paragraph.row:
                rows[paragraph.row] = rows.get(paragraph.row, "") + paragraph.text
        for paragraph in paragraphs:
            self._paragraph(paragraph, rows)
        for left in self._open:
            self._fault(left.place, "unbalanced", f"{left.kind} has no end{left.kind}", f"{left.kind} 缺少结束标记")

    def _paragraph(self, paragraph: Paragraph, rows: Mapping[str, str]) -> None:
        text = paragraph.text
        for half in _HALF.finditer(_TAG.sub(lambda found: " " * len(found[0]), text)):
            message = f"a placeholder does not begin and end in this paragraph: {_shown(text, half.start())}"
            self._fault(_place(paragraph, half.start()), "broken_tag", message, "占位符在本段落内不完整")
        for found in _TAG.finditer(text):
            place = _place(paragraph, found.start())
            if self._whole(paragraph, found, place):
                self._tag(paragraph, found[0].translate(_QUOTES), place, rows)

    def _whole(self, paragraph: Paragraph, found: re.Match[str], place: str) -> bool:
        """Whether a tag is plain text: Word may cut it into runs, as long as they look the same."""
        runs = paragraph.runs_between(found.start(), found.end())
        if re.search(r"[\t\n\ufffc]", found[0]):
            message = f"there is a tab, a break, a field or a picture inside {found[0]!r}"
            self._fault(place, "broken_tag", message, "占位符内部有制表符、换行、域或者图片")
            return False
        if len({_look(run.element) for run in runs}) > 1:
            message = f"{found[0]!r} is cut over {len(runs)} runs that look different: format it as a whole"
            self._fault(place, "split_tag", message, "占位符被拆分为格式不同的多个文本段")
        return True

    def _tag(self, paragraph: Paragraph, tag: str, place: str, rows: Mapping[str, str]) -> None:
        if tag.startswith("{#"):
            return
        statement = _STATEMENT.fullmatch(tag)
        if _SPECIAL.search(tag) or (tag.startswith("{%") and not statement):
            self._forbidden(place, tag)
        elif statement is None:
            self._expression(tag, place)
        else:
            control, kind, expression = statement[1] or "", statement[2], statement[3]
            around = {"p": paragraph.text, "tr": rows.get(paragraph.row, "")}.get(control, tag)
            if around.translate(_QUOTES).strip() != tag:
                message = (
                    f"{tag} takes its whole {'row' if control == 'tr' else 'paragraph'} away, with: {around.strip()!r}"
                )
                self._fault(place, "lost_text", message, "该标记所在段落（行）的其他文字将会丢失")
            container = {"p": paragraph.container, "tr": paragraph.row.rpartition("/")[0]}.get(control, paragraph.place)
            if control == "tr" and not paragraph.row:
                self._fault(place, "unbalanced", f"{tag} does not stand in a table", "该标记不在表格中")
            self._statement(_Open(kind, control, place, container), expression, tag)

    def _statement(self, here: _Open, expression: str, tag: str) -> None:
        opening = "if" if here.kind in ("elif", "else", "endif") else "for"
        if here.kind in ("if", "for"):
            loop = self._loop(expression, tag, here.place) if here.kind == "for" else None
            if here.kind == "if":
                self._parsed(f"{{% if {expression} %}}{{% endif %}}", tag, here.place)
            self._open.append(_Open(here.kind, here.control, here.place, here.container, loop))
            return
        if here.kind == "elif":
            self._parsed(f"{{% if {expression} %}}{{% endif %}}", tag, here.place)
        if not self._open or self._open[-1].kind != opening:
            self._fault(here.place, "unbalanced", f"{tag} closes no {opening}", f"{tag} 没有对应的开始标记")
            return
        begun = self._open[-1]
        if (begun.control, begun.container) != (here.control, here.container):
            message = f"{tag} and the {opening} at {begun.place} stand in different places, or are written differently"
            self._fault(here.place, "unbalanced", message, "开始标记和结束标记不在同一位置或者写法不同")
        if here.kind.startswith("end"):
            self._open.pop()

    def _loop(self, expression: str, tag: str, place: str) -> tuple[str, str] | None:
        parsed = self._parsed(f"{{% for {expression} %}}{{% endfor %}}", tag, place)
        return parsed if isinstance(parsed, tuple) else None

    def _expression(self, tag: str, place: str) -> None:
        self._parsed(tag, tag, place)

    def _parsed(self, source: str, tag: str, place: str) -> tuple[str, str] | None:
        """Parse one tag and note what it uses; of a loop, the name of its item and the path of its list."""
        try:
            body = word.environment().parse(source).body
        except TemplateSyntaxError as error:
            self._fault(place, "syntax", f"{tag} cannot be read: {error.message}", "占位符格式错误")
            return None
        for node in body:
            if isinstance(node, nodes.For):
                path = _path(node.iter)
                if not path or not isinstance(node.target, nodes.Name) or node.test or node.recursive:
                    self._forbidden(place, tag)
                    return None
                self._use(path, (), place)
                return node.target.name, self._unlooped(path)
            self._visit(node.test if isinstance(node, nodes.If) else node, (), tag, place)
        return None

    def _visit(self, node: nodes.Node, formatters: tuple[str, ...], tag: str, place: str) -> None:
        if path := _path(node):
            self._use(path, formatters, place)
        elif isinstance(node, nodes.Filter) and node.node is not None:
            self._filter(node, formatters, tag, place)
        elif isinstance(node, nodes.Test):
            self._test(node, tag, place)
        elif isinstance(node, _CARRIERS):
            for child in node.iter_child_nodes():
                self._visit(child, formatters, tag, place)
        elif not isinstance(node, (nodes.Const, nodes.TemplateData)):
            self._forbidden(place, tag)

    def _filter(self, node: nodes.Filter, formatters: tuple[str, ...], tag: str, place: str) -> None:
        if node.name not in word.environment().filters:
            message = f"there is no formatter {node.name}: {tag}"
            self._fault(place, "unknown_formatter", message, f"没有格式化器 {node.name}")
        fact = node.node
        assert fact is not None  # noqa: S101  (a filter block is a statement, which is forbidden)
        if node.name == "map":
            [attribute] = [k.value.value for k in node.kwargs if isinstance(k.value, nodes.Const)] or [""]
            if not (path := _path(fact)) or not isinstance(attribute, str) or not attribute:
                self._forbidden(place, tag)
            else:
                self._use(f"{path}.{attribute}", formatters, place)
            return
        if node.name in _WORD_FILTERS:
            self._words(node, _path(fact), tag, place)
        elif node.kwargs or not all(isinstance(each, nodes.Const) for each in node.args):
            self._forbidden(place, tag)
        self._visit(fact, (*formatters, node.name), tag, place)

    def _words(self, node: nodes.Filter, path: str, tag: str, place: str) -> None:
        given = _path(node.args[0]) if len(node.args) == 1 else ""
        listed = self.words.get(given.removeprefix("words."), {})
        fact = find(self.schema, self._unlooped(path)) if path else None
        missing = [str(code) for code in choices(fact, self.schema) if code not in listed] if fact is not None else []
        if missing or not listed:
            message = f"{given or tag} has no word for {', '.join(missing) or path}"
            self._fault(place, "word_missing", message, "缺少代码的用语")

    def _test(self, node: nodes.Test, tag: str, place: str) -> None:
        path = _path(node.node)
        if not path or node.kwargs or not all(isinstance(each, nodes.Const) for each in node.args):
            self._forbidden(place, tag)
            return
        self._use(path, (), place)
        fact = find(self.schema, self._unlooped(path))
        allowed = choices(fact, self.schema) if fact is not None else ()
        wanted = [each.value for each in node.args if isinstance(each, nodes.Const)]
        if node.name not in word.environment().tests or (node.name == "one_of") != bool(wanted):
            self._forbidden(place, tag)
        elif strange := [str(value) for value in wanted if allowed and value not in allowed]:
            message = f"{path} is never {', '.join(strange)}"
            self._fault(place, "unknown_value", message, f"{path} 无此取值")

    def _use(self, path: str, formatters: tuple[str, ...], place: str) -> None:
        head, _, rest = path.partition(".")
        if head == "loop" and rest in word.LOOP and any(each.kind == "for" for each in self._open):
            return
        whole = self._unlooped(path)
        if find(self.schema, whole) is None:
            self._fault(place, "unknown_fact", f"there is no fact {path}", f"没有事实项 {path}")
            return
        self.uses.append(Use(whole, formatters, place))

    def _unlooped(self, path: str) -> str:
        for each in reversed(self._open):
            head, dot, rest = path.partition(".")
            if each.loop and head == each.loop[0]:
                path = each.loop[1] + dot + rest
        return path

    def _forbidden(self, place: str, tag: str) -> None:
        message = f"{tag} is more than a template may do: facts, formatters, if and for are all there is"
        self._fault(place, "forbidden", message, "模板只能使用事实项、格式化器、条件和循环")

    def _fault(self, place: str, code: str, message_en: str, message_zh: str) -> None:
        self.faults.append(Fault(f"/{place}", code, message_en, message_zh))


def words_only(text: str) -> str:
    """The text without its tags."""
    return _TAG.sub("", text)


def is_control(text: str) -> bool:
    """Whether a paragraph is nothing but one tag that is gone when the template is filled."""
    return re.fullmatch(r"\s*\{%(p|tr) .*?%\}\s*", text, re.DOTALL) is not None


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and (inner := _path(node.node)):
        return f"{inner}.{node.attr}"
    return ""


def _place(paragraph: Paragraph, offset: int) -> str:
    run = paragraph.run_at(offset)
    return run.place if run else paragraph.place


def _shown(text: str, offset: int) -> str:
    return repr(text[max(0, offset - 10) : offset + 30])


def _look(run: Any) -> tuple[str, ...]:
    """What a run is drawn with, without what nobody sees: language, spelling, revision marks."""
    properties = run.find(w("rPr"))
    unseen = {w("lang"), w("noProof")}
    listed: Iterator[Any] = iter(()) if properties is None else iter(properties)
    return tuple(sorted(str(sorted(each.attrib.items())) + str(each.tag) for each in listed if each.tag not in unseen))
