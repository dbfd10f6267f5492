"""Cases for the rules of law: the samples, changed where a test wants them changed."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

from delivery.calendars import default_calendar
from pipeline.law.cases import Case
from pipeline.law.evaluation import Finding, evaluate
from pipeline.law.rule_sets import law_book
from templates.catalogue import catalogue
from tests.house import SAMPLES, sample

TODAY = date(2026, 11, 23)
Facts = dict[str, Any]


def authority(**more: Any) -> Facts:
    facts: Facts = json.loads((SAMPLES / "authorities" / "caac-north-china.json").read_text("utf-8"))
    return facts | more


def facts_of(instrument: str) -> Facts:
    return copy.deepcopy(dict(sample(instrument)["documents"][0]["facts"]))


def approval(role: str = "管理局主要负责人", at: str = "2026-11-19T16:20:00+08:00") -> Facts:
    return {"name": "陈国栋", "role": role, "rule": "004-70", "approved_at": at}


def case(instrument: str = "penalty-decision", **more: Any) -> Case:
    """The sample of the instrument as a case; `facts` are changes of the facts, all else replaces members."""
    asked, clauses = sample(instrument)["documents"][0], catalogue().get(instrument).clauses
    whole: dict[str, Any] = {
        "instrument": instrument,
        "facts": facts_of(instrument) | more.pop("facts", {}),
        "dated_by": clauses.dated if clauses else "",
        "case_no": sample(instrument)["case_no"],
        "today": TODAY,
        "calendar": default_calendar(),
        "authority": authority(),
        "approval": asked.get("approval"),
        "circumstances": asked.get("circumstances", {}),
        "seal": {"ring_text": "中国民用航空华北地区管理局", "second_line": "行政执法专用章"},
    }
    return Case(**(whole | more))


def findings(tried: Case) -> tuple[Finding, ...]:
    return evaluate(tried, law_book()).findings


def errors(tried: Case) -> set[str]:
    return {each.rule.id for each in findings(tried) if each.rule.severity == "error"}


def warnings(tried: Case) -> set[str]:
    return {each.rule.id for each in findings(tried) if each.rule.severity == "warning"}


def told(tried: Case, rule: str) -> list[Finding]:
    """The findings of one rule."""
    return [each for each in findings(tried) if each.rule.id == rule]
