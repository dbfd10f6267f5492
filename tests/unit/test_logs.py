"""Log lines: a time in UTC, one line for each record, nothing of a case."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (WARNING|INFO|ERROR) [\w.]+: .*")


def _logged(program: str, **environment: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stderr.splitlines()


def test_each_line_has_its_time_in_utc_wherever_the_host_stands() -> None:
    program = (
        "import logging, time\nfrom records import logs\nlogs.configure()\n"
        "logging.getLogger('pipeline.runner').warning('step %s: again', 'doc_1/seal')\n"
        "logging.getLogger('pipeline.runner').info('not told')\n"
        "print(time.strftime('%Y-%m-%dT%H:%M', time.gmtime()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TZ": "Asia/Shanghai", "SONGDA_LOG": "WARNING"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = ran.stderr.splitlines()
    assert LINE.fullmatch(line), line
    assert line.endswith("Z WARNING pipeline.runner: step doc_1/seal: again")
    assert line[:13] == ran.stdout[:13]  # to the hour: Shanghai would be eight away


def test_an_answer_from_outside_cannot_begin_a_line_of_its_own() -> None:
    program = (
        "import logging\nfrom records import logs\nlogs.configure()\n"
        "logging.getLogger('x').warning('the server said %r and %s', 'a\\nb', '550\\r\\n2026-01-01 ERROR 伪造\\x1b[2J')"
    )
    (line,) = _logged(program)
    assert LINE.fullmatch(line)
    assert "550\\x0d\\x0a2026-01-01 ERROR 伪造\\x1b[2J" in line


def test_the_level_comes_from_the_environment() -> None:
    program = "import logging\nfrom records import logs\nlogs.configure()\nlogging.getLogger('x').info('told')"
    assert _logged(program, SONGDA_LOG="INFO")[0].endswith("INFO x: told")
    assert _logged(program, SONGDA_LOG="ERROR") == []
