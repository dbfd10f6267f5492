"""The artifact store: one body of tests for the folder and for S3 (moto's server)."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from records import store as store_module
from records.errors import Permanent, Retry
from records.store import FileStore, S3Store, Store, open_store
from tests.servers import free_port

DATA = "行政处罚决定书".encode()
DIGEST = hashlib.sha256(DATA).hexdigest()
BUCKET = "songda"


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket, and the environment by which boto3 finds it."""
    for name, value in (
        ("AWS_ENDPOINT_URL", s3_url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)
    client.close()


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, Callable[[str, bytes], None]]:
    """A store, and a way to alter what is stored behind its back."""
    if request.param == "file":
        root = tmp_path / "store"

        def alter(digest: str, data: bytes) -> None:
            path = root / digest[:2] / digest[2:]
            path.chmod(0o644)
            path.write_bytes(data)

        return open_store(f"file://{root}"), alter
    client = request.getfixturevalue("s3")

    def overwrite(digest: str, data: bytes) -> None:
        client.put_object(Bucket=BUCKET, Key=f"files/{digest[:2]}/{digest[2:]}", Body=data)

    return open_store(f"s3://{BUCKET}/files"), overwrite


@pytest.mark.rule("ESL-5a")
def test_bytes_come_back_under_their_sha256(place: tuple[Store, Any]) -> None:
    store, _ = place
    assert not store.has(DIGEST)
    assert store.put(DATA) == DIGEST
    assert store.has(DIGEST) and store.size(DIGEST) == len(DATA)
    assert store.get(DIGEST) == DATA


def test_nothing_is_a_file_too(place: tuple[Store, Any]) -> None:
    store, _ = place
    assert store.get(store.put(b"")) == b""


def test_the_same_bytes_twice_are_one_file(place: tuple[Store, Any]) -> None:
    store, _ = place
    assert store.put(DATA) == store.put(DATA) == DIGEST
    assert store.get(DIGEST) == DATA


def test_the_same_bytes_from_many_threads_are_one_file(place: tuple[Store, Any]) -> None:
    store, _ = place
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(store.put(DATA * 10_000))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6 and set(made) == {hashlib.sha256(DATA * 10_000).hexdigest()}
    assert store.get(made[0]) == DATA * 10_000


@pytest.mark.rule("ESL-5a")
@pytest.mark.parametrize("altered", [DATA + b" ", DATA[:-1], b"", DATA.replace("处罚".encode(), "处分".encode())])
def test_altered_bytes_are_refused_on_reading(place: tuple[Store, Any], altered: bytes) -> None:
    store, alter = place
    store.put(DATA)
    alter(DIGEST, altered)
    with pytest.raises(Permanent, match="altered"):
        store.get(DIGEST)


def test_what_was_set_aside_is_still_read_put_back_or_destroyed(place: tuple[Store, Any]) -> None:
    store, _ = place
    store.put(DATA)
    store.set_aside(DIGEST)
    store.set_aside(DIGEST)  # a second worker does the same
    assert not store.has(DIGEST) and store.get(DIGEST) == DATA
    assert store.aside(3600) == [] and store.aside(-60) == [DIGEST]
    store.put_back(DIGEST)
    store.put_back(DIGEST)
    assert store.has(DIGEST) and store.aside(-60) == []
    store.set_aside(DIGEST)
    assert store.put(DATA) == DIGEST and store.has(DIGEST), "the same bytes again are stored anew"
    for _ in range(2):
        store.destroy(DIGEST)
    assert store.get(DIGEST) == DATA and store.aside(-60) == []
    store.set_aside(DIGEST)
    store.destroy(DIGEST)
    with pytest.raises(Permanent, match="not in the store"):
        store.get(DIGEST)


