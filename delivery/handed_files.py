"""Files that a counterparty hands in: judged by their content, named for whoever reads them, then stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from delivery.scans import Scan, check_scan
from records.documents import record_artifact
from records.errors import Fault, Refused
from records.store import Store
from records.submissions import File


@dataclass(frozen=True)
class Judged:
    """A file that may be kept: what it is by its content, and the name it gets."""

    name: str
    content: bytes
    scan: Scan


def judge(files: Sequence[tuple[str, str, bytes]], faults: list[Fault]) -> list[Judged]:
    """The files (field, name, bytes) that may be kept; adds a fault at its field for each other one."""
    found = []
    for field, name, content in files:
        try:
            scan = check_scan(content, f"/{field}")
        except Refused as refused:
            faults += refused.faults
        else:
            found.append(Judged(_name(name, scan.suffix), content, scan))
    return found


def _name(name: str, suffix: str) -> str:
    """The sender's name for it without a path, with the ending that its content has."""
    plain = "".join(char for char in name.replace("\\", "/").rpartition("/")[2] if char.isprintable())
    stem = plain.rpartition(".")[0] or plain
    return f"{stem[:100] or 'file'}{suffix}"


def store_all(store: Store, judged: Iterable[Judged]) -> list[File]:
    """Put the files into the store, before any row names them."""
    return [
        File(each.name, store.put(each.content), each.scan.media_type, len(each.content), each.scan.pages)
        for each in judged
    ]


def name_all(connection: sa.Connection, files: Iterable[File]) -> None:
    """Name stored files in the transaction whose rows refer to them."""
    for file in files:
        record_artifact(connection, file.digest, file.size, file.media_type)
