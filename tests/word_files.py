"""Word files as the legal department would hand them in, made on the spot."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import docx

from templates import word_xml as xml
from templates.word_export import pack

HEADING = xml.paragraph("Heading1", "文书")


def word_file(content: str, *, instrument: str = "") -> bytes:
    """A DOCX with this WordprocessingML, in our styles."""
    return pack(content, xml.properties("标题 Title", "法制职能部门", instrument))


def template(*paragraphs: str, change: Callable[[Any], None] | None = None) -> bytes:
    """A DOCX with a heading and these paragraphs, the style by the language; `change` is done by python-docx."""
    styles = ["ClauseZH" if any(ord(letter) > 0x2E80 for letter in text) else "ClauseEN" for text in paragraphs]
    made = word_file(HEADING + "".join(map(xml.paragraph, styles, paragraphs)))
    return made if change is None else changed(made, change)


def changed(body: bytes, change: Callable[[Any], None]) -> bytes:
    """The file after a change by python-docx."""
    document = docx.Document(io.BytesIO(body))
    change(document)
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


def replaced(body: bytes, part: str, old: str, new: str) -> bytes:
    """The file with a text of one part replaced; the part is made when it is not there."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as source, zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            content = source.read(name).decode()
            if name == part:
                assert old in content
                content = content.replace(old, new, 1)
            target.writestr(name, content)
        if part not in source.namelist():
            target.writestr(part, new)
    return packed.getvalue()
