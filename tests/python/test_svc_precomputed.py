"""Kernel matrices, given or made by a callable, beside scikit-learn's SVC and beside the kernels themselves."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.svm
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.model_selection import GridSearchCV, cross_val_score

import dask_go.model_selection
from dask_go import _marshal
from dask_go.svm import SVC

IRIS = load_iris(return_X_y=True)
BINARY = make_classification(300, 6, flip_y=0.1, random_state=0)


def rbf(X: Any, Z: Any) -> np.ndarray:
    return rbf_kernel(X, Z, gamma=0.3)


@pytest.fixture(params=["binary", "iris"])
def data(request: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and labels to train on, and rows to predict."""
    X, y = {"binary": BINARY, "iris": IRIS}[request.param]
    return X[::2], y[::2], X[1::2]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_attributes_and_decisions(data: Any, dtype: type) -> None:
    X, y, query = data
    K, Q = rbf(X, X).astype(dtype), rbf(query, X).astype(dtype)
    params = {"kernel": "precomputed", "tol": 1e-5, "decision_function_shape": "ovo"}
    ours, theirs = SVC(**params).fit(K, y), sklearn.svm.SVC(**params).fit(K, y)
    for name in ("support_", "support_vectors_", "n_support_", "shape_fit_", "n_features_in_", "_gamma", "fit_status_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    assert ours.support_vectors_.shape == (0, 0)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, atol=2e-3)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)
    np.testing.assert_allclose(ours.decision_function(Q), theirs.decision_function(Q), atol=1e-3)
    np.testing.assert_array_equal(ours.predict(Q), theirs.predict(Q))
    assert not hasattr(ours, "coef_")


def test_matrix_callable_and_kernel_are_one(data: Any) -> None:
    X, y, query = data
    by_name = SVC(gamma=0.3, tol=1e-5).fit(X, y)
    given = SVC(kernel="precomputed", tol=1e-5).fit(rbf(X, X), y)
    made = SVC(kernel=rbf, tol=1e-5).fit(X, y)
    np.testing.assert_array_equal(given.dual_coef_, made.dual_coef_)
    np.testing.assert_array_equal(given.decision_function(rbf(query, X)), made.decision_function(query))
    np.testing.assert_allclose(made.decision_function(query), by_name.decision_function(query), atol=1e-3)
    np.testing.assert_array_equal(made.predict(query), by_name.predict(query))


def test_matrix_is_read_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = BINARY
    K = np.asfortranarray(rbf(X, X))
    seen: list[int] = []
    array = _marshal.array
    monkeypatch.setattr(_marshal, "array", lambda a: (seen.append(a.ctypes.data), array(a))[1])
    model = SVC(kernel="precomputed").fit(K, y)
    model.predict(K)
    assert seen.count(K.ctypes.data) == 2


def test_weights(data: Any) -> None:
    X, y, query = data
    w = np.random.default_rng(0).uniform(0.0, 3.0, size=len(y))
    w[::7] = 0.0
    params = {"tol": 1e-5, "class_weight": "balanced", "decision_function_shape": "ovo"}
    precomputed = SVC(kernel="precomputed", **params).fit(rbf(X, X), y, sample_weight=w)
    by_name = SVC(gamma=0.3, **params).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(
        precomputed.decision_function(rbf(query, X)), by_name.decision_function(query), atol=1e-3
    )
    assert (w[precomputed.support_] > 0).all()


def test_callable_gets_X_as_it_is() -> None:
    words = ["go", "gopher", "python", "pythonic", "goo", "pyre"]
    y = [0, 0, 1, 1, 0, 1]

    def common_prefix(A: Any, B: Any) -> list[list[int]]:
        return [
            [next((k for k in range(min(len(a), len(b))) if a[k] != b[k]), min(len(a), len(b))) for b in B] for a in A
        ]

    ours, theirs = SVC(kernel=common_prefix).fit(words, y), sklearn.svm.SVC(kernel=common_prefix).fit(words, y)
    assert ours.shape_fit_ == theirs.shape_fit_ == (6,)
    np.testing.assert_array_equal(ours.predict(["gold", "pyx"]), theirs.predict(["gold", "pyx"]))
    assert hasattr(ours, "n_features_in_") == hasattr(theirs, "n_features_in_") is False


def test_callable_may_be_sparse() -> None:
    X, y = BINARY
    sparse = scipy.sparse.csr_matrix(X)
    model = SVC(kernel=lambda A, B: A @ B.T).fit(sparse, y)
    dense = SVC(kernel=linear_kernel).fit(X, y)
    np.testing.assert_allclose(model.decision_function(sparse), dense.decision_function(X), atol=1e-2)


@pytest.mark.parametrize("C", [0.01, 1.0, 1e3])
def test_matrix_of_low_rank(C: float) -> None:
    """The linear kernel as a callable: pair updates alone would zigzag."""
    X, y = make_classification(1500, 4, flip_y=0.1, random_state=2)
    made, by_name = SVC(kernel=np.inner, C=C).fit(X, y), SVC(kernel="linear", C=C).fit(X, y)
    assert made.fit_status_ == 0
    np.testing.assert_allclose(made.decision_function(X), by_name.decision_function(X), atol=5e-3)


def test_copies() -> None:
    X, y = IRIS
    model = SVC(kernel=rbf).fit(X, y)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.dual_coef_, model.dual_coef_)
        np.testing.assert_allclose(other.decision_function(X), model.decision_function(X), atol=1e-12)
    assert clone(model).kernel is rbf


