"""`./run demo` does the main job: every sample out, one confirmed, one recorded, one deemed, all seals valid."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.testsystem import SAMPLES
from templates.catalogue import catalogue

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(600)
def test_the_demo_does_the_main_job_and_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.demo", "--out", tmp_path / "out"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    instruments = {file.stem for file in SAMPLES.glob("*.json")}
    assert {file.stem for file in (tmp_path / "out").glob("*.pdf")} >= instruments
    lines = done.stdout.splitlines()
    dates = {
        basis: next(line for line in lines if basis in line) for basis in ("confirmed ", "deemed ", "paper served")
    }
    assert "2026-11-23" in dates["confirmed "]
    assert "2026-11-26" in dates["deemed "]
    assert "2026-11-23" in dates["paper served"]
    sealed = sum(catalogue().get(instrument).print.sealed for instrument in instruments)
    assert sum(line.startswith("▸ verify") and "valid (TEST)" in line for line in lines) == sealed > 20
