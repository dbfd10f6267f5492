"""What readers who do not see the page need: titles, headings in order, head cells, names of tables, languages.

Looked at in the clauses, in the composed blocks and in the printed file (ISO 14289-1, PDF/UA; WCAG 2.2, 1.3.1, 2.4.2,
2.4.6, 3.1.2). The seal is put on later; its alternative text is the business of `signing.fields`.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pikepdf

from records.errors import Fault
from templates.clauses import Clauses
from templates.composing import Composed

_HAN: Final = re.compile("[㐀-鿿]")
_LATIN_WORD: Final = re.compile("[A-Za-z]{2,}")
_PLACEHOLDER: Final = re.compile(r"\{\{.*?\}\}")
_HEADING: Final = re.compile(r"/H([1-6])")


def clause_faults(clauses: Clauses) -> Iterator[Fault]:
    """Texts that would be read aloud in the wrong language, and tables without a name or a head."""
    for block in clauses.blocks:
        place = f"/clauses.yaml/{block.id or block.kind}"
        for twin in block.twins():
            zh, en = (_PLACEHOLDER.sub("", text.source) for text in (twin.zh, twin.en))
            if _HAN.search(en):
                message = f"the English text holds Chinese characters, which are read as English: {twin.en.source!r}"
                yield Fault(place, "language", message, "英文文本中含有汉字", "WCAG 2.2, 3.1.2")
            if zh != en and _LATIN_WORD.search(zh) and not _HAN.search(zh):
                message = f"the Chinese text is not Chinese: {twin.zh.source!r}"
                yield Fault(place, "language", message, "中文文本中没有汉字", "WCAG 2.2, 3.1.2")
        if block.kind == "table" and block.text is None:
            yield Fault(place, "no_caption", "a table needs a caption", "表格须有名称", "WCAG 2.2, 1.3.1")


def block_faults(blocks: Sequence[Composed]) -> Iterator[Fault]:
    """Headings without anything under them, and head cells without a word."""
    told = [block for block in blocks if block["kind"] not in ("mark", "letterhead", "foot")]
    if told and told[0]["kind"] != "title":
        yield Fault("", "headings", "something stands above the title", "标题之前不得有正文", "WCAG 2.2, 1.3.1")
    for block, following in itertools.pairwise([*told, {"kind": "heading"}]):
        if block["kind"] == "heading" and following["kind"] == "heading":
            text = block["lines"][0][1]
            yield Fault("", "headings", f"nothing stands under the heading {text}", f"标题“{text}”之下没有内容")
    for table in (block for block in told if block["kind"] == "table"):
        if not all(column["lines"] for column in table["columns"]):
            yield Fault("", "table_head", "a column has no head", "表格的列须有表头", "WCAG 2.2, 1.3.1")


def file_faults(pdf: bytes) -> Iterator[Fault]:
    """What a printed file lacks. Pointers are empty: the file is one."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        root = opened.Root
        with opened.open_metadata(set_pikepdf_as_editor=False) as metadata:
            titled = bool(metadata.get("dc:title"))
        shown = _flag(root, "/ViewerPreferences", "/DisplayDocTitle")
        if not (titled and shown):
            yield _fault("no_title", "the file has no title that is shown", "文件没有标题元数据", "7.1")
        if not str(root.get("/Lang", "")):
            yield _fault("no_language", "the file does not tell its language", "文件没有语言标记", "7.2")
        if not _flag(root, "/MarkInfo", "/Marked") or "/StructTreeRoot" not in root:
            yield _fault("not_tagged", "the file has no tags", "文件没有结构标签", "7.1")
            return
        elements = list(_elements(root.StructTreeRoot))
        yield from _heading_faults(elements)
        yield from _table_faults(elements)
        if any(kind == "/Figure" and not str(node.get("/Alt", "")) for kind, node in elements):
            yield _fault("no_alternative", "a picture has no alternative text", "图片没有替代文本", "7.3")
        if not any(str(node.get("/Lang", "")).startswith("en") for _, node in elements):
            yield _fault("no_language", "no text is marked as English", "英文文本没有语言标记", "7.2")


def _flag(root: Any, dictionary: str, name: str) -> bool:
    return dictionary in root and bool(root[dictionary].get(name, False))


def _heading_faults(elements: Sequence[tuple[str, Any]]) -> Iterator[Fault]:
    levels = [int(found[1]) for kind, _ in elements if (found := _HEADING.fullmatch(kind))]
    if levels.count(1) != 1 or levels[0] != 1:
        yield _fault(
            "headings", "the first heading, and only that, is of the first level", "须以唯一的一级标题开始", "7.4.2"
        )
    if any(later > earlier + 1 for earlier, later in itertools.pairwise(levels)):
        yield _fault("headings", "a level of headings is left out", "标题层级有跳级", "7.4.2")


def _table_faults(elements: Sequence[tuple[str, Any]]) -> Iterator[Fault]:
    for kind, node in elements:
        if kind != "/Table":
            continue
        heads = [each for name, each in _elements(node) if name == "/TH"]
        if not heads or not all(_scope(each) for each in heads):
            yield _fault(
                "table_head", "a table has no head cells that say what they are for", "表格没有表头单元格", "7.5"
            )


def _scope(head: Any) -> bool:
    attributes = head.get("/A", [])
    listed = attributes if isinstance(attributes, pikepdf.Array) else [attributes]
    return any("/Scope" in each for each in listed if isinstance(each, pikepdf.Dictionary))


def _elements(root: Any) -> Iterator[tuple[str, Any]]:
    """Every structure element under `root`, in reading order, with its standard type."""
    roles: Mapping[str, Any] = {}
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, pikepdf.Array):
            pending += reversed(list(node))
        elif isinstance(node, pikepdf.Dictionary):
            roles = dict(node.get("/RoleMap", {}).items()) or roles
            if "/S" in node:
                kind = str(node.S)
                yield str(roles.get(kind, kind)), node
            if "/K" in node:
                pending.append(node.K)


def _fault(code: str, message_en: str, message_zh: str, clause: str) -> Fault:
    return Fault("", code, message_en, message_zh, f"ISO 14289-1, {clause}")
