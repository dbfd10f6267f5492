"""Markup and addresses in texts that come from outside: refused at the door, though nothing here would run them.

Facts are data: no engine evaluates them. But a text that is printed, shown in a browser, put into Word and read by
other systems for decades should mean the same everywhere, so what any of these could take for code has no place in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from records.errors import Fault
from templates.facts import pointer_to, printable

#: What is looked for: (code, English, Chinese, pattern).
_KINDS: Final = (
    (
        "template_markup",
        "markup of a template",
        "模板标记",
        re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}|\$\{"),
    ),
    (
        "markup",
        "an HTML or XML tag, or a character entity",
        "HTML或XML标记",
        re.compile(r"<[A-Za-z/!?]|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,31});"),
    ),
    (
        "typesetting_markup",
        "a command of the typesetter",
        "排版命令",
        re.compile(r"#(?:let|set|show|import|include|context|return)\b|#[a-z][\w.-]*[(\[]"),
    ),
    (
        "address",
        "an address with a scheme, such as http:// or file://",
        "网络或文件地址",
        re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|(?:javascript|vbscript|data|file):\S)", re.I),
    ),
)


def markup_faults(value: object, pointer: str = "") -> list[Fault]:
    """One fault for each text and kind of markup in a parsed JSON value that is not nested too deep."""
    return list(_faults(value, pointer))


def _faults(value: object, pointer: str) -> Iterator[Fault]:
    if isinstance(value, str):
        for code, english, chinese, pattern in _KINDS:
            found = pattern.search(value)
            if found:
                shown = printable(value[found.start() :], 20)
                yield Fault(
                    pointer,
                    code,
                    f"the text holds {english}: {shown}",
                    f"文本含有{chinese}：{shown}",
                    "facts are plain text",
                )
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _faults(each, pointer + pointer_to(name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _faults(each, f"{pointer}/{place}")
