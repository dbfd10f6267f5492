"""Runs pyHanko's coroutines to their end without an event loop: offline there is nothing that they could wait for."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def finished(work: Coroutine[Any, Any, _T]) -> _T:
    """What `work` returns. Raises what it raises, and RuntimeError if it waits for something after all."""
    try:
        work.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    work.close()
    raise RuntimeError("offline validation waited for something")
