"""A real web server on a loopback port, in a thread of the tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI


@contextmanager
def served(app: FastAPI, listening: socket.socket) -> Iterator[None]:
    """The app behind a socket that listens already: its address is known before. It takes a body as it comes."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def served_anywhere(app: FastAPI) -> Iterator[str]:
    """The app on a free port; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening, served(app, listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
