"""The stages of a document, a delivery, a notice and a report of a lost key, one module each."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.outcomes import Stage
from pipeline.steps.applying import apply
from pipeline.steps.dispatching import dispatch
from pipeline.steps.marking import mark
from pipeline.steps.numbering import number
from pipeline.steps.releasing import release
from pipeline.steps.reminding import remind
from pipeline.steps.rendering import render
from pipeline.steps.sealing import seal
from pipeline.steps.sending import send
from pipeline.steps.settling import settle

STAGES: Mapping[str, Stage] = {
    "number": number,
    "render": render,
    "seal": seal,
    "release": release,
    "dispatch": dispatch,
    "settle": settle,
    "send": send,
    "mark": mark,
    "remind": remind,
    "apply": apply,
}
