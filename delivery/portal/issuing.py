"""What the pages of issuing by hand are given by the floor above: a specimen, and the submission of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from records.access import Person


@dataclass(frozen=True)
class Issuing:
    """`specimen` prints a job's one document as a preview and stores nothing. `submit` takes the job in, once for each
    token, and returns the id of its document. Both raise Refused with pointers into the job. `beside` is the JSON
    Schema of what a job's document has beside its facts: `address` of a recipient outside the register, `copies_to`,
    and `circumstances`.
    """

    specimen: Callable[[Person, Mapping[str, Any]], bytes]
    submit: Callable[[Person, Mapping[str, Any], str], str]
    beside: Mapping[str, Any]
