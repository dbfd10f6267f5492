"""The stages of documents, deliveries, notices, messages, archived files and reports of lost keys, one module each."""

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
from pipeline.steps.renewing import renew
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
    "mark": mark,
    "renew": renew,
    "tell": tell,
    "remind": remind,
    "apply": apply,
}