@pytest.mark.parametrize("search", [GridSearchCV, dask_go.model_selection.GridSearchCV])
def test_folds_are_cut_in_both_directions(search: Any) -> None:
    X, y = IRIS
    K = rbf(X, X)
    assert SVC(kernel="precomputed").__sklearn_tags__().input_tags.pairwise
    np.testing.assert_array_equal(
        cross_val_score(SVC(kernel="precomputed"), K, y), cross_val_score(SVC(gamma=0.3), X, y)
    )
    grid = {"C": [0.1, 1.0, 10.0]}
    of_matrix = search(SVC(kernel="precomputed"), grid).fit(K, y).cv_results_["mean_test_score"]
    of_rows = search(SVC(gamma=0.3), grid).fit(X, y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(of_matrix, of_rows)


@pytest.mark.parametrize("make", ["random", "negative"])
def test_indefinite_matrices_end(make: str) -> None:
    y = np.arange(120) % 3
    K = np.random.default_rng(0).normal(size=(120, 120))
    K = {"random": K + K.T, "negative": -np.eye(120)}[make]
    model = SVC(kernel="precomputed").fit(K, y)
    assert model.fit_status_ == 0
    assert np.isfinite(model.dual_coef_).all()
    assert (np.abs(model.dual_coef_) <= 1.0).all()


@pytest.mark.parametrize("svc", [SVC, sklearn.svm.SVC])
def test_refusals_are_scikit_learns(svc: Any) -> None:
    X, y = BINARY
    K = rbf(X, X)
    with pytest.raises(ValueError, match=r"Precomputed matrix must be a square matrix\. Input is a 300x6 matrix\."):
        svc(kernel="precomputed").fit(X, y)
    with pytest.raises(TypeError, match=r"Sparse precomputed kernels are not supported\."):
        svc(kernel="precomputed").fit(scipy.sparse.csr_matrix(K), y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        svc(kernel="precomputed").fit(np.where(K > 0.99, np.nan, K), y)
    model = svc(kernel="precomputed").fit(K, y)
    with pytest.raises(ValueError, match="X has 6 features, but SVC is expecting 300 features as input"):
        model.predict(X)
    with pytest.raises(ValueError, match=r"X.shape\[0\] should be equal to X.shape\[1\]"):
        svc(kernel=lambda A, _: A).fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        svc(kernel=rbf).fit(X, y[:-1])
    narrow = svc(kernel=lambda A, B: rbf(A, B)[:, : len(A)]).fit(X, y)
    with pytest.raises(ValueError, match=r"X.shape\[1\] = 5 should be equal to 300, the number of samples at training"):
        narrow.predict(X[:5])
