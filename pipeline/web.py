"""The web process: the API under `/v1` and the portal's pages, by uvicorn."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence

import redis
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI

from delivery.portal.app import make_portal
from delivery.portal.web import Portal
from pipeline.api import problems
from pipeline.api.app import make_api
from pipeline.composition import Songda, open_songda
from pipeline.issuing import issuing
from pipeline.queue import Queue
from pipeline.released import answer_about
from pipeline.settings import Settings, load
from pipeline.volumes import make_volume
from pipeline.wake import wake_workers
from records import directory, logs, schema
from records.access import Person
from records.database import is_test
from records.tables import authority

_log = logging.getLogger(__name__)


def make_web(songda: Songda) -> FastAPI:
    """API and portal in one application."""
    web = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    problems.install(web)  # for paths that no mount takes, such as those with a line break
    web.mount("/v1", make_api(songda))
    web.mount("/", make_portal(_portal(songda)))
    return web


def _portal(songda: Songda) -> Portal:
    with songda.database.read() as connection:
        test = is_test(connection)
        name = _system_name(connection)
    secure = songda.settings.public_url.startswith("https:")
    return Portal(
        songda.database,
        songda.store,
        songda.hint,
        test,
        secure,
        *name,
        mail_url=songda.settings.mail_url,
        verify=lambda pdf: answer_about(songda, pdf),
        public_url=songda.settings.public_url,
        issuing=issuing(songda),
        volume=lambda person, case_no: volume_for(songda, person, case_no),
    )


def volume_for(songda: Songda, person: Person, case_no: str) -> bytes:
    """The sealed volume of a case of the person's authority, whole: the papers of all of its case systems."""
    return make_volume(songda, person.authority_id, case_no, client_id=None, by=person.id).pdf


def _system_name(connection: sa.Connection) -> tuple[str, str]:
    """The name of this system as the first authority's own record has it."""
    for authority_id in connection.execute(sa.select(authority.c.id).order_by(authority.c.created_at)).scalars():
        found = directory.authority_facts(connection, authority_id)
        if found is not None:
            name = found[1]["system"]["name"]
            return name["zh"], name["en"]
    return "送达", "Songda"


def make_hint(settings: Settings) -> Callable[[Sequence[str]], None]:
    """How this process tells workers of due steps: by their sockets here, or through Redis where they are elsewhere."""
    if not settings.is_distributed:
        return lambda _: wake_workers(settings.home)
    queue = Queue(settings.redis_url, 4 * settings.threads, _not_here)

    def hint(step_ids: Sequence[str]) -> None:
        try:
            queue.send(list(step_ids)[: queue.room()])
        except redis.RedisError as error:
            _log.warning("hint not sent, the relay will: %s", error)

    return hint


def _not_here(step_id: str) -> None:
    raise RuntimeError(f"{step_id}: the web process sends messages and takes none")


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    logs.configure()
    settings = load()
    songda = open_songda(settings, make_hint(settings))
    schema.keep_up(songda.database)
    web = make_web(songda)
    uvicorn.run(
        web,
        host=settings.host,
        port=settings.port,
        log_config=None,  # uvicorn's records go where all others go
        log_level="warning",
        server_header=False,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
        timeout_graceful_shutdown=10,
    )
    songda.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
