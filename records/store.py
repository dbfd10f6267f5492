"""The artifact store: bytes named by their SHA-256, written once, checked on every read.

A file stands before its row does: a crash leaves at most a file that no row names, never a row without its file.
What is to be deleted is set aside first, for nobody can tell at that moment whether somebody is storing the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from records.errors import Permanent, Retry


class Store(Protocol):
    """What every place for artifacts does."""

    def put(self, data: bytes) -> str:
        """Store `data` durably and return its SHA-256 in hexadecimal; storing the same bytes again changes nothing."""

    def get(self, digest: str) -> bytes:
        """The bytes named `digest`. Raises Permanent when they are absent or no longer hash to their name."""

    def has(self, digest: str) -> bool:
        """Whether bytes of this name are stored."""

    def size(self, digest: str) -> int:
        """Length in bytes. Raises Permanent when absent."""

    def set_aside(self, digest: str) -> None:
        """Take bytes out that no row seems to name. `get` still finds them, and `put` stores the same ones anew."""

    def aside(self, seconds: float) -> list[str]:
        """What was set aside longer than `seconds` ago: whoever stored the same bytes just then has told his row."""

    def put_back(self, digest: str) -> None:
        """Put back what was set aside: a row names it after all."""

    def destroy(self, digest: str) -> None:
        """Delete what was set aside, for good."""


def open_store(url: str) -> Store:
    """The store at `file:///path` or `s3://bucket/prefix`. Raises ValueError for another scheme."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileStore(Path(parts.path))
    if parts.scheme == "s3":
        return S3Store(parts.netloc, parts.path.strip("/"))
    raise ValueError(f"SONGDA_STORE_URL: file:// or s3:// expected, not {parts.scheme!r}")


def _checked(digest: str, data: bytes) -> bytes:
    if hashlib.sha256(data).hexdigest() != digest:
        raise Permanent(f"artifact {digest}: the stored bytes were altered, they no longer hash to their name")
    return data


def _place(digest: str) -> str:
    """Where bytes of this name stand: `ab/cdef…`. Raises Permanent for anything but a digest, a path for one."""
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise Permanent(f"{digest[:80]!r} is not a SHA-256 digest")
    return f"{digest[:2]}/{digest[2:]}"


#: Where files stand that were set aside.
_ASIDE: Final = "aside"


class FileStore:
    """A folder tree `ab/cdef…`: temporary file, fsync, rename, fsync of the folder, mode 0444."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, digest: str) -> Path:
        return self._root / _place(digest)

    def put(self, data: bytes) -> str:
        """See `Store.put`."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if path.exists():
            _fsync_folder(path.parent)  # another thread may have named it only just now
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o444)
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        for folder in (path.parent, self._root, self._root.parent):
            _fsync_folder(folder)
        return digest

    def get(self, digest: str) -> bytes:
        """See `Store.get`."""
        for path in (self._path(digest), self._aside(digest), self._path(digest)):  # it may be put back meanwhile
            try:
                return _checked(digest, path.read_bytes())
            except FileNotFoundError:
                continue
        raise Permanent(f"artifact {digest} is not in the store")

    def has(self, digest: str) -> bool:
        """See `Store.has`."""
        return self._path(digest).exists()

    def _aside(self, digest: str) -> Path:
        return self._root / _ASIDE / _place(digest).replace("/", "")

    def set_aside(self, digest: str) -> None:
        """See `Store.set_aside`."""
        path, aside = self._path(digest), self._aside(digest)
        aside.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.utime(path)  # `aside` asks since when
            path.replace(aside)
        except FileNotFoundError:
            return
        _fsync_folder(aside.parent)

    def aside(self, seconds: float) -> list[str]:
        """See `Store.aside`."""
        before, found = time.time() - seconds, list[str]()
        for each in (self._root / _ASIDE).glob("*"):
            with suppress(FileNotFoundError):  # somebody else looks at the same
                if each.stat().st_mtime <= before:
                    found.append(each.name)
        return sorted(found)

    def put_back(self, digest: str) -> None:
        """See `Store.put_back`."""
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            self._aside(digest).replace(path)
        _fsync_folder(path.parent)

    def destroy(self, digest: str) -> None:
        """See `Store.destroy`."""
        self._aside(digest).unlink(missing_ok=True)

    def size(self, digest: str) -> int:
        """See `Store.size`."""
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            raise Permanent(f"artifact {digest} is not in the store") from None


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _code(error: Exception) -> str:
    """The error code of S3's answer; empty when there was no answer."""
    answer: dict[str, Any] = getattr(error, "response", {})
    return str(answer.get("Error", {}).get("Code", ""))


