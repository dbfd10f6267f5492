"""Verification of files from anybody, in child processes that are limited in memory and time.

The parent's side is `verdict_of`; run as a module this is the child. No file is written: the bytes go through a pipe. A
payload is the length of a JSON head (4 bytes, big-endian), the head, and the PDF.
"""

from __future__ import annotations

import json
import queue
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

from records.errors import Fault, Permanent, Refused, Retry
from templates.children import Child
from templates.serving import serve

_CHILDREN: Final = 2
_MEMORY: Final = 2 * 2**30
_SECONDS: Final = 20.0
_PATIENCE: Final = 10.0  # seconds to wait for a free child
_TOO_HARD: Final = Fault(
    "",
    "too_hard",
    "reading this file takes more time or memory than is allowed here, or breaks the reader",
    "读取该文件超出允许的时间或内存，或无法正常读取",
)


def verdict_of(pdf: bytes, trust_list: Path | None, *, test_system: bool) -> dict[str, Any]:
    """The verdict about exactly these bytes, as `POST /v1/verify` answers it; without a trust list nobody is trusted.

    Raises Refused for what is no readable PDF, cut off or encrypted, or takes too long to read; Retry when too many ask
    at once or a child was lost; Permanent when the trust list cannot be read.
    """
    head = json.dumps({"trust_list": trust_list and str(trust_list), "test_system": test_system}).encode()
    payload = len(head).to_bytes(4, "big") + head + pdf
    try:
        child = _children().get(timeout=_PATIENCE)
    except queue.Empty:
        raise Retry("too many files are being verified at once", after_seconds=_PATIENCE) from None
    try:
        answer: dict[str, Any] = json.loads(child.call(payload, _SECONDS))
    except Permanent as error:  # it broke the reader, or ended it for the second time
        raise Refused([_TOO_HARD]) from error
    finally:
        _children().put(child)
    if "faults" in answer:
        raise Refused([Fault(**fault) for fault in answer["faults"]])
    if "permanent" in answer:
        raise Permanent(answer["permanent"])
    return answer


@cache
def _children() -> queue.Queue[Child]:
    idle: queue.Queue[Child] = queue.Queue()
    for _ in range(_CHILDREN):
        idle.put(Child([sys.executable, "-m", "pipeline.verifying"], memory=_MEMORY))
    return idle


def _verify(payload: bytes) -> bytes:
    from signing.certificates import TrustList
    from signing.verification import verify

    size = int.from_bytes(payload[:4], "big")
    head = json.loads(payload[4 : 4 + size])
    try:
        trust = TrustList((), test_system=head["test_system"])
        if head["trust_list"]:
            trust = TrustList.load(Path(head["trust_list"]), test_system=head["test_system"])
        answer = verify(payload[4 + size :], trust).as_dict()
    except Refused as refused:
        answer = {"faults": [{"pointer": fault.pointer} | fault.as_dict() for fault in refused.faults]}
    except Permanent as error:
        answer = {"permanent": str(error)}
    return json.dumps(answer, ensure_ascii=False).encode()


if __name__ == "__main__":
    serve(_verify)
