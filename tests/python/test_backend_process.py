"""The backend "gocluster" and what happens to a process: Ctrl-C, fork, the end of the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SETUP = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import dask_go
from joblib import Parallel, delayed, parallel_config
from dask_go.svm import SVC

def square(x):
    return x * x

def call(n=50):
    assert Parallel(n_jobs=2, backend="gocluster")(delayed(square)(i) for i in range(n)) == [i * i for i in range(n)]

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


def run(program: str, *, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", SETUP + program],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def succeeds(program: str) -> None:
    result = run(program)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""


INTERRUPTED = """
rng = np.random.default_rng(0)
X, y = rng.normal(size=(20000, 20)), rng.integers(0, 2, 20000)
SVC().fit(X[:50], y[:50])

def until(event):
    while not event.is_set():
        sum(range(1000))

for _ in range(2):
    for function, arguments in ((SVC(C=1e6, tol=1e-9).fit, (X, y)), (until, None), (time.sleep, (100,))):
        event = threading.Event()
        print("working", flush=True)
        try:
            Parallel(n_jobs=2, backend="gocluster")(delayed(function)(*(arguments or (event,))) for _ in range(4))
            print("ended")
        except KeyboardInterrupt:
            print("interrupted", time.monotonic(), flush=True)
        event.set()
        call()
print("worked again", flush=True)
"""


def test_interrupt() -> None:
    with subprocess.Popen(
        [sys.executable, "-P", "-c", SETUP + INTERRUPTED], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        delays = []
        for _ in range(6):
            assert child.stdout.readline() == "working\n"
            time.sleep(0.3)
            sent = time.monotonic()
            child.send_signal(signal.SIGINT)
            word, at = child.stdout.readline().split()
            assert word == "interrupted"
            delays.append(float(at) - sent)
        assert child.stdout.readline() == "worked again\n"
        assert child.wait(60) == 0  # though tasks still sleep
    # The promise is 0.2 s. On a machine with other work it may take longer now and then, not every time.
    assert min(delays) < 0.2, delays


def test_the_program_ends_while_tasks_run() -> None:
    succeeds("""
generator = Parallel(n_jobs=2, backend="gocluster", return_as="generator")(delayed(time.sleep)(1000) for _ in range(4))
""")


def test_fork_between_calls() -> None:
    succeeds("call(); assert [in_child(call) for _ in range(5)] == [0] * 5; call()")


def test_fork_in_a_block() -> None:
    succeeds("""
with parallel_config(backend="gocluster", n_jobs=2):
    call()
    results = Parallel(return_as="generator", pre_dispatch=2)(delayed(square)(i) for i in range(20))
    assert next(results) == 0
    assert in_child(call) == 0
    assert list(results) == [i * i for i in range(1, 20)]
""")


def test_fork_in_a_task() -> None:
    succeeds("""
assert Parallel(n_jobs=2, backend="gocluster")(delayed(in_child)(call) for _ in range(4)) == [0] * 4
call()
""")


def test_fork_refused_on_request() -> None:
    result = run("call(); code = in_child(call); call(); sys.exit(code)", env={"GOCLUSTER_FORK": "error"})
    assert result.returncode == 1
    assert "GOCLUSTER_FORK=error" in result.stdout


def test_threadpoolctl_in_a_forked_child() -> None:
    succeeds("""
import threadpoolctl
def threads():
    return [lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "gocluster"]
def child():
    assert threads() == [None]   # the parent's copy, which is of no use here
    with threadpoolctl.threadpool_limits(1):
        call()
    assert threads() == [dask_go.get_num_threads()]
before = dask_go.get_num_threads()
assert threads() == [before]
assert in_child(child) == 0
assert threads() == [before]
""")


def test_import_starts_nothing() -> None:
    succeeds("""
import joblib
assert "gocluster" in joblib.parallel.BACKENDS
with parallel_config(backend="gocluster", n_jobs=2):
    Parallel()
assert "libgocluster" not in open("/proc/self/maps").read()
call()
assert "libgocluster" in open("/proc/self/maps").read()
""")
    program = "import sys, dask_go; sys.exit('sklearn' in sys.modules or 'threadpoolctl' in sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", program], check=True, timeout=60)


def test_interrupts_errors_and_timeouts_at_random_moments() -> None:
    program = Path(__file__).with_name("soak_backend.py")  # by hand also for "processes", and for longer
    command = [sys.executable, "-P", program, "5", "threads"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
