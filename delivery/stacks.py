"""A stack from the document feeder: one PDF of many papers is split at its barcodes, and attached to the attempts.

The file is stored before anything is read. Pages are read some at a time, and what was found is committed with how far
reading came: after a crash, reading goes on from there. Our proofs bear their code on every page, so a page without
one is attached by a person and never by guess: it may be somebody else's.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Sequence
from functools import cache
from typing import Final

import pikepdf
import sqlalchemy as sa

from delivery.attempts import attach
from delivery.barcodes import read_code
from delivery.desk import locked, record_paper_receipt
from delivery.scans import check_scan
from delivery.stack_child import HEADER
from records import attempts, documents, stacks
from records.database import Database
from records.errors import Fault, Permanent, Refused
from records.ledger import append
from records.store import Store
from templates.children import Child

SECONDS: Final = 20.0
"""How long one call reads; the next one goes on."""
_AT_A_TIME: Final = 8
_MEMORY: Final = 2 * 2**30
_TIMEOUT_SECONDS: Final = 60.0


@cache
def _child() -> Child:
    return Child([sys.executable, "-m", "delivery.stack_child"], memory=_MEMORY)


def close() -> None:
    """End the child process, if one runs."""
    _child().close()


def take_in(database: Database, store: Store, authority_id: str, pdf: bytes, by: str) -> str:
    """Keep a scanned stack; returns its id. The same file again is the same stack. Raises Refused."""
    judged = check_scan(pdf, "/file")
    if judged.media_type != "application/pdf":
        raise Refused([Fault("/file", "not_a_pdf", "A stack is one PDF file.", "成批扫描件须为一个 PDF 文件。")])
    digest = store.put(pdf)
    with database.write() as connection:
        documents.record_artifact(connection, digest, len(pdf), judged.media_type)
        stack_id, new = stacks.insert(connection, authority_id, digest, judged.pages, by)
        if new:
            body = {"sha256": digest, "pages": judged.pages}
            _tell(connection, authority_id, f"stack/{stack_id}", "stack.taken_in", stack_id, by, body)
        return stack_id


def _tell(
    connection: sa.Connection,
    authority_id: str,
    key: str,
    kind: str,
    stack_id: str,
    by: str,
    body: dict[str, object],
) -> None:
    append(connection, f"directory:{authority_id}", key, kind, subject=stack_id, actor=by, body=body)


def read_on(
    database: Database, store: Store, authority_id: str, stack_id: str, by: str, seconds: float = SECONDS
) -> tuple[str, ...]:
    """Read further pages for about `seconds`, and attach every paper that is whole; returns the steps that are due.

    Raises LookupError when the authority has no such stack, Retry when the child died: what was read stays read.
    """
    until, due = time.monotonic() + seconds, list[str]()
    with database.read() as connection:
        stack = stacks.find(connection, stack_id, authority_id)
    if stack is None:
        raise LookupError(f"no stack {stack_id}")
    pdf = store.get(stack["digest"])
    read = stack["read_pages"]
    while read < stack["pages"]:
        codes = _codes(pdf, read, min(_AT_A_TIME, stack["pages"] - read))
        read = _keep(database, stack, read, codes)
        if time.monotonic() > until:
            break
    with database.read() as connection:
        found = stacks.parts(connection, stack_id)
    whole = found if read == stack["pages"] else found[:-1]  # the last one may go on
    for part in whole:
        if part["state"] == "open" and part["code"]:
            due += _attach(database, store, stack, pdf, part, part["code"], by)
        elif part["state"] == "attached":  # the last call may have ended between the two
            due += _complete(database, store, part["attempt_id"], authority_id, by)
    return tuple(due)


def _codes(pdf: bytes, first: int, count: int) -> list[str | None]:
    """The code of each page, None for one that has none or two, or that cannot be drawn."""
    try:
        answer = json.loads(_child().call(HEADER.pack(first, count) + pdf, _TIMEOUT_SECONDS))
    except Permanent:
        if count == 1:
            return [None]  # shown as a page without a barcode: somebody looks at it
        return [code for page in range(first, first + count) for code in _codes(pdf, page, 1)]
    found = [{code for text in page if (code := read_code(text))} for page in answer]
    return [codes.pop() if len(codes) == 1 else None for codes in found]


def _keep(database: Database, stack: sa.RowMapping, first: int, codes: Sequence[str | None]) -> int:
    """Commit the pages that were read; returns how many are read now, by whomever."""
    with database.write() as connection:
        now = stacks.lock(connection, stack["id"])
        if now["read_pages"] != first:  # somebody else read on meanwhile
            return int(now["read_pages"])
        known = stacks.parts(connection, stack["id"])
        last = known[-1] if known else None
        start, code = (last["first_page"], last["code"]) if last else (None, None)
        for page, found in enumerate(codes, first):
            if start is None or found != code:
                start, code = page, found
                stacks.add_part(connection, stack["authority_id"], stack["id"], page, found)
            else:
                stacks.update_part(connection, stack["id"], start, last_page=page)
        stacks.set_read(connection, stack["id"], first + len(codes))
        return first + len(codes)


def assign(
    database: Database, store: Store, authority_id: str, stack_id: str, first_page: int, code: str, by: str
) -> tuple[str, ...]:
    """Attach a part by hand to the attempt with this code; returns the steps that are due.

    Raises LookupError, and Refused when nobody here has the code.
    """
    stack, part = _part(database, authority_id, stack_id, first_page)
    plain = read_code(code)
    with database.read() as connection:
        attempt = attempts.by_code(connection, plain) if plain else None
    if plain is None or attempt is None or attempt["authority_id"] != authority_id:
        raise Refused([Fault("/code", "unknown_code", "Nobody here knows this code.", "本单位没有该条码。")])
    if part["state"] != "open":
        raise Refused([Fault("/code", "attached_already", "These pages are dealt with.", "该部分已经处理。")])
    return tuple(_attach(database, store, stack, store.get(stack["digest"]), part, plain, by))


def set_aside(database: Database, authority_id: str, stack_id: str, first_page: int, by: str) -> None:
    """Say that a part belongs to no attempt (a separating sheet, a blank page). It stays in the stack."""
    _part(database, authority_id, stack_id, first_page)
    with database.write() as connection:
        stacks.lock(connection, stack_id)
        part = stacks.part(connection, stack_id, first_page)
        if part is None or part["state"] != "open":
            return
        stacks.update_part(connection, stack_id, first_page, state="set_aside")
        key = f"stack/{stack_id}/aside/{first_page}"
        body: dict[str, object] = {"first_page": first_page, "last_page": part["last_page"]}
        _tell(connection, authority_id, key, "stack.set_aside", stack_id, by, body)


def pages_of(store: Store, stack: sa.RowMapping, part: sa.RowMapping) -> bytes:
    """The pages of a part as a file of their own; the same bytes every time."""
    return _cut(store.get(stack["digest"]), part)


def _part(database: Database, authority_id: str, stack_id: str, first: int) -> tuple[sa.RowMapping, sa.RowMapping]:
    with database.read() as connection:
        stack = stacks.find(connection, stack_id, authority_id)
        part = stacks.part(connection, stack_id, first) if stack else None
    if stack is None or part is None:
        raise LookupError(f"no part {first} of stack {stack_id}")
    return stack, part


def _cut(pdf: bytes, part: sa.RowMapping) -> bytes:
    made, buffer = pikepdf.new(), io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as whole:
        made.pages.extend(whole.pages[part["first_page"] : part["last_page"] + 1])
        made.save(buffer, deterministic_id=True)
    return buffer.getvalue()


def _attach(
    database: Database, store: Store, stack: sa.RowMapping, pdf: bytes, part: sa.RowMapping, code: str, by: str
) -> Sequence[str]:
    """Attach a part to this authority's attempt with this code, and complete the record if that can be."""
    with database.read() as connection:
        attempt = attempts.by_code(connection, code)
    if attempt is None or attempt["authority_id"] != stack["authority_id"]:
        return ()
    cut = _cut(pdf, part)
    digest = store.put(cut)
    with database.write() as connection:
        row = locked(connection, attempt["delivery_id"], stack["authority_id"])
        documents.record_artifact(connection, digest, len(cut), "application/pdf")
        attach(connection, row, attempt, "proof", digest, by)
        names = {"code": code, "attempt_id": attempt["id"], "digest": digest, "state": "attached"}
        stacks.update_part(connection, stack["id"], part["first_page"], **names)
    return _complete(database, store, attempt["id"], stack["authority_id"], by)


def _complete(database: Database, store: Store, attempt_id: str, authority_id: str, by: str) -> Sequence[str]:
    """Let a record that lacked nothing but its scan be final; one that lacks details waits for a person."""
    with database.read() as connection:
        waiting = next((row for row in attempts.records_of(connection, attempt_id) if not row["final"]), None)
    if waiting is None:
        return ()
    names = database, store, authority_id, waiting["delivery_id"]
    try:
        return record_paper_receipt(*names, waiting["record"], None, by, attempt_id=attempt_id).hint
    except Refused:
        return ()
