"""Fitted estimators on dask arrays and dataframes: block by block, lazily, with the results of memory."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from dask_go.cluster import KMeans
from dask_go.svm import SVC

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
pd = pytest.importorskip("pandas")
dd = pytest.importorskip("dask.dataframe")
from dask_go.distributed import ParallelPostFit, apply  # noqa: E402

X, y = make_classification(600, 5, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0)
NAMES = list("abcde")
A = da.from_array(X, chunks=(170, 5))
FRAME = dd.from_pandas(pd.DataFrame(X, columns=NAMES), npartitions=4)


def same(lazy: Any, expected: np.ndarray, chunks: Any = A.chunks[0]) -> None:
    assert isinstance(lazy, da.Array)
    assert lazy.dtype == expected.dtype
    if chunks is not None:
        assert lazy.chunks[0] == chunks
        assert lazy.shape == expected.shape
    found = lazy.compute()
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(
        found, expected, rtol=1e-12
    ) if expected.dtype.kind == "f" else np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("labels", [y, np.array(["red", "green", "blue"])[y]])
def test_svc(labels: np.ndarray) -> None:
    model = SVC().fit(X, labels)
    same(model.predict(A), model.predict(X))
    same(model.decision_function(A), model.decision_function(X))
    two = SVC(kernel="linear").fit(X[y < 2], y[y < 2])
    same(two.decision_function(A), two.decision_function(X))
    likely = SVC(probability=True, random_state=0).fit(X, labels)
    same(likely.predict_proba(A), likely.predict_proba(X))
    same(likely.predict_log_proba(A), likely.predict_log_proba(X))
    framed = SVC().fit(pd.DataFrame(X, columns=NAMES), labels)
    same(framed.predict(FRAME), model.predict(X), chunks=None)
    # Without taking dask's part, rows are still rows.
    np.testing.assert_array_equal(framed.predict(FRAME.compute()), model.predict(X))


def test_nothing_runs_before_it_is_asked_for() -> None:
    calls: list[int] = []

    def block(b: np.ndarray) -> np.ndarray:
        calls.append(len(b))
        return b

    lazy = SVC().fit(X, y).predict(A.map_blocks(block, meta=X[:0]))
    assert calls == []
    lazy[:10].compute()
    assert calls == [170]


@pytest.mark.parametrize(
    "estimator",
    [
        LinearDiscriminantAnalysis(),
        RandomForestClassifier(5, max_depth=2, random_state=0),
        make_pipeline(StandardScaler(), SVC()),
        LinearRegression(),
        StandardScaler(),
    ],
    ids=lambda e: type(e).__name__,
)
def test_any_estimator(estimator: Any) -> None:
    wrapped = ParallelPostFit(estimator)
    with pytest.raises(NotFittedError):
        (wrapped.predict if hasattr(wrapped, "predict") else wrapped.transform)(A)
    assert wrapped.fit(X, y) is wrapped
    fitted = clone(estimator).fit(X, y)
    for method in "predict", "predict_proba", "predict_log_proba", "decision_function", "transform":
        assert hasattr(wrapped, method) == hasattr(fitted, method), method
        if hasattr(fitted, method):
            same(getattr(wrapped, method)(A), getattr(fitted, method)(X))
            np.testing.assert_array_equal(getattr(wrapped, method)(X), getattr(fitted, method)(X))
    if hasattr(fitted, "score"):
        assert wrapped.score(A, da.from_array(y, chunks=100)) == pytest.approx(fitted.score(X, y))
    if hasattr(fitted, "n_features_in_"):
        assert wrapped.n_features_in_ == 5


def test_a_fitted_estimator_needs_no_fit() -> None:
    fitted = LinearDiscriminantAnalysis().fit(pd.DataFrame(X, columns=NAMES), y)
    wrapped = ParallelPostFit(fitted, scoring="neg_log_loss")
    same(wrapped.predict_proba(FRAME), fitted.predict_proba(FRAME.compute()), chunks=None)
    assert wrapped.score(FRAME, y) < 0
    clone(wrapped).set_params(estimator__tol=1e-3)


def test_empty_and_unknown_blocks() -> None:
    model = SVC().fit(X, y)
    kept = A[da.from_array(X[:, 0] > 1e9, chunks=170)]
    assert model.predict(kept).compute().shape == (0,)
    assert model.decision_function(kept).compute().shape == (0, 3)
    some = X[:, 0] > 0
    same(model.predict(A[da.from_array(some, chunks=170)]), model.predict(X[some]), chunks=None)


def test_meta_is_for_estimators_that_refuse_zeros() -> None:
    levels = 1 + np.arange(600)[:, None] % 3
    fitted = OneHotEncoder(sparse_output=False).fit(levels)
    a = da.from_array(levels, chunks=(170, 1))
    with pytest.raises(ValueError, match="unknown categories"):
        ParallelPostFit(fitted).transform(a)
    same(ParallelPostFit(fitted, transform_meta=np.empty((0, 3))).transform(a), fitted.transform(levels))


def test_errors_come_early() -> None:
    model = SVC().fit(X, y)
    with pytest.raises(ValueError, match="X has 4 features, but SVC is expecting 5"):
        model.predict(A[:, :4])
    with pytest.raises(ValueError, match="Expected 2D array"):
        model.predict(A[:, 0])
    with pytest.raises(NotFittedError):
        SVC().predict(A)
    with pytest.raises(AttributeError):
        _ = ParallelPostFit(LinearRegression()).predict_proba


def test_the_model_travels_light_and_once() -> None:
    big = np.random.default_rng(0).normal(size=(5000, 5))
    model = KMeans(3, random_state=0).fit(big)
    graph = dict(apply(model, "predict", da.from_array(big, chunks=(100, 5))).__dask_graph__())
    from cloudpickle import dumps

    # 5000 rows and their labels are 200 kB and 20 kB; fifty tasks share one model.
    assert len(dumps({k: v for k, v in graph.items() if "array" not in str(k)})) < 100_000


def test_dask_is_not_imported_without_need() -> None:
    program = """
import sys
import numpy as np
import dask_go.cluster, dask_go.svm
X = np.arange(20.0).reshape(10, 2)
dask_go.cluster.KMeans(2).fit(X).predict(X)
dask_go.svm.SVC().fit(X, X[:, 0] > 9).predict(X)
assert not [name for name in sys.modules if name.partition(".")[0] in ("dask", "distributed")]
"""
    subprocess.run([sys.executable, "-P", "-c", program], check=True, timeout=120)


def test_without_dask_the_error_says_what_to_install() -> None:
    program = """
import sys
sys.modules["dask"] = None
try:
    import dask_go.distributed
except ImportError as error:
    assert "pip install dask-go[dask]" in str(error), error
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-P", "-c", program], check=True, timeout=120)
