"""One file from anybody, kept in memory until it is answered and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from delivery.portal.security import LARGEST_UPLOAD

_SECONDS: Final = 120  # for the whole body: nobody may hold a place by dawdling


class _InMemory(MultiPartParser):
    """The `Guard` bounds the body, so nothing needs to go to a temporary file, as it would from 1 MiB on."""

    spool_max_size = 2 * LARGEST_UPLOAD


class Gate:
    """Dependency: lets `most` visitors in at a time, for each of them may bring 20 MB. The others get 503."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0

    async def __call__(self) -> AsyncIterator[None]:
        """Hold a place until the answer is made."""
        if self._inside >= self._most:
            raise HTTPException(503, headers={"Retry-After": "5"})
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1


async def uploaded_pdf(request: Request) -> bytes:
    """Dependency: the file in the field `pdf` of the form, empty without one.

    Raises 400 for what is no such form, 408 when it takes longer than two minutes to come.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(400)
    try:
        async with asyncio.timeout(_SECONDS):
            parser = _InMemory(request.headers, request.stream(), max_files=1, max_fields=4, max_part_size=1024)
            form = await parser.parse()
    except TimeoutError:
        raise HTTPException(408, headers={"Connection": "close"}) from None
    except (MultiPartException, KeyError) as error:
        raise HTTPException(400) from error
    try:
        file = form.get("pdf")
        return await file.read() if isinstance(file, UploadFile) else b""
    finally:
        await form.close()
