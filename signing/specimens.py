"""A specimen is never sealed: a preview says in its metadata that it is one, and is refused where seals are put."""

from __future__ import annotations

import re
from typing import Final

import pikepdf

from records.errors import Fault, Refused

#: The keyword of a file that is printed as 样本 SPECIMEN.
KEYWORD: Final = "SPECIMEN"
_IN_XMP: Final = re.compile(rb"<pdf:Keywords>([^<]*)</pdf:Keywords>")


def refuse_specimen(pdf: pikepdf.Pdf) -> None:
    """Raises Refused for a file whose keywords, in the information dictionary or in XMP, call it a specimen."""
    told = [str(pdf.docinfo.get("/Keywords", ""))] if "/Info" in pdf.trailer else []
    packet = pdf.Root.get("/Metadata")
    if packet is not None:
        told += [found.decode("utf-8", "replace") for found in _IN_XMP.findall(packet.read_bytes())]
    if any(KEYWORD in re.split(r"[\s,;]+", keywords) for keywords in told):
        en = "The file is a specimen (样本): no seal is put on it."
        raise Refused([Fault("", "specimen", en, "该文件为样本，不得加盖印章。")])
