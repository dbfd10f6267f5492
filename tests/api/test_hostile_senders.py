"""Senders that lie about length, dawdle or send too much, over a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from pipeline.api import bodies
from pipeline.web import make_web
from records import schema
from records.database import Database
from tests.house import House, furnish
from tests.servers import free_port, wait_for_port


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    database = Database(f"sqlite:///{tmp_path}/songda.db")
    schema.create(database, test=True)
    yield furnish(database, tmp_path)
    database.close()


@pytest.fixture
def port(house: House) -> Iterator[int]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(make_web(house.songda), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for_port(port)
    yield port
    server.should_exit = True
    thread.join(20)


def _answer(port: int, *parts: bytes) -> bytes:
    """What comes back until the server closes; the body may be unfinished."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while b"\r\n\r\n" not in received or not received.endswith(b"}"):
            piece = connection.recv(65536)
            if not piece:
                break
            received += piece
    return received


def _head(house: House, *lines: str) -> bytes:
    first = ["POST /v1/jobs HTTP/1.1", "Host: x", f"Authorization: Bearer {house.key}", "Idempotency-Key: k"]
    return "\r\n".join([*first, "Content-Type: application/json", *lines, "", ""]).encode()


def test_a_body_declared_too_large_is_refused_before_a_byte_of_it_was_sent(house: House, port: int) -> None:
    answer = _answer(port, _head(house, "Content-Length: 10000000"))
    assert answer.startswith(b"HTTP/1.1 413") and b"application/problem+json" in answer
    assert b"connection: close" in answer.lower()


def test_a_chunked_body_is_cut_off_at_the_limit(house: House, port: int) -> None:
    chunk = b"40000\r\n" + b"[" * 0x40000 + b"\r\n"
    answer = _answer(port, _head(house, "Transfer-Encoding: chunked"), *[chunk] * 5)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_dawdling_sender_gets_408(house: House, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.3)
    before = house.counts()
    answer = _answer(port, _head(house, "Content-Length: 100"), b'{"authority": ')
    assert answer.startswith(b"HTTP/1.1 408") and b"urn:songda:problem:too-slow" in answer
    assert house.counts() == before


def test_without_a_key_no_body_is_read(house: House, port: int) -> None:
    head = _head(house, "Content-Length: 900000").replace(house.key.encode(), b"nobody")
    assert _answer(port, head).startswith(b"HTTP/1.1 401")


def test_api_and_pages_each_answer_in_their_own_way(port: int) -> None:
    api = _answer(port, b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert api.startswith(b"HTTP/1.1 404") and b"application/problem+json" in api
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        page = b"".join(iter(lambda: connection.recv(65536), b""))
    assert page.startswith(b"HTTP/1.1 404") and b"text/html" in page


def test_a_path_with_a_line_break_that_no_mount_takes_is_answered_with_a_problem(port: int) -> None:
    answer = _answer(port, b"GET /v1/documents/%0Ax HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"application/problem+json" in answer
