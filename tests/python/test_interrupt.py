"""Ctrl-C ends a fit soon, with KeyboardInterrupt, and the process goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from dask_go import _lib
from dask_go.svm import SVC

FITS = 5

# A fit that takes far longer than the test: overlapping classes, and next to no limit on the weights.
PROGRAM = f"""
import sys, time
import numpy as np
from dask_go import _lib
from dask_go.svm import SVC

rng = np.random.default_rng(0)
X, y = rng.normal(size=(20000, 20)), rng.integers(0, 2, 20000)
SVC().fit(X[:50], y[:50])
for _ in range({FITS}):
    print("fitting", flush=True)
    try:
        SVC(C=1e6, tol=1e-9).fit(X, y)
        print("ended")
    except KeyboardInterrupt:
        print("interrupted", time.monotonic(), flush=True)
assert not _lib._in_use
SVC().fit(X[:500], y[:500])
print("fitted again", flush=True)
"""


def test_interrupt() -> None:
    with subprocess.Popen([sys.executable, "-P", "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        delays = []
        for _ in range(FITS):
            assert child.stdout.readline() == "fitting\n"
            time.sleep(0.3)
            sent = time.monotonic()
            child.send_signal(signal.SIGINT)
            word, at = child.stdout.readline().split()
            assert word == "interrupted"
            delays.append(float(at) - sent)
        assert child.stdout.readline() == "fitted again\n"
        assert child.wait(60) == 0
    # The promise is 0.2 s. On a machine with other work it may take longer now and then, not every time.
    assert min(delays) < 0.2, delays


def test_signal_handlers_run_during_a_fit() -> None:
    handled = []
    previous = signal.signal(signal.SIGALRM, lambda *_: handled.append(time.monotonic()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(6000, 20)), rng.integers(0, 2, 6000)
        start = time.monotonic()
        SVC().fit(X, y)
        end = time.monotonic()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    if end - start > 0.5:
        assert len([t for t in handled if start < t < end]) > 1


def test_interpreter_is_free_during_a_fit() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6000, 20)), rng.integers(0, 2, 6000)
    ticks = 0
    done = threading.Event()

    def fit() -> None:
        SVC().fit(X, y)
        done.set()

    worker = threading.Thread(target=fit)
    worker.start()
    while not done.wait(0.001):
        ticks += 1
    worker.join()
    assert ticks > 3


def test_failed_start_leaves_nothing_behind() -> None:
    with pytest.raises(TypeError):
        _lib.run_job("gocluster_svc_fit_start", "not a pointer")
    assert not _lib._in_use
