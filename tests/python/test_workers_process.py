"""Worker processes and what happens to the program: Ctrl-C, its end, its death, fork, idle time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SETUP = """
import os, signal, sys, threading, time
import numpy as np
import dask_go
from joblib import Parallel, delayed, parallel_config

class Number:
    def __init__(self, value):
        self.value = value

    def square(self):
        return Number(self.value ** 2)

def call(n=20, **options):
    with parallel_config(backend="gocluster", workers="processes", n_jobs=2, **options):
        results = Parallel()(delayed(Number(i).square)() for i in range(n))
    assert [type(r) is Number and r.value for r in results] == [i * i for i in range(n)]

def meet(path, n=2):
    open(f"{path}/{os.getpid()}", "w").close()
    while len(os.listdir(path)) < n:
        time.sleep(0.01)
    return os.getpid()

def pids(path):
    with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
        return Parallel(batch_size=1)(delayed(meet)(path) for _ in range(2))

def in_child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(type(error).__name__, error, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def start(program: str, tmp_path: Path) -> subprocess.Popen[str]:
    script = tmp_path / "program.py"
    script.write_text(SETUP + program)  # a file, as programs are, whose functions are in __main__
    folder = tmp_path / "pids"
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-P", script, folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def succeeds(program: str, tmp_path: Path) -> None:
    with start(program, tmp_path) as child:
        try:
            output, _ = child.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        assert child.returncode == 0, output
        assert output == ""


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_functions_and_classes_of_the_program(tmp_path: Path) -> None:
    succeeds("call()", tmp_path)  # without `if __name__ == "__main__"`


INTERRUPTED = """
def compute():
    sum(range(10**12))    # holds the interpreter lock

def receive(array):
    time.sleep(100)

call()
with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
    for function, arguments in ((compute, ()), (receive, (np.zeros(10**7),)), (time.sleep, (100,))) * 2:
        print("working", flush=True)
        try:
            Parallel()(delayed(function)(*arguments) for _ in range(4))
            print("ended")
        except KeyboardInterrupt:
            print("interrupted", time.monotonic(), flush=True)
        call()
print("worked again", flush=True)
"""


def test_interrupt(tmp_path: Path) -> None:
    with start(INTERRUPTED, tmp_path) as child:
        assert child.stdout is not None
        delays = []
        for _ in range(6):
            assert child.stdout.readline() == "working\n"
            time.sleep(0.5)
            sent = time.monotonic()
            child.send_signal(signal.SIGINT)
            word, at = child.stdout.readline().split()
            assert word == "interrupted"
            delays.append(float(at) - sent)
        assert child.stdout.readline() == "worked again\n"
        assert child.wait(60) == 0
    # The promise is 0.2 s. On a machine with other work it may take longer now and then, not every time.
    assert min(delays) < 0.2, delays


BUSY = """
def hold(path, array):
    meet(path, 2)
    sum(range(10**12))
print("started", flush=True)
with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
    Parallel()(delayed(hold)(sys.argv[1], np.zeros(10**6)) for _ in range(2))
"""

IDLE = """
pids(sys.argv[1])
print("started", flush=True)
time.sleep(100)
"""

GENERATOR = """
with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
    results = Parallel(return_as="generator", batch_size=1)(delayed(meet)(sys.argv[1], 3) for _ in range(4))
    while len(os.listdir(sys.argv[1])) < 2:
        time.sleep(0.01)
print("started", flush=True)
"""


def workers_of(child: subprocess.Popen[str], tmp_path: Path) -> list[int]:
    assert child.stdout is not None
    assert child.stdout.readline() == "started\n"
    wait_until(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
    return [int(path.name) for path in (tmp_path / "pids").iterdir()]


def test_busy_workers_end_when_the_program_is_killed(tmp_path: Path) -> None:
    with start(BUSY, tmp_path) as child:
        pids = workers_of(child, tmp_path)
        assert not any(gone(pid) for pid in pids)
        child.kill()
        for pid in pids:
            wait_until(lambda pid=pid: gone(pid))  # type: ignore[misc]


def test_idle_workers_end_when_the_program_is_killed(tmp_path: Path) -> None:
    with start(IDLE, tmp_path) as child:
        pids = workers_of(child, tmp_path)
        child.kill()
        for pid in pids:
            wait_until(lambda pid=pid: gone(pid))  # type: ignore[misc]


def test_the_program_ends_while_tasks_run(tmp_path: Path) -> None:
    with start(GENERATOR, tmp_path) as child:
        pids = workers_of(child, tmp_path)
        child.wait(30)
        assert all(gone(pid) for pid in pids)


def test_idle_workers_end(tmp_path: Path) -> None:
    succeeds(
        """
from dask_go import _processes
_processes.IDLE_SECONDS = 0.2
Parallel(n_jobs=2, backend="gocluster")(delayed(abs)(i) for i in range(9))  # the library has descriptors of its own
before = len(os.listdir("/proc/self/fd"))
alive = [f"/proc/{pid}" for pid in pids(sys.argv[1])]
assert all(map(os.path.exists, alive))
while any(map(os.path.exists, alive)) or len(os.listdir("/proc/self/fd")) > before or threading.active_count() > 1:
    time.sleep(0.01)
call()
""",
        tmp_path,
    )


def test_workers_hold_nothing_of_the_program_open(tmp_path: Path) -> None:
    """Not even if the program made it inheritable, or started other programs meanwhile."""
    succeeds(
        """
read, write = os.pipe()
os.set_inheritable(write, True)
call()
os.close(write)
assert os.read(read, 1) == b""
""",
        tmp_path,
    )


def test_fork(tmp_path: Path) -> None:
    succeeds(
        """
before = set(pids(sys.argv[1]))
def child():
    call()
    import subprocess
    assert in_child(call) == 0
assert [in_child(child) for _ in range(2)] == [0, 0]
for path in before:
    os.unlink(f"{sys.argv[1]}/{path}")
assert set(pids(sys.argv[1])) == before
""",
        tmp_path,
    )


def test_fork_while_a_generator_runs(tmp_path: Path) -> None:
    succeeds(
        """
with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
    results = Parallel(return_as="generator", pre_dispatch=2, batch_size=1)(delayed(abs)(i) for i in range(20))
    assert next(results) == 0
    assert in_child(call) == 0
    assert list(results) == list(range(1, 20))
""",
        tmp_path,
    )


def test_workers_end_though_a_forked_child_lives_on(tmp_path: Path) -> None:
    program = "pid = os.fork()\nif pid == 0:\n    time.sleep(30)\n    os._exit(0)\n"
    with start(IDLE.replace("print", f"{program}print"), tmp_path) as child:
        pids = workers_of(child, tmp_path)
        child.kill()
        for pid in pids:
            wait_until(lambda pid=pid: gone(pid))  # type: ignore[misc]


def test_fork_in_a_task(tmp_path: Path) -> None:
    succeeds(
        """
def forks():
    pid = os.fork()
    if pid == 0:
        time.sleep(5)    # longer than its parent lives
        os._exit(0)
    os._exit(3)

def pool(n):
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(2) as p:
        return p.map(abs, range(-n, 0))

with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
    from joblib.externals.loky.process_executor import TerminatedWorkerError
    begun = time.monotonic()
    try:
        Parallel()([delayed(forks)()])
        raise AssertionError
    except TerminatedWorkerError as error:
        assert "exited with code 3" in str(error)
    assert Parallel()([delayed(pool)(3)]) == [[3, 2, 1]]
""",
        tmp_path,
    )


def test_the_environment_and_the_folder_are_those_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "only_here.py").write_text("def f(): return 5\n")
    succeeds(
        f"""
os.chdir({str(tmp_path / "elsewhere")!r})
sys.path.insert(0, os.getcwd())
import only_here
os.environ["OF_THE_PROGRAM"] = "yes"
def look():
    return os.getcwd(), os.environ["OF_THE_PROGRAM"], only_here.f(), sys.argv, sys.flags.safe_path
with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
    assert Parallel()([delayed(look)()]) == [(os.getcwd(), "yes", 5, sys.argv, True)]
""",
        tmp_path,
    )


def test_import_starts_nothing(tmp_path: Path) -> None:
    succeeds(
        """
with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
    Parallel()
assert "dask_go._processes" not in sys.modules and "libgocluster" not in open("/proc/self/maps").read()
""",
        tmp_path,
    )


def test_a_program_without_standard_streams(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(SETUP + f"call(); open({str(tmp_path / 'done')!r}, 'w').close()")
    command = f'exec "{sys.executable}" -P "{script}" <&- >&- 2>&-'
    subprocess.run(["sh", "-c", command], check=True, timeout=120, cwd=os.sep)
    assert (tmp_path / "done").exists()
