"""Who may call what: API keys as bearer tokens (RFC 6750), and what each key's scopes allow."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi import Path as InPath
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from pipeline.api.problems import FORBIDDEN, UNAUTHENTICATED, Problem
from pipeline.callers import Caller, identify
from pipeline.composition import Songda
from records.api_keys import SCANS

_bearer = HTTPBearer(auto_error=False, scheme_name="ApiKey", description="`sgd_<prefix>_<secret>`")


async def get_songda(request: Request) -> Songda:
    """Dependency: the opened installation."""
    return cast(Songda, request.app.state.songda)


Installation = Annotated[Songda, Depends(get_songda)]


def get_caller(
    songda: Installation, presented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """Dependency: the holder of the API key. Raises a 401 problem."""
    found = None
    if presented is not None:
        with songda.database.read() as connection:
            found = identify(connection, presented.credentials)
    if found is None:
        detail = "Send `Authorization: Bearer sgd_…` with a key that is in force."
        raise Problem(UNAUTHENTICATED, detail, headers={"WWW-Authenticate": 'Bearer realm="songda"'})
    return found


AnyCaller = Annotated[Caller, Depends(get_caller)]


class _Scope:
    """Dependency: a caller whose key has one of some scopes. Raises a 403 problem."""

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    async def __call__(self, caller: AnyCaller) -> Caller:
        if caller.scopes.isdisjoint(self.scopes):
            challenge = f'Bearer realm="songda", error="insufficient_scope", scope="{" ".join(self.scopes)}"'
            detail = f"This needs a key with the scope {' or '.join(self.scopes)}."
            raise Problem(FORBIDDEN, detail, headers={"WWW-Authenticate": challenge})
        return caller


JobWriter = Annotated[Caller, Depends(_Scope("jobs:write"))]
DocumentReader = Annotated[Caller, Depends(_Scope("documents:read"))]
DeliveryWriter = Annotated[Caller, Depends(_Scope("deliveries:write"))]
PaperWriter = Annotated[Caller, Depends(_Scope("deliveries:write", SCANS))]

# Identifiers in paths. What cannot be one is not found, and never reaches the database.
_RANDOM = "[0-9a-hjkmnp-tv-z]{25}$"
JobId = Annotated[str, InPath(pattern="^job_" + _RANDOM)]
DocumentId = Annotated[str, InPath(pattern="^doc_" + _RANDOM)]
FeedId = Annotated[str, InPath(pattern="^fed_" + _RANDOM)]
ReceiptId = Annotated[str, InPath(pattern="^ppr_" + _RANDOM)]
DeliveryId = Annotated[str, InPath(pattern="^dlv_" + _RANDOM)]
