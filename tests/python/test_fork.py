"""A forked child gets a library of its own, and so does its child."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

SETUP = """
import multiprocessing, os, sys, threading, warnings
warnings.simplefilter("ignore")
import numpy as np
import dask_go
from dask_go import _lib
from dask_go.svm import SVC

rng = np.random.default_rng(0)
X, y = rng.normal(size=(400, 5)), rng.integers(0, 2, 400)
expected = None

def fit():
    return SVC().fit(X, y).decision_function(X)

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

def same():
    np.testing.assert_array_equal(fit(), expected)
"""


def run(program: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
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


def test_fork_after_use() -> None:
    succeeds("expected = fit(); assert [in_child(same) for _ in range(5)] == [0] * 5; same()")


def test_fork_before_use() -> None:
    succeeds("""
expected = None
def first():
    fit()
    assert open("/proc/self/maps").read().count("memfd") == 0
assert in_child(first) == 0
expected = fit()
assert in_child(same) == 0
""")


def test_fork_of_a_fork() -> None:
    succeeds("""
expected = fit()
def grandchildren():
    same()
    assert [in_child(same) for _ in range(3)] == [0] * 3
    same()
def child():
    assert in_child(grandchildren) == 0     # of a child that never used its own copy
    same()
assert in_child(child) == 0
""")


def test_fork_while_another_thread_fits() -> None:
    succeeds("""
expected = fit()
big = rng.normal(size=(8000, 20)), rng.integers(0, 2, 8000)
worker = threading.Thread(target=lambda: SVC().fit(*big))
worker.start()
assert [in_child(same) for _ in range(3)] == [0] * 3
worker.join()
same()
""")


def test_multiprocessing_pool() -> None:
    succeeds("""
expected = fit()
def task(_):
    same()
    return 1
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert sum(pool.map(task, range(8))) == 8
""")


def test_fitted_model_crosses_a_fork() -> None:
    succeeds("""
model = SVC().fit(X, y)
expected = model.decision_function(X)
def predict():
    np.testing.assert_array_equal(model.decision_function(X), expected)
assert in_child(predict) == 0
""")


def test_fork_refused_on_request() -> None:
    result = run(
        """
expected = fit()
code = in_child(same)
same()
sys.exit(code)
""",
        {"GOCLUSTER_FORK": "error"},
    )
    assert result.returncode == 1, result.stdout + result.stderr
    assert "RuntimeError libgocluster was loaded before this process was forked" in result.stdout