class S3Store:
    """A bucket of S3 or of a server that speaks it; an object is written only if its name is free (If-None-Match).

    Every method raises Retry when the server cannot be reached or answers with an error of its own.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3  # heavy, and only the distributed mode needs it
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        patience = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3})
        self._client: Any = boto3.client("s3", config=patience)
        self._errors = (ClientError, BotoCoreError)

    def _key(self, digest: str) -> str:
        return self._prefix + _place(digest)

    def _told(self, digest: str, error: Exception) -> Exception:
        """What an error of the server means to the caller."""
        if _code(error) in ("NoSuchKey", "404"):
            return Permanent(f"artifact {digest} is not in the store")
        return Retry(f"artifact store: {error}")

    def put(self, data: bytes) -> str:
        """See `Store.put`."""
        raw = hashlib.sha256(data)
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(raw.hexdigest()),
                Body=data,
                IfNoneMatch="*",
                ChecksumSHA256=base64.b64encode(raw.digest()).decode(),
            )
        except self._errors as error:
            if _code(error) not in ("PreconditionFailed", "412"):
                raise Retry(f"artifact store: {error}") from error
        return raw.hexdigest()

    def get(self, digest: str) -> bytes:
        """See `Store.get`."""
        try:
            try:
                data = self._read(self._key(digest))
            except self._errors as error:
                if not isinstance(self._told(digest, error), Permanent):
                    raise
                data = self._read(self._aside(digest))
        except self._errors as error:
            raise self._told(digest, error) from error
        return _checked(digest, data)

    def _read(self, key: str) -> bytes:
        return bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def has(self, digest: str) -> bool:
        """See `Store.has`."""
        key = self._key(digest)
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except self._errors as error:
            told = self._told(digest, error)
            if isinstance(told, Permanent):
                return False
            raise told from error
        return True

    def size(self, digest: str) -> int:
        """See `Store.size`."""
        key = self._key(digest)
        try:
            return int(self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"])
        except self._errors as error:
            raise self._told(digest, error) from error

    def _aside(self, digest: str) -> str:
        return f"{self._prefix}{_ASIDE}/{_place(digest).replace('/', '')}"

    def _move(self, digest: str, source: str, target: str) -> None:
        """Copy, then delete: a crash in between leaves both, and the next round ends it."""
        try:
            self._client.copy_object(
                Bucket=self._bucket, Key=target, CopySource={"Bucket": self._bucket, "Key": source}
            )
            self._client.delete_object(Bucket=self._bucket, Key=source)
        except self._errors as error:
            told = self._told(digest, error)
            if not isinstance(told, Permanent):
                raise told from error

    def set_aside(self, digest: str) -> None:
        """See `Store.set_aside`. The bucket has to let objects be deleted; of its versions, its own rules dispose."""
        self._move(digest, self._key(digest), self._aside(digest))

    def aside(self, seconds: float) -> list[str]:
        """See `Store.aside`."""
        before, found = datetime.now(UTC).timestamp() - seconds, list[str]()
        try:
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}{_ASIDE}/"):
                old = (each for each in page.get("Contents", []) if each["LastModified"].timestamp() <= before)
                found += [each["Key"].rpartition("/")[2] for each in old]
        except self._errors as error:
            raise Retry(f"artifact store: {error}") from error
        return sorted(found)

    def put_back(self, digest: str) -> None:
        """See `Store.put_back`."""
        self._move(digest, self._aside(digest), self._key(digest))

    def destroy(self, digest: str) -> None:
        """See `Store.destroy`."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._aside(digest))
        except self._errors as error:
            raise Retry(f"artifact store: {error}") from error