def test_what_is_not_there_is_permanent(place: tuple[Store, Any]) -> None:
    store, _ = place
    with pytest.raises(Permanent, match="not in the store"):
        store.get(DIGEST)
    with pytest.raises(Permanent, match="not in the store"):
        store.size(DIGEST)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../../../../etc/passwd",
        "a" * 63,
        "a" * 65,
        "A" * 64,
        "g" * 64,
        "/" * 64,
        f"../{'a' * 61}",
        "a" * 63 + "\n",
    ],
)
def test_a_name_that_is_no_digest_reaches_nothing(place: tuple[Store, Any], name: str) -> None:
    store, _ = place
    for ask in (store.get, store.has, store.size):
        with pytest.raises(Permanent, match="not a SHA-256"):
            ask(name)


def test_files_are_read_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    FileStore(tmp_path / "store").put(DATA)
    path = tmp_path / "store" / DIGEST[:2] / DIGEST[2:]
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert [each for each in (tmp_path / "store").rglob("*") if each.is_file()] == [path]


def test_file_and_folders_are_synced_before_put_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is what makes it durable: file, its name, its folder, the folder's own name."""
    told: list[str] = []

    def fsync(handle: int) -> None:
        told.append(str(Path(f"/proc/self/fd/{handle}").readlink()))

    replace = Path.replace

    def named(self: Path, target: Path) -> Path:
        told.append("rename")
        return replace(self, target)

    monkeypatch.setattr(store_module.os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", named)
    root = tmp_path / "store"
    FileStore(root).put(DATA)
    assert told[0].startswith(f"{root}/{DIGEST[:2]}/.new-")
    assert told[1:] == ["rename", f"{root}/{DIGEST[:2]}", str(root), str(tmp_path)]


def test_a_put_that_fails_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module.os, "fsync", full)
    store = FileStore(tmp_path / "store")
    with pytest.raises(OSError, match="No space"):
        store.put(DATA)
    assert [each for each in (tmp_path / "store").rglob("*") if each.is_file()] == []
    monkeypatch.undo()
    assert not store.has(DIGEST)
    assert store.get(store.put(DATA)) == DATA


_PUT_FOR_EVER = """
import sys
from pathlib import Path
from records.store import FileStore
store = FileStore(Path(sys.argv[1]))
for number in range(1_000_000):
    store.put(b"%d" % number * 20_000)
"""


def test_kill_9_in_the_middle_leaves_no_half_file_under_a_name(tmp_path: Path) -> None:
    root = tmp_path / "store"
    process = subprocess.Popen([sys.executable, "-c", _PUT_FOR_EVER, str(root)])
    deadline = time.monotonic() + 30
    while len(list(root.glob("*/[0-9a-f]*"))) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait(10)
    store = FileStore(root)
    named = list(root.glob("*/[0-9a-f]*"))
    assert named
    for path in named:
        assert store.get(path.parent.name + path.name)


def test_s3_writes_only_where_nothing_stands(s3: Any) -> None:
    """If-None-Match: what was altered there is not written over in silence, and it is found on reading."""
    store = open_store(f"s3://{BUCKET}")
    key = f"{DIGEST[:2]}/{DIGEST[2:]}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"somebody else's")
    assert store.put(DATA) == DIGEST
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"somebody else's"
    with pytest.raises(Permanent, match="altered"):
        store.get(DIGEST)


def test_s3_out_of_reach_is_retry_and_never_absent(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    store = S3Store(BUCKET, "")
    for ask in (
        lambda: store.put(DATA),
        lambda: store.get(DIGEST),
        lambda: store.has(DIGEST),
        lambda: store.size(DIGEST),
    ):
        with pytest.raises(Retry, match="artifact store"):
            ask()


def test_s3_a_bucket_that_is_gone_is_retry_when_bytes_are_to_be_stored(s3: Any) -> None:
    with pytest.raises(Retry, match="NoSuchBucket"):
        S3Store("another", "").put(DATA)


def test_only_folders_and_s3_are_stores() -> None:
    with pytest.raises(ValueError, match="file:// or s3:// expected"):
        open_store("ftp://host/x")
