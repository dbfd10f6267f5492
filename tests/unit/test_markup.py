"""What any engine could take for code is refused in facts; ordinary words of both languages are not."""

from __future__ import annotations

import json

import pytest

from templates.markup import markup_faults
from tests.house import SAMPLES


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ fine }}", "template_markup"),
        ("{%p for x in y %}", "template_markup"),
        ("{{r secret }}", "template_markup"),
        ("${7*7}", "template_markup"),
        ("<script>alert(1)</script>", "markup"),
        ("</w:t><w:br/>", "markup"),
        ("<!--", "markup"),
        ("&lt;b&gt;", "markup"),
        ("&#60;", "markup"),
        ('#read("/etc/passwd")', "typesetting_markup"),
        ("#import x", "typesetting_markup"),
        ("#text.fill[x]", "typesetting_markup"),
        ("file:///etc/passwd", "address"),
        ("见http://169.254.169.254/", "address"),
        ("HTTPS://x", "address"),
        ("javascript:alert(1)", "address"),
    ],
)
def test_markup_is_found_wherever_it_stands(text: str, code: str) -> None:
    faults = markup_faults({"a/b": [{"zh": f"前文 {text}"}]})
    assert [fault.code for fault in faults][:1] == [code]
    assert faults[0].pointer == "/a~1b/0/zh"


@pytest.mark.parametrize(
    "text",
    [
        "Gate #12, stand 3 (B737)",
        "温度 <5℃，湿度>80%",
        "a < b",
        "R&D; AT&T",
        "费率 3% {甲}",
        "e-mail: legal@air-example.com",
        "Note: see Annex",
        "10:30 UTC",
        "（#3号发动机）",
    ],
)
def test_ordinary_words_pass(text: str) -> None:
    assert markup_faults(text) == []


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_no_sample_is_taken_for_markup(path) -> None:  # type: ignore[no-untyped-def]
    assert markup_faults(json.loads(path.read_text("utf-8"))) == []
