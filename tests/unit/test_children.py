"""Children: warm between jobs, killed hard when they hang, limited in memory, started again after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from records.errors import Permanent, Retry
from templates.children import Child

PROGRAM = """
import os, subprocess, sys, time
sys.path.insert(0, "TEMPLATES")
from serving import Again, serve

def handle(payload):
    verb, _, rest = payload.decode().partition(" ")
    if verb == "pid": return str(os.getpid()).encode()
    if verb == "echo": return rest.encode()
    if verb == "print": print(rest); return b"ok"
    if verb == "size": return b"x" * int(rest)
    if verb == "sleep": time.sleep(float(rest)); return b"slept"
    if verb == "eat": return str(len(bytearray(int(rest)))).encode()
    if verb == "die": os._exit(3)
    if verb == "unless": return b"calm" if os.path.exists(rest) else os._exit(4)
    if verb == "again": raise Again("the office is closed")
    if verb == "environment": return "\\n".join(sorted(os.environ)).encode()
    if verb == "grandchild": return str(subprocess.Popen(["sleep", "60"]).pid).encode()
    raise ValueError("template error in line 3")

serve(handle)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "worker.py"
    path.write_text(PROGRAM.replace("TEMPLATES", str(Path(__file__).parents[2] / "templates")))
    return path


@pytest.fixture
def child(program: Path) -> Iterator[Child]:
    made = Child([sys.executable, str(program)], memory=512 * 2**20)
    yield made
    made.close()


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_one_process_answers_many_jobs(child: Child) -> None:
    pids = {child.call(b"pid", 5) for _ in range(5)}
    assert pids == {str(child.pid).encode()}


def test_large_jobs_and_answers_pass_whole(child: Child) -> None:
    text = "送达" * 1_000_000
    assert child.call(f"echo {text}".encode(), 10).decode() == text
    assert len(child.call(b"size 5000000", 10)) == 5_000_000


def test_what_a_library_prints_does_not_disturb_the_answers(child: Child) -> None:
    assert child.call(b"print noise", 5) == b"ok"
    assert child.call(b"echo clean", 5) == b"clean"


def test_a_job_that_fails_is_permanent_and_the_child_stays_warm(child: Child) -> None:
    before = child.call(b"pid", 5)
    with pytest.raises(Permanent, match="ValueError: template error in line 3"):
        child.call(b"bad", 5)
    assert child.call(b"pid", 5) == before


def test_a_crash_in_the_middle_of_a_job_is_a_retry_then_works(child: Child) -> None:
    with pytest.raises(Retry, match="exit 3"):
        child.call(b"die", 5)
    assert child.call(b"echo again", 5) == b"again"


def test_a_job_that_crashes_the_child_twice_is_permanent_and_others_go_on(child: Child) -> None:
    """A poison document must not go round for ever."""
    for poison, told in ((b"die", "exit 3"), (b"again", "office is closed"), (b"eat 2000000000", "MemoryError")):
        with pytest.raises(Retry, match=told):
            child.call(poison, 5)
        assert child.call(b"echo other", 5) == b"other"
        for _ in range(2):
            with pytest.raises(Permanent, match=f"{told}.*second time with the same job"):
                child.call(poison, 5)
    assert child.call(b"echo other", 5) == b"other"


def test_a_job_that_was_answered_meanwhile_may_lose_its_child_again(child: Child, tmp_path: Path) -> None:
    """An administrator's kill is no fault of the job, however many years a worker runs."""
    job = f"unless {tmp_path}/calm".encode()
    for _ in range(2):
        (tmp_path / "calm").unlink(missing_ok=True)
        with pytest.raises(Retry, match="exit 4"):
            child.call(job, 5)
        (tmp_path / "calm").touch()
        assert child.call(job, 5) == b"calm"


