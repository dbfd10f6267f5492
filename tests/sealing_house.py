"""A TEST system whose parts behind a seal can be taken away: a real worker process, a local CA that fails on demand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import sqlalchemy as sa

from pipeline import intake
from pipeline.callers import identify
from pipeline.composition import Songda, open_songda
from pipeline.installation import add_secret
from pipeline.settings import load
from pipeline.supervisor import environment_of
from pipeline.testsystem import Access, free_ports, make_test_system
from records import documents, seals
from records.tables import seal_use, step
from signing.testpki import LocalPki, make_server, open_pki
from tests.conftest import LEGAL_NOW
from tests.rows import allow_everything
from tests.system import sample

AUTHORITY = "caac-north-china"


class FalliblePki:
    """The local CA in a thread; requests whose path holds one of `down` are answered with 503."""

    def __init__(self, directory: Path) -> None:
        self.pki = open_pki(directory)
        self.down: set[str] = set()
        self._server = make_server(directory)
        self._server.app = self._answering(self._server.app)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def _answering(self, usual: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            if any(part in environ["PATH_INFO"] for part in self.down):
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start("503 Service Unavailable", [("Content-Length", "0")])
                return [b""]
            return usual(environ, start)

        return application

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class SealingHouse:
    """The system, its CA, and the worker that runs."""

    songda: Songda
    access: Access
    ca: FalliblePki
    _sealed: set[str] = field(default_factory=set)

    @property
    def pki(self) -> LocalPki:
        return self.ca.pki

    @property
    def settings_file(self) -> Path:
        return self.songda.settings.home / "songda.toml"

    def use_key(self, key_uri: str, secret: str) -> str:
        """Register a seal with that key, and let it be used: it is the newest, so it is used from now on."""
        with self.songda.database.write() as connection:
            seal_id = seals.register(
                connection, AUTHORITY, ring_text="民航华北", second_line="行政执法专用章", key_uri=key_uri, test=True
            )
            allow_everything(connection, seal_id)
            add_secret(self.settings_file, seal_id, secret)
        return seal_id

    def change_settings(self, old: str, new: str) -> None:
        """As an operator with an editor does."""
        text = self.settings_file.read_text("utf-8")
        assert old in text
        self.settings_file.write_text(text.replace(old, new), "utf-8")

    def submit(self) -> str:
        with self.songda.database.read() as connection:
            caller = identify(connection, self.access.api_key)
        assert caller is not None
        checked = intake.check(self.songda, caller, sample("penalty-decision"))
        self._sealed = self._sealed_files()
        with self.songda.database.write() as connection:
            answer, _ = intake.store(connection, caller, checked)
        return str(answer["documents"][0]["id"])

    def status(self, document_id: str) -> Mapping[str, Any]:
        with self.songda.database.read() as connection:
            return documents.get(connection, document_id)

    def assert_waits(self, document_id: str, reason: str, *, attempts: int = 2) -> str:
        """It is tried again and again, says why, and nothing of it is sealed, stored or released."""
        row = self._until(
            lambda: self._step(document_id),
            lambda row: row is not None and row["attempt"] >= attempts and re.search(reason, row["error"] or ""),
            f"{reason!r} as the reason",
        )
        document = self.status(document_id)
        assert (document["status"], document["final_digest"]) == ("rendered", None)
        with self.songda.database.read() as connection:
            used = sa.select(seal_use).where(seal_use.c.document_id == document_id)
            assert connection.execute(used).first() is None
        assert self._sealed_files() == self._sealed
        return str(row["error"])

    def _sealed_files(self) -> set[str]:
        files = [path for path in (self.songda.settings.home / "store").rglob("*") if path.is_file()]
        return {path.name for path in files if b"/ETSI.CAdES.detached" in path.read_bytes()}

    def assert_goes_on(self, document_id: str, seconds: float = 45) -> Mapping[str, Any]:
        """By itself, and soon."""
        found: Mapping[str, Any] = self._until(
            lambda: self.status(document_id), lambda row: row["status"] == "released", "released", seconds
        )
        return found

    def _step(self, document_id: str) -> Mapping[str, Any] | None:
        with self.songda.database.read() as connection:
            query = sa.select(step).where(step.c.id == f"{document_id}/seal")
            return connection.execute(query).mappings().first()

    def _until(self, look: Callable[[], Any], fits: Callable[[Any], Any], wanted: str, seconds: float = 45) -> Any:
        deadline = time.monotonic() + seconds
        while not fits(found := look()):
            assert time.monotonic() < deadline, f"not {wanted}: {dict(found or {})}"
            time.sleep(0.1)
        return found


@contextmanager
def sealing_house(home: Path, environment: Mapping[str, str], **settings: Any) -> Iterator[SealingHouse]:
    """The system with one worker process, whose environment has `environment` besides."""
    ports = free_ports(0)
    access = make_test_system(home, ports, legal_now=LEGAL_NOW, extra=settings)
    ca = FalliblePki(home / "pki")
    songda = open_songda(load(home, {}))
    with (home / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "pipeline.worker"],
            env=environment_of(home) | environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield SealingHouse(songda, access, ca)
        assert worker.poll() is None, "the worker lived through all of it"
    finally:
        worker.terminate()
        worker.wait(20)
        songda.close()
        ca.close()


def told(songda: Songda, *words: str) -> Any:
    """The answer of a command, as JSON."""
    command = [Path(sys.executable).with_name("songda"), "--home", str(songda.settings.home), "--json", *words]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
