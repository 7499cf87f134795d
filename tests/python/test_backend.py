"""joblib's backend "gocluster": what it promises beside joblib's own tests (test_joblib_suite)."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config

import dask_go
from dask_go import _crew, _lib
from dask_go.svm import SVC


def square(x: int) -> int:
    return x * x


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def workers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("gocluster-")]


@pytest.fixture(autouse=True)
def nothing_left() -> Any:
    yield
    wait_until(lambda: not workers())


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
@pytest.mark.parametrize("batch_size", [1, 3, "auto"])
@pytest.mark.parametrize("pre_dispatch", [1, "n_jobs", "all"])
def test_results(return_as: str, batch_size: int | str, pre_dispatch: int | str) -> None:
    call = Parallel(
        n_jobs=3, backend="gocluster", return_as=return_as, batch_size=batch_size, pre_dispatch=pre_dispatch
    )
    result = list(call(delayed(square)(i) for i in range(50)))
    if return_as == "generator_unordered":
        result.sort()
    assert result == [i * i for i in range(50)]


def test_n_jobs() -> None:
    budget = dask_go.get_num_threads()
    with parallel_config(backend="gocluster"):
        assert joblib.effective_n_jobs(None) == 1
        assert joblib.effective_n_jobs(5) == 5
        assert joblib.effective_n_jobs(-1) == budget
        assert joblib.effective_n_jobs(-2) == max(budget - 1, 1)
        assert joblib.effective_n_jobs(-1000) == 1
        with pytest.raises(ValueError, match="n_jobs == 0"):
            joblib.effective_n_jobs(0)


def test_all_workers_work_at_once() -> None:
    barrier = threading.Barrier(5)
    threads = Parallel(n_jobs=5, backend="gocluster", batch_size=1)(
        delayed(lambda: (barrier.wait(30), threading.get_ident())[1])() for _ in range(5)
    )
    assert len(set(threads)) == 5


def test_no_more_workers_than_tasks() -> None:
    names = Parallel(n_jobs=100, backend="gocluster")(delayed(threading.current_thread)() for _ in range(2))
    assert {t.name for t in names} <= {"gocluster-0", "gocluster-1"}


def test_memory_is_shared() -> None:
    x = np.zeros(1000)
    Parallel(n_jobs=2, backend="gocluster", max_nbytes=100)(delayed(x.__setitem__)(i, i) for i in range(1000))
    np.testing.assert_array_equal(x, np.arange(1000))
    returned = Parallel(n_jobs=2, backend="gocluster", max_nbytes=100)(delayed(lambda: x)() for _ in range(3))
    assert all(r is x for r in returned)


def fail(i: int) -> int:
    if i == 7:
        raise LookupError("the seventh")
    return i


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
def test_errors_carry_the_traceback_of_the_task(return_as: str) -> None:
    with pytest.raises(LookupError, match="the seventh") as caught:
        list(Parallel(n_jobs=2, backend="gocluster", return_as=return_as)(delayed(fail)(i) for i in range(100)))
    text = "".join(traceback.format_exception(caught.value))
    assert "in fail\n" in text
    assert 'raise LookupError("the seventh")' in text


def test_the_rest_is_not_begun_after_an_error() -> None:
    begun = []

    def task(i: int) -> None:
        begun.append(i)
        if i == 0:
            raise LookupError
        time.sleep(0.02)

    with pytest.raises(LookupError):
        Parallel(n_jobs=2, backend="gocluster", pre_dispatch="all", batch_size=1)(delayed(task)(i) for i in range(500))
    wait_until(lambda: not workers())
    assert len(begun) < 100


def test_an_error_of_the_iterable() -> None:
    def tasks() -> Any:
        for i in range(20):
            yield delayed(square)(i)
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        Parallel(n_jobs=2, backend="gocluster")(tasks())


def test_an_error_at_the_end_of_the_iterable() -> None:
    def tasks() -> Any:
        for i in range(19):
            yield delayed(abs)(i)
        raise ValueError("of the iterable")

    # Whichever worker's turn comes last: it must not end the call before the error is seen.
    with Parallel(n_jobs=2, backend="gocluster") as parallel:
        for _ in range(200):
            with pytest.raises(ValueError, match="of the iterable"):
                parallel(tasks())


def test_an_iterable_that_ends_the_program() -> None:
    def tasks() -> Any:
        for i in range(20):
            yield delayed(square)(i)
        raise SystemExit("enough")  # in a thread of a worker

    with pytest.raises(SystemExit, match="enough"):
        Parallel(n_jobs=2, backend="gocluster", batch_size=1)(tasks())


def test_progress_lines_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, text: str) -> None:
            if "Done" in text:
                raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Closed())
    with pytest.raises(BrokenPipeError):
        Parallel(n_jobs=2, backend="gocluster", verbose=11)(delayed(square)(i) for i in range(100))


@pytest.mark.parametrize("return_as", ["list", "generator"])
def test_the_caller_is_woken(monkeypatch: pytest.MonkeyPatch, return_as: str) -> None:
    class Clock:
        slept = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(time, name)

        def sleep(self, seconds: float) -> None:
            self.slept += 1
            time.sleep(seconds)

    monkeypatch.setattr(_crew, "_PATIENCE", 60)
    monkeypatch.setattr(joblib.parallel, "time", clock := Clock())
    call = Parallel(n_jobs=2, backend="gocluster", return_as=return_as, batch_size=1)
    assert list(call(delayed(lambda i: time.sleep(0.05) or i)(i) for i in range(3))) == [0, 1, 2]
    assert clock.slept == 0  # which joblib does of itself
    release = threading.Event()

    def fail_soon() -> None:
        time.sleep(0.05)
        raise LookupError

    try:
        with pytest.raises(LookupError):  # though the first task goes on
            list(call([delayed(release.wait)(60), delayed(fail_soon)()]))
    finally:
        release.set()


def test_timeout() -> None:
    release = threading.Event()
    try:
        with pytest.raises(multiprocessing.TimeoutError):
            Parallel(n_jobs=2, backend="gocluster", timeout=0.1)(delayed(release.wait)(30) for _ in range(4))
    finally:
        release.set()
    assert Parallel(n_jobs=2, backend="gocluster", timeout=30)(delayed(square)(i) for i in range(4)) == [0, 1, 4, 9]


def test_one_object_is_called_again_after_an_error() -> None:
    with Parallel(n_jobs=2, backend="gocluster") as parallel:
        for _ in range(5):
            with pytest.raises(LookupError):
                # One task, because joblib keeps those of a failed call that it has not dispatched.
                parallel([delayed(fail)(7)])
            assert parallel(delayed(square)(i) for i in range(20)) == [i * i for i in range(20)]


def test_calls_that_share_a_backend() -> None:
    """A generator goes on while other calls of the same block begin, end and fail."""
    with parallel_config(backend="gocluster", n_jobs=2):
        squares = Parallel(return_as="generator", pre_dispatch=2)(delayed(square)(i) for i in range(30))
        for i, result in enumerate(squares):
            assert result == i * i
            assert Parallel()(delayed(square)(j) for j in range(4)) == [0, 1, 4, 9]
            with pytest.raises(LookupError):
                Parallel()(delayed(fail)(j) for j in range(5, 9))
    assert i == 29


def test_a_generator_that_is_dropped() -> None:
    release = threading.Event()
    generator = Parallel(n_jobs=2, backend="gocluster", return_as="generator")(
        delayed(release.wait)(30) for _ in range(9)
    )
    with pytest.warns(UserWarning, match="cancelled"):
        generator.close()
    release.set()


def nested(n: int) -> list[int]:
    return Parallel(n_jobs=3)(delayed(square)(i) for i in range(n))


def test_nested_calls() -> None:
    with parallel_config(backend="gocluster", n_jobs=4):
        assert Parallel()(delayed(nested)(n) for n in range(12)) == [[i * i for i in range(n)] for n in range(12)]


def test_nested_calls_keep_to_the_budget() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def leaf() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1

    begun = threading.Barrier(dask_go.get_num_threads())

    def branch() -> None:
        begun.wait(30)  # an outer task that begins later does not wait for inner ones to end
        Parallel(n_jobs=8)(delayed(leaf)() for _ in range(8))

    budget = dask_go.get_num_threads()
    with parallel_config(backend="gocluster", n_jobs=-1):
        if budget == 1:
            pytest.skip("one thread runs one task at a time anyway")
        Parallel()(delayed(branch)() for _ in range(budget))
    assert most <= budget


def test_a_task_may_fit() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 4)), rng.integers(0, 2, 500)
    expected = SVC().fit(X, y).dual_coef_
    for inner in (None, 1, 2):
        with parallel_config(backend="gocluster", n_jobs=2, inner_max_num_threads=inner):
            models = Parallel()(delayed(SVC().fit)(X, y) for _ in range(6))
        for model in models:
            np.testing.assert_array_equal(model.dual_coef_, expected)


def test_an_abort_ends_fits() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20000, 20)), rng.integers(0, 2, 20000)
    fitting = threading.Event()

    def fit() -> None:
        fitting.set()
        SVC(C=1e6, tol=1e-9).fit(X, y)

    def give_up() -> None:
        fitting.wait(30)
        raise LookupError

    with pytest.raises(LookupError):
        Parallel(n_jobs=2, backend="gocluster")([delayed(fit)(), delayed(give_up)()])
    wait_until(lambda: not workers())  # the fit alone would take minutes
    assert not _lib._in_use


def test_arguments_and_results_are_not_kept() -> None:
    class Big:
        pass

    def task(x: Big) -> Big:
        return x

    with Parallel(n_jobs=2, backend="gocluster") as parallel:
        big = [Big() for _ in range(10)]
        kept = [weakref.ref(b) for b in big]
        parallel(delayed(task)(b) for b in big)
        del big
        wait_until(lambda: gc.collect() >= 0 and not any(r() for r in kept))


def test_nothing_grows() -> None:
    def call() -> None:
        assert len(Parallel(n_jobs=2, backend="gocluster")(delayed(square)(i) for i in range(1000))) == 1000

    for _ in range(3):
        call()
    descriptors = len(os.listdir("/proc/self/fd"))
    threads = threading.active_count()
    for _ in range(30):
        call()
    wait_until(lambda: not workers())
    assert len(os.listdir("/proc/self/fd")) <= descriptors
    assert threading.active_count() <= threads


def test_system_exit_in_a_task_is_an_error_of_the_call() -> None:
    with pytest.raises(SystemExit):
        Parallel(n_jobs=2, backend="gocluster")(delayed(exit)(3) for _ in range(3))


def test_one_job_is_sequential() -> None:
    assert Parallel(n_jobs=1, backend="gocluster")(delayed(threading.current_thread)() for _ in range(3)) == (
        [threading.current_thread()] * 3
    )


def test_options_that_are_not_there_are_named() -> None:
    with pytest.raises(ValueError, match="workers must be 'threads' or 'processes', got 'goroutines'"):
        parallel_config(backend="gocluster", workers="goroutines")
    with pytest.raises(TypeError, match="has no parameter 'color'"):
        parallel_config(backend="gocluster", color=1)
    with pytest.raises(TypeError, match="'initializer'"):
        Parallel(n_jobs=2, backend="gocluster", initializer=print)(delayed(square)(i) for i in range(3))
    with (
        pytest.raises(ValueError, match="inner_max_num_threads must be at least 1, got 0"),
        parallel_config(backend="gocluster", n_jobs=2, inner_max_num_threads=0),
    ):
        Parallel()(delayed(square)(i) for i in range(3))


def test_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    Parallel(n_jobs=2, backend="gocluster", verbose=11)(delayed(square)(i) for i in range(4))
    assert "Using backend GoclusterBackend with 2 concurrent workers" in capsys.readouterr().err