def test_the_memory_of_jobs_that_ended_the_child_is_bounded(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("templates.children._REMEMBERED", 2)
    for number in (1, 2, 3):
        with pytest.raises(Retry):
            child.call(f"die {number}".encode(), 5)
    assert len(child._fatal) == 2
    with pytest.raises(Retry):
        child.call(b"die 1", 5)
    with pytest.raises(Permanent):
        child.call(b"die 3", 5)


def test_a_child_that_asks_for_another_try_is_replaced(child: Child) -> None:
    before = child.call(b"pid", 5)
    with pytest.raises(Retry, match="the office is closed"):
        child.call(b"again", 5)
    assert child.call(b"pid", 5) != before


def test_kill_9_in_the_middle_of_a_job_is_a_retry_then_works(child: Child) -> None:
    pid = int(child.call(b"pid", 5))
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(Retry, match="in the middle of a job"):
        child.call(b"sleep 30", 20)
    assert child.call(b"echo again", 5) == b"again"


def test_a_child_killed_between_jobs_is_started_again_silently(child: Child) -> None:
    pid = int(child.call(b"pid", 5))
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert child.call(b"echo again", 5) == b"again"


def test_a_hang_is_killed_hard_first_a_retry_then_permanent(child: Child) -> None:
    pid = int(child.call(b"pid", 5))
    started = time.monotonic()
    with pytest.raises(Retry, match=r"longer than 0\.3 s"):
        child.call(b"sleep 30", 0.3)
    assert time.monotonic() - started < 3
    assert _gone(pid)
    with pytest.raises(Permanent, match="second time"):
        child.call(b"sleep 30", 0.3)
    assert child.call(b"echo other jobs go on", 5) == b"other jobs go on"


def test_the_whole_group_is_killed(child: Child) -> None:
    grandchild = int(child.call(b"grandchild", 5))
    child.close()
    assert _gone(grandchild)


def test_memory_is_limited(child: Child) -> None:
    assert child.call(b"eat 1000", 5) == b"1000"
    with pytest.raises(Retry, match="MemoryError"):
        child.call(b"eat 2000000000", 5)
    assert child.call(b"echo again", 5) == b"again"


def test_a_child_is_recycled_after_its_jobs(program: Path) -> None:
    child = Child([sys.executable, str(program)], memory=512 * 2**20, jobs=2)
    pids = [child.call(b"pid", 5) for _ in range(4)]
    child.close()
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_no_secret_of_the_environment_reaches_the_child(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGDA_DATABASE_URL", "postgresql://secret")
    child = Child([sys.executable, str(program)], memory=512 * 2**20, environment={"FONTCONFIG_FILE": "/x"})
    names = child.call(b"environment", 5).decode().split()
    child.close()
    assert "SONGDA_DATABASE_URL" not in names
    assert "FONTCONFIG_FILE" in names


def test_a_program_that_never_gets_ready_is_a_retry(tmp_path: Path) -> None:
    silent, broken = tmp_path / "silent.py", tmp_path / "broken.py"
    silent.write_text("import time; time.sleep(60)")
    broken.write_text("raise SystemExit('no such office')")
    for path in (silent, broken):
        child = Child([sys.executable, str(path)], memory=512 * 2**20, start_timeout=0.5)
        with pytest.raises(Retry, match="did not get ready"):
            child.start()
        child.close()


def test_jobs_of_several_threads_wait_for_each_other(child: Child) -> None:
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(child.call(f"echo {n}".encode(), 5))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [str(number).encode() for number in range(8)]


def test_a_child_does_not_outlive_a_parent_that_was_killed_hard(program: Path, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\n"
        "from templates.children import Child\n"
        f"child = Child([sys.executable, {str(program)!r}], memory=2**29)\n"
        "print(child.call(b'pid', 5).decode(), child.call(b'grandchild', 5).decode(), flush=True)\n"
        "child.call(b'sleep 30', 30)\n"
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env={"PYTHONPATH": root}) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    assert all(_gone(pid) for pid in pids)
