"""What a stage gives back to the runner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa

from pipeline.composition import Songda
from records.steps import Claim


@dataclass(frozen=True)
class Next:
    """A step that follows."""

    subject_type: str
    subject_id: str
    stage: str


@dataclass(frozen=True)
class Done:
    """The step is finished; these follow."""

    follow: tuple[Next, ...] = ()


@dataclass(frozen=True)
class Parked:
    """The step waits: for a moment of the legal clock (aware), or (None) until something wakes it; these follow."""

    until: datetime | None
    why: str
    follow: tuple[Next, ...] = ()


@dataclass(frozen=True)
class Conclusion:
    """What is still to be written, in the transaction that the fence guards.

    `discarded` names bytes that must not vanish without a trace if the lease was lost meanwhile (a sealed file).
    """

    write: Callable[[sa.Connection], Done | Parked]
    discarded: str = field(default="")


class Stage(Protocol):
    """One stage: does the work without a transaction open, and says what to write.

    Raises Retry, Permanent or Ambiguous.
    """

    def __call__(self, songda: Songda, claim: Claim) -> Conclusion:
        """Do the work of the claimed step."""
