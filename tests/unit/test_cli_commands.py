"""The command line as it is called: exit codes, JSON on standard output, nothing of a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.cli import main
from tests.house import ROOT, sample

SONGDA = Path(sys.executable).with_name("songda")


class Ran(NamedTuple):
    code: int
    out: str
    error: str

    @property
    def value(self) -> Any:
        return json.loads(self.out)


def started(*words: str, stdin: str | bytes = "") -> Ran:
    """The console script in a process of its own."""
    environment = {**os.environ, "SONGDA_HOME": "/nonexistent"}
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run([SONGDA, *words], input=given, capture_output=True, env=environment)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def songda(*words: str, stdin: str | bytes = "") -> Ran:
    """The same in this process, which is quicker."""
    given = io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin)
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        patch.setenv("SONGDA_HOME", "/nonexistent")
        patch.setattr(sys, "stdin", io.TextIOWrapper(given))
        code = main(words)
    assert "Traceback" not in error.getvalue(), error.getvalue()
    return Ran(code, out.getvalue(), error.getvalue())


REQUEST = {
    "instrument": "penalty-prior-notice",
    "sent_at": "2026-02-12T10:00:00+08:00",
    "as_of": "2026-03-02T00:00:00Z",
}


def test_the_console_script_answers_and_exits_as_the_function_does() -> None:
    ran = started("service-date", stdin=json.dumps(REQUEST))
    assert (ran.code, ran.value["service_date"], ran.error) == (0, "2026-02-24", "")
    assert started("service-date", stdin="{").code == 2
    ran = started("ledger", "verify")
    assert (ran.code, ran.out) == (2, "") and "songda init" in ran.error


def test_an_error_of_ours_does_not_look_like_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("pipeline.cli.templates.run_list", broken)
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        code = main(["templates", "list", "--json"])
    assert (code, json.loads(out.getvalue())["error"]["code"]) == (2, "internal")


def test_service_date_of_one_object() -> None:
    ran = songda("service-date", stdin=json.dumps(REQUEST))
    assert (ran.code, ran.value["service_date"], ran.value["basis"]) == (0, "2026-02-24", "deemed")


def test_service_date_of_a_list_answers_each_in_order_and_exits_2_if_one_is_wrong() -> None:
    wrong = REQUEST | {"sent_at": "2026-02-12T10:00:00"}
    ran = songda("service-date", stdin=json.dumps([REQUEST, wrong, REQUEST]))
    assert ran.code == 2
    assert [next(iter(each)) for each in ran.value] == ["service_date", "error", "service_date"]
    assert ran.value[1]["error"]["field"] == "sent_at"
    assert songda("service-date", stdin=json.dumps([REQUEST])).code == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("[" * 100_000, "too_deep"),
        ('{"instrument": "x", "instrument": "y"}', "duplicate_name"),
        ('{"sent_at": NaN}', "not_a_number"),
        (b"\xff", "not_utf8"),
        ("3", "type"),
        ('{"instrument": "nothing"}', "unknown_instrument"),
        ('{"sent_at": "2026-02-12T10:00:00+08:00", "instrument": "penalty-prior-notice", "x": 1}', "unknown_key"),
    ],
)
def test_service_date_refuses_bad_input_with_one_error_object(text: str | bytes, code: str) -> None:
    ran = songda("service-date", stdin=text)
    assert ran.code == 2
    assert set(ran.value["error"]) == {"code", "field", "message"}
    assert ran.value["error"]["code"] == code


def test_templates_list_has_the_members_that_others_rely_on() -> None:
    ran = songda("templates", "list", "--json")
    assert ran.code == 0
    assert all(set(each) == {"id", "title_zh", "title_en", "engine", "version"} for each in ran.value)
    assert "penalty-decision" in {each["id"] for each in ran.value}


def test_templates_check_finds_nothing_to_mend() -> None:
    ran = songda("templates", "check", "--json")
    assert (ran.code, ran.value["verdict"]) == (0, "valid"), ran.out
    assert songda("templates", "check", "nothing", "--json").code == 2


def test_templates_preview_prints_the_sample_as_a_specimen(tmp_path: Path) -> None:
    ran = songda("templates", "preview", "hearing-notice", "-o", str(tmp_path / "x.pdf"), "--json")
    assert (ran.code, ran.value["specimen"]) == (0, True)


def test_render_writes_a_preview_marked_specimen_that_carries_no_seal(tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    ran = songda("render", str(ROOT / "samples" / "penalty-decision.json"), "-o", str(out), "--json")
    assert ran.code == 0 and ran.value["sealed"] is False
    text = subprocess.run(["pdftotext", out, "-"], capture_output=True, check=True).stdout.decode()
    assert "SPECIMEN" in text and "样本" in text
    assert b"/Sig" not in out.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["out.pdf"]


def test_render_names_every_fault_and_writes_nothing(tmp_path: Path) -> None:
    job = sample("penalty-decision")
    del job["documents"][0]["facts"]["cause"]
    job["documents"][0]["facts"]["extra"] = 1
    file, out = tmp_path / "job.json", tmp_path / "out.pdf"
    file.write_text(json.dumps(job))
    ran = songda("--json", "render", str(file), "-o", str(out))
    assert ran.code == 2
    assert {fault["pointer"] for fault in ran.value["faults"]} == {
        "/documents/0/facts/cause",
        "/documents/0/facts/extra",
    }
    assert not out.exists()


def test_render_reads_no_file_that_the_authority_of_a_job_names(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(sample("penalty-decision") | {"authority": "../authorities/caac-north-china"}))
    ran = songda("render", str(file), "-o", str(tmp_path / "out.pdf"), "--json")
    assert (ran.code, ran.value["error"]["code"]) == (2, "unknown_authority")


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        (),
        ("render",),
        ("render", "absent.json", "-o", "x.pdf"),
        ("verify", "absent.pdf"),
        ("ledger", "verify"),
        ("calendar", "show", "12"),
        ("render", str(ROOT / "samples" / "penalty-decision.json"), "-o", "/nonexistent/x.pdf"),
        ("render", str(ROOT / "samples" / "penalty-decision.json"), "-o", "x.pdf", "--document", "2"),
    ],
)
def test_bad_input_exits_2_with_one_error_object(words: tuple[str, ...]) -> None:
    ran = songda(*words, "--json")
    assert ran.code == 2
    assert set(ran.value["error"]) == {"code", "field", "message"}


def test_without_json_an_error_goes_to_standard_error() -> None:
    ran = songda("ledger", "verify")
    assert (ran.code, ran.out) == (2, "") and "songda init" in ran.error


def test_calendar_show_names_the_make_up_working_days_of_2026() -> None:
    ran = songda("calendar", "show", "2026", "--json")
    assert ran.value["published"] is True
    assert ran.value["working_days_on_weekends"] == [
        "2026-01-04",
        "2026-02-14",
        "2026-02-28",
        "2026-05-09",
        "2026-09-20",
        "2026-10-10",
    ]


def test_a_year_that_is_not_published_says_so() -> None:
    ran = songda("calendar", "show", "2040", "--json")
    assert ran.value["published"] is False


FACTS = {"instrument": "hearing-notice", "events": {"hearing": "2026-12-14"}, "as_of": "2026-11-24T00:00:00+08:00"}


def test_deadlines_of_one_object_and_of_a_list() -> None:
    ran = songda("deadlines", stdin=json.dumps(FACTS))
    assert ran.code == 0
    assert [(each["id"], each["last_day"]) for each in ran.value["deadlines"]] == [
        ("hearing-notice-service", "2026-12-03")
    ]
    ran = songda("deadlines", stdin=json.dumps([FACTS, {"events": {"served": 3}}]))
    assert ran.code == 2
    assert [next(iter(each)) for each in ran.value] == ["deadlines", "error"]


def test_deadlines_refuses_bad_input_with_one_error_object() -> None:
    for text, code in (
        ("{", "not_json"),
        ("{}", "missing"),
        ('{"x": 1, "events": {"filed": "2026-01-05"}}', "unknown_key"),
    ):
        ran = songda("deadlines", stdin=text)
        assert (ran.code, ran.value["error"]["code"]) == (2, code)
