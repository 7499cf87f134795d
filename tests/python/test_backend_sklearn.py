"""scikit-learn under the backend "gocluster" gives what it gives sequentially."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import joblib
import numpy as np
import pytest
import threadpoolctl
from joblib import Parallel, delayed
from sklearn import svm
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score

import dask_go
from dask_go._threadpools import InnerLimit
from dask_go.svm import SVC

X, y = make_classification(n_samples=300, n_features=6, random_state=0)


def grid(estimator: Any) -> np.ndarray:
    search = GridSearchCV(estimator, {"C": [0.1, 1, 10]}, n_jobs=-1).fit(X, y)
    return search.cv_results_["mean_test_score"]


WORK: dict[str, Callable[[], np.ndarray]] = {
    "GridSearchCV, dask_go": lambda: grid(SVC()),
    "GridSearchCV, scikit-learn": lambda: grid(svm.SVC()),
    "cross_val_score": lambda: cross_val_score(SVC(), X, y, n_jobs=-1),
    "RandomForestClassifier": lambda: RandomForestClassifier(20, n_jobs=-1, random_state=0).fit(X, y).predict_proba(X),
    "StackingClassifier": lambda: (
        StackingClassifier(
            [("a", SVC()), ("b", RandomForestClassifier(5, n_jobs=2, random_state=0))], svm.SVC(), n_jobs=-1
        )
        .fit(X, y)
        .predict(X)
    ),
    "permutation_importance": lambda: (
        permutation_importance(SVC().fit(X, y), X, y, n_jobs=-1, random_state=0).importances
    ),
}


@pytest.mark.parametrize("name", WORK)
def test_equal_to_sequential(name: str) -> None:
    with joblib.parallel_config(backend="sequential"):
        expected = WORK[name]()
    with joblib.parallel_config(backend="gocluster", n_jobs=-1):
        np.testing.assert_array_equal(WORK[name](), expected)
    with joblib.parallel_config(backend="gocluster", n_jobs=3):
        np.testing.assert_array_equal(WORK[name](), expected)
    with joblib.parallel_config(backend="gocluster", workers="processes", n_jobs=2):
        np.testing.assert_array_equal(WORK[name](), expected)


# ---- thread pools -----------------------------------------------------------------


@pytest.fixture
def budget() -> Iterator[int]:
    before = dask_go.set_num_threads(4)
    yield 4
    dask_go.set_num_threads(before)


def numbers(user_api: str) -> list[int]:
    return [lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == user_api]


def test_threadpoolctl_sees_and_limits_the_library(budget: int) -> None:
    (info,) = [lib for lib in threadpoolctl.threadpool_info() if lib["internal_api"] == "gocluster"]
    assert info["num_threads"] == budget
    assert info["version"] == dask_go.__version__
    assert info["prefix"] == "libgocluster"
    with threadpoolctl.threadpool_limits(2):
        assert dask_go.get_num_threads() == 2
    with threadpoolctl.threadpool_limits(1, user_api="gocluster"):
        assert dask_go.get_num_threads() == 1
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert dask_go.get_num_threads() == budget
    assert dask_go.get_num_threads() == budget


@pytest.fixture
def pools_of_four() -> Iterator[None]:
    """OpenMP and BLAS would use four threads, whatever this machine has."""
    with threadpoolctl.threadpool_limits({"blas": 4, "openmp": 4}):
        if set(numbers("blas")) != {4}:
            pytest.skip("this BLAS has fewer than four threads")
        yield


@pytest.mark.parametrize(("n_jobs", "inner", "want"), [(4, None, 1), (2, None, 2), (3, None, 1), (2, 3, 3), (4, 2, 2)])
def test_inner_pools_get_their_share(
    budget: int, pools_of_four: None, n_jobs: int, inner: int | None, want: int
) -> None:
    del budget, pools_of_four
    with joblib.parallel_config(backend="gocluster", n_jobs=n_jobs, inner_max_num_threads=inner):
        inside = Parallel()(delayed(lambda: (numbers("blas"), numbers("openmp")))() for _ in range(6))
    for blas, _ in inside:
        assert set(blas) == {want}
    assert set(numbers("blas")) == {4}
    assert not InnerLimit._calls


@pytest.mark.parametrize(("n_jobs", "want"), [(2, 1), (4, 1)])
def test_openmp_in_workers(n_jobs: int, want: int) -> None:
    if not numbers("openmp"):
        pytest.skip("no OpenMP library is loaded")
    before = numbers("openmp")
    previous = dask_go.set_num_threads(2)
    try:
        inside = Parallel(n_jobs=n_jobs, backend="gocluster")(delayed(numbers)("openmp") for _ in range(6))
    finally:
        dask_go.set_num_threads(previous)
    assert {n for threads in inside for n in threads} == {want}
    assert numbers("openmp") == before


def test_overlapping_calls_give_blas_its_threads_back(pools_of_four: None) -> None:
    del pools_of_four

    def call() -> None:
        Parallel(n_jobs=2, backend="gocluster")(delayed(sum)(range(n)) for n in range(20))

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(numbers("blas")) == {4}
    assert not InnerLimit._calls


# ---- progress ---------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("sized", [True, False])
def test_progress(n_jobs: int, sized: bool) -> None:
    pytest.importorskip("tqdm")
    if n_jobs == 1 and joblib.__version__.startswith("1.4."):
        pytest.skip("joblib 1.4 does not count the tasks of a sequential call")
    out = io.StringIO()
    tasks = (delayed(abs)(-i) for i in range(40))
    with dask_go.progress(desc="forty", file=out):
        for _ in range(2):
            Parallel(n_jobs=n_jobs, backend="gocluster")(list(tasks) if sized else tasks)
            tasks = (delayed(abs)(-i) for i in range(40))
    text = out.getvalue()
    assert text.count("forty: 100%") >= 2
    assert text.count("40/40") >= 2
    assert text.count("\n") == 2  # one bar for each call


def test_progress_of_the_outermost_call_only() -> None:
    pytest.importorskip("tqdm")

    def outer() -> None:
        Parallel(n_jobs=2)(delayed(abs)(i) for i in range(50))

    out = io.StringIO()
    with dask_go.progress(file=out), joblib.parallel_config(backend="gocluster", n_jobs=2):
        Parallel()(delayed(outer)() for _ in range(7))
    assert "7/7" in out.getvalue()
    assert "50" not in out.getvalue().replace("it/s", "").split("7/7")[0].split("[")[0]
    assert out.getvalue().count("\n") == 1


def test_progress_of_a_call_that_fails() -> None:
    pytest.importorskip("tqdm")
    out = io.StringIO()
    with dask_go.progress(file=out), joblib.parallel_config(backend="gocluster", n_jobs=2):
        with pytest.raises(ZeroDivisionError):
            Parallel()(delayed(divmod)(1, i) for i in (1, 1, 1, 1, 0))
        Parallel()(delayed(abs)(i) for i in range(6))
    assert "6/6" in out.getvalue()
    with pytest.raises(RuntimeError, match="active already"), dask_go.progress(file=out), dask_go.progress():
        pass
    assert Parallel(n_jobs=2, backend="gocluster")(delayed(abs)(i) for i in range(3)) == [0, 1, 2]
    assert out.getvalue().endswith("\n")


def test_progress_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="needs tqdm: pip install tqdm"), dask_go.progress():
        pass
