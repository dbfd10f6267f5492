"""Health: whether this process reaches its database. No key is needed, and nothing about cases is told."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter

from pipeline.api.access import Installation
from pipeline.api.models.verification import Health
from pipeline.api.openapi import problems
from records.database import is_test

router = APIRouter(tags=["health"])


@router.get("/health", response_model=Health, responses=problems(503))
def health(songda: Installation) -> Health:
    """Whether work can be taken just now."""
    with songda.database.read() as connection:
        return Health(status="ok", version=version("songda"), test=is_test(connection))
