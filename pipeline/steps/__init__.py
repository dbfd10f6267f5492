"""The stages of a document, a delivery, a notice and a message, one module each."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.outcomes import Stage
from pipeline.steps.dispatching import dispatch
from pipeline.steps.numbering import number
from pipeline.steps.releasing import release
from pipeline.steps.rendering import render
from pipeline.steps.sealing import seal
from pipeline.steps.sending import send
from pipeline.steps.settling import settle
from pipeline.steps.telling import tell

STAGES: Mapping[str, Stage] = {
    "number": number,
    "render": render,
    "seal": seal,
    "release": release,
    "dispatch": dispatch,
    "settle": settle,
    "send": send,
    "tell": tell,
}
