"""Calls of the backend "gocluster" that are interrupted, fail, time out or are dropped at random moments.

    python -P tests/python/soak_backend.py SECONDS [threads | processes]

Every result is checked, and at the end that nothing is left: no threads, descriptors, jobs, processes or memory.
With processes, workers are killed too.
"""

from __future__ import annotations

import collections
import contextlib
import faulthandler
import gc
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

import dask_go
from dask_go import _lib
from dask_go._threadpools import InnerLimit
from dask_go.svm import SVC

X = np.random.default_rng(0).normal(size=(400, 6))
y = np.random.default_rng(1).integers(0, 2, 400)
LARGE = np.arange(1 << 18)  # 2 MiB: goes through shared memory
WORKERS = sys.argv[2] if len(sys.argv) > 2 else "threads"


def square(i: int) -> int:
    return i * i


def fail(i: int) -> int:
    if i % 17 == 5:
        raise LookupError
    return i


def nested(n: int) -> list[int]:
    return Parallel(n_jobs=2, pre_dispatch="all")(delayed(square)(i) for i in range(n))


def fit(i: int) -> int:
    return int(SVC().fit(X[: 300 + 10 * i], y[: 300 + 10 * i]).n_support_.sum())


def nap(i: int) -> int:
    time.sleep(random.random() * 0.003)
    return i


def add(a: np.ndarray, i: int) -> np.ndarray:
    return a + i


def die(i: int) -> int:
    if i % 17 == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return i


FITTED = [fit(i) for i in range(6)]


def parallel(**options: Any) -> Parallel:
    # "all" because joblib reads other values with ast.parse, which Python 3.11 does not do well in many threads.
    options = {"pre_dispatch": random.choice([2, "all"]), "batch_size": random.choice([1, 2, "auto"])} | options
    with parallel_config(backend="gocluster", workers=WORKERS):
        return Parallel(n_jobs=random.choice([2, 3, 5] if WORKERS == "threads" else [2, 3]), **options)


def lists() -> None:
    assert parallel()(delayed(square)(i) for i in range(200)) == [i * i for i in range(200)]


def errors() -> None:
    parallel()(delayed(fail)(i) for i in range(200))
    raise AssertionError("no error")


def calls_in_calls() -> None:
    with parallel_config(backend="gocluster", workers=WORKERS, n_jobs=3):
        results = Parallel(pre_dispatch="all")(delayed(nested)(n) for n in range(20))
    assert results == [[i * i for i in range(n)] for n in range(20)]


def fits() -> None:
    assert parallel()(delayed(fit)(i) for i in range(6)) == FITTED


def timeouts() -> None:
    parallel(timeout=0.001)(delayed(nap)(i) for i in range(20))


def dropped() -> None:
    results = parallel(return_as=random.choice(["generator", "generator_unordered"]))(
        delayed(nap)(i) for i in range(50)
    )
    for _ in range(random.randrange(50)):
        next(results)


def again() -> None:
    with parallel() as p:
        for _ in range(3):
            assert p(delayed(square)(i) for i in range(30)) == [i * i for i in range(30)]


def unordered() -> None:
    results = parallel(return_as="generator_unordered")(delayed(nap)(i) for i in range(30))
    assert sorted(results) == list(range(30))


def arrays() -> None:
    for i, a in enumerate(parallel()(delayed(add)(LARGE, i) for i in range(8))):
        assert a[0] == i
        a[:] = 0


def deaths() -> None:
    parallel()(delayed(die)(i) for i in range(200))
    raise AssertionError("no error")


def killed() -> None:
    results = parallel(return_as="generator", batch_size=1)(delayed(nap)(i) for i in range(50))
    for _ in range(random.randrange(30)):
        next(results)
    workers = sorted(children())
    if workers:  # an interrupt before may have ended them all
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(workers), signal.SIGKILL)
    for _ in results:
        pass


def children() -> set[int]:
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended
            found.update(map(int, task.read_text().split()))
    return found


OF_PROCESSES = (arrays, deaths, killed)
WORK = (lists, errors, calls_in_calls, fits, timeouts, dropped, again, unordered)
EXPECTED = (LookupError, multiprocessing.TimeoutError, KeyboardInterrupt, TerminatedWorkerError)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def once(count: collections.Counter[str]) -> None:
    work = random.choice(WORK if WORKERS == "threads" else WORK + OF_PROCESSES)
    if random.random() < 0.4:
        signal.setitimer(signal.ITIMER_REAL, random.random() * (0.03 if WORKERS == "threads" else 0.3))
    try:
        work()
        count["ended"] += 1
    except EXPECTED as error:
        count[type(error).__name__] += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def alive() -> list[threading.Thread]:
    # Python keeps a Thread whose start was interrupted in its list, though it never lived.
    return [t for t in threading.enumerate() if t.is_alive() and t is not threading.main_thread()]


def mapped() -> int:
    return Path("/proc/self/maps").read_text().count("memfd:dask-go")


def main(seconds: float) -> None:
    warnings.simplefilter("ignore")
    # An interrupt in a finalizer cannot be raised; Python would print it.
    sys.unraisablehook = lambda _: None
    faulthandler.dump_traceback_later(seconds + 60, exit=True)
    if WORKERS == "processes":
        from dask_go import _processes

        _processes.IDLE_SECONDS = 3  # so that the end comes soon
    signal.signal(signal.SIGALRM, interrupt)
    descriptors, budget = len(os.listdir("/proc/self/fd")), dask_go.get_num_threads()
    count: collections.Counter[str] = collections.Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            once(count)
        except KeyboardInterrupt:
            count["KeyboardInterrupt"] += 1
    gc.collect()
    wait = time.monotonic() + 30
    while (alive() or children()) and time.monotonic() < wait:
        time.sleep(0.01)
    gc.collect()
    print(dict(count), alive(), children())
    assert not alive()
    assert not children()
    assert mapped() == 0
    assert len(os.listdir("/proc/self/fd")) <= descriptors
    assert not _lib._in_use
    assert not InnerLimit._calls
    assert dask_go.get_num_threads() == budget


if __name__ == "__main__":
    main(float(sys.argv[1]))
