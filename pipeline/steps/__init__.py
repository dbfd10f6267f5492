"""The stages of a document, a delivery and a notice, one module each."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.outcomes import Stage
from pipeline.steps import dispatching, numbering, releasing, rendering, sealing, sending, settling

STAGES: Mapping[str, Stage] = {
    "number": numbering.number,
    "render": rendering.render,
    "seal": sealing.seal,
    "release": releasing.release,
    "dispatch": dispatching.dispatch,
    "settle": settling.settle,
    "send": sending.send,
}
