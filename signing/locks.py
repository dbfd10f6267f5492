"""Whether a further signature is allowed at all: what is signed already may forbid it (ISO 32000-2 12.8.2.2, 12.8.2.4).

A signature after a lock would be whole by itself and break the one before it, so it is refused before anything is
signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from records.errors import Fault, Refused

_MOST_FIELDS = 1000


def refuse_locked(pdf: pikepdf.Pdf, field: str) -> None:
    """Raise Refused when a signature of an open PDF forbids that the field of that name is signed now.

    That is so after DocMDP level 1 (no changes), after a field lock (FieldMDP) that takes in this field or whose signer
    allowed no changes from then on, and after an archive time stamp, which comes when all have signed.
    """
    for holder, value in _signed(pdf):
        if value.get("/Type") == Name.DocTimeStamp:
            raise Refused(
                [
                    Fault(
                        "",
                        "archived",
                        "an archive time stamp stands already: it comes after all signatures",
                        "已加盖归档时间戳，此后不得再签名",
                    )
                ]
            )
        locks = [each for each in value.get("/Reference", Array()) if _locks(each, field)]
        if locks or int(holder.get("/Lock", Dictionary()).get("/P", 2)) < 2:
            raise Refused(
                [
                    Fault(
                        "",
                        "locked",
                        "a signature in the file allows nothing to be added, so a further one is refused",
                        "文件中已有的签名不允许再添加内容",
                    )
                ]
            )


def _locks(reference: Any, field: str) -> bool:
    parameters = reference.get("/TransformParams", Dictionary())
    if reference.get("/TransformMethod") == Name.DocMDP:
        return int(parameters.get("/P", 2)) < 2
    if reference.get("/TransformMethod") != Name.FieldMDP:
        return False
    named = any(str(each) == field for each in parameters.get("/Fields", Array()))
    action = parameters.get("/Action")
    return int(parameters.get("/P", 2)) < 2 or not (
        (action == Name.Include and not named) or (action == Name.Exclude and named)
    )


def _signed(pdf: pikepdf.Pdf) -> Iterator[tuple[Any, Any]]:
    """Every filled signature field with its signature, and the one that certifies the document wherever it stands."""
    certified = pdf.Root.get("/Perms", Dictionary()).get("/DocMDP")
    if certified is not None:
        yield Dictionary(), certified
    waiting = list(pdf.Root.get("/AcroForm", Dictionary()).get("/Fields", Array()))
    for _ in range(_MOST_FIELDS):
        if not waiting:
            return
        field = waiting.pop(0)
        if field.get("/FT") == Name.Sig and "/V" in field:
            yield field, field.V
        waiting += [kid for kid in field.get("/Kids", Array()) if "/T" in kid or "/FT" in kid]
