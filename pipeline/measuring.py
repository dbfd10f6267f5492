"""What is measured with: a decision that is different each time, a number and a seal's imprint, and clocks."""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pipeline.testsystem import SAMPLES
from templates.printing import Imprint

#: Where the legal clock of a measured system starts.
LEGAL_START: Final = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def world() -> dict[str, Any]:
    """The record of the sample authority."""
    return dict(json.loads((SAMPLES / "authorities" / "caac-north-china.json").read_text("utf-8")))


def varied(number: int) -> dict[str, Any]:
    """The sample decision with every narrative text made different: typst remembers repeated text."""
    job = json.loads((SAMPLES / "penalty-decision.json").read_text("utf-8"))
    return dict(_vary(job["documents"][0]["facts"], f"{1000 + number}"))


def short(number: int) -> dict[str, Any]:
    """A decision of four pages: the length at which rendering engines were compared."""
    facts = varied(number)
    del facts["correction"]
    item = 1000 + number
    facts["findings"] = {
        "zh": f"检查发现，当事人隐患排查治理台账第{item}项记为“已整改”，但维修工作单表明整改并未实施。",
        "en": f"The inspection found that entry {item} of the party's register was marked as rectified, whereas the "
        "work cards show that the rectification had not been carried out.",
    }
    facts["reasons"] = {
        "zh": f"台账第{item}项的记录失实，使隐患失去控制。鉴于当事人及时整改，本机关依法从轻处罚。",
        "en": f"Entry {item} of the register was untrue, and the hazard went out of control. As the party rectified it "
        "in time, this agency imposes a lighter penalty in accordance with law.",
    }
    facts["procedure"] = {name: facts["procedure"][name] for name in ("notice", "document")} | {"response": "waived"}
    facts["penalties"] = [{"kind": "warning"}]
    return facts


def notice(number: int) -> dict[str, Any]:
    """The job of a prior notice, sealed at B-LT, with different text and a case of its own."""
    job = json.loads((SAMPLES / "penalty-prior-notice.json").read_text("utf-8"))
    facts = dict(_vary(job["documents"][0]["facts"], f"{1000 + number}"))
    document = {**job["documents"][0], "facts": facts}
    return {**job, "case_no": f"{job['case_no']}-{number}", "documents": [document]}


def _vary(value: Any, mark: str) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"zh", "en"} and len(value["zh"]) > 40:
            return {
                language: text.replace("。", f"（事项{mark}）。").replace(". ", f" (item {mark}). ")
                for language, text in value.items()
            }
        return {name: _vary(each, mark) for name, each in value.items()}
    if isinstance(value, list):
        return [_vary(each, mark) for each in value]
    return value


def cpu_ms(work: Callable[[int], object], count: int, *, children: bool = False, warm: int = 2) -> float:
    """Median CPU milliseconds of `work(n)`, of this process or of its children."""
    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    times = []
    for number in range(-warm, count):
        before = resource.getrusage(who)
        work(number)
        after = resource.getrusage(who)
        if number >= 0:
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times) * 1000


def imprint_of(authority: Mapping[str, Any]) -> Imprint:
    """What a decision of the authority is printed with."""
    return Imprint(
        authority, "民航华北罚决〔2026〕1号", "CAAC-NC Penalty Decision [2026] No. 1", test=True, specimen=False
    )


def wall_ms(work: Callable[[], object], count: int) -> float:
    """Median milliseconds of `work()` by the clock on the wall."""
    work()
    times = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000
