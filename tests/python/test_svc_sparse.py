"""SVC on sparse matrices: scikit-learn's answers, types and refusals; the caller's arrays; memory."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn
import sklearn.svm
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from dask_go.svm import SVC

KERNELS: dict[str, dict[str, Any]] = {
    "linear": {"kernel": "linear"},
    "rbf": {"C": 3.0},
    "rbf, gamma given": {"gamma": 0.05},
    "rbf, gamma auto": {"gamma": "auto", "C": 100.0},
    "poly": {"kernel": "poly", "coef0": 1.0},
    "sigmoid": {"kernel": "sigmoid", "gamma": 0.02},
}


def documents(n: int = 300, d: int = 80, classes: int = 2, seed: int = 0) -> tuple[Any, np.ndarray[Any, Any]]:
    """Rows with few words, some with none; columns that never occur; zeros that are stored."""
    rng = np.random.default_rng(seed)
    words = (d - 5) * rng.random((n, 12)) ** 3  # the first words are common
    values = rng.random((n, 12))
    values[:, 0] = np.where(rng.random(n) < 0.3, 0.0, values[:, 0])
    rows = np.repeat(np.arange(n), 12)
    X = scipy.sparse.coo_matrix((values.ravel(), (rows, words.astype(int).ravel())), (n, d)).tocsr()
    X = scipy.sparse.diags((np.arange(n) % 17 != 3).astype(float)) @ X
    score = X @ rng.standard_normal(d) + 0.1 * rng.standard_normal(n)
    return X.tocsr(), np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))


def assert_same_model(ours: Any, theirs: Any, X: Any, atol: float = 5e-3) -> None:
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=atol)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=atol)
    # Empty rows are twins: any of them may be support vectors, and with the linear kernel all are.
    assert abs(len(ours.support_) - len(theirs.support_)) <= 3 + X.shape[0] // 17
    for name in ("support_vectors_", "dual_coef_", "coef_"):
        if name == "coef_" and ours.kernel != "linear":
            continue
        ours_is, theirs_is = getattr(ours, name), getattr(theirs, name)
        assert type(ours_is) is type(theirs_is)
        assert ours_is.dtype == theirs_is.dtype == np.float64
        assert ours_is.shape[0] == theirs_is.shape[0] or name == "support_vectors_"
        assert name == "dual_coef_" or ours_is.shape[1] == theirs_is.shape[1]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", KERNELS)
def test_the_model_is_scikit_learns(name: str, classes: int) -> None:
    X, y = documents(classes=classes)
    ours, theirs = SVC(**KERNELS[name]).fit(X, y), sklearn.svm.SVC(**KERNELS[name], tol=1e-6).fit(X, y)
    assert ours._gamma == pytest.approx(theirs._gamma, rel=1e-12)
    assert_same_model(ours, theirs, X)
    assert_same_model(ours, SVC(**KERNELS[name]).fit(X, y), X, atol=0)
    dense = SVC(**KERNELS[name]).fit(X.toarray(), y)
    np.testing.assert_allclose(ours.decision_function(X), dense.decision_function(X.toarray()), atol=5e-3)
    if ours.kernel == "linear":
        np.testing.assert_allclose(ours.coef_.toarray(), dense.coef_, atol=5e-3)
        with pytest.raises(ValueError, match="read-only"):
            ours.coef_.data[0] = 1
    # The rows of X, stored zeros included, in their order.
    assert (ours.support_vectors_ != X[ours.support_]).nnz == 0
    assert ours.support_vectors_.nnz == X[ours.support_].nnz
    assert ours.dual_coef_.nnz == ours.dual_coef_.shape[0] * ours.dual_coef_.shape[1]
    assert ours.shape_fit_ == X.shape
    assert ours._sparse is True
    # Rows given with all their zeros are the same rows.
    np.testing.assert_allclose(ours.decision_function(X.toarray()), ours.decision_function(X), atol=1e-9)
    assert (ours.predict(X.toarray()) == ours.predict(X)).all()


def test_weights() -> None:
    X, y = documents(classes=3)
    weights = np.random.default_rng(1).integers(0, 4, len(y)) / 2
    keywords: dict[str, Any] = {"class_weight": {0: 2.0, 1: 0.5}}
    ours = SVC(**keywords).fit(X, y, sample_weight=weights)
    assert_same_model(ours, sklearn.svm.SVC(**keywords, tol=1e-6).fit(X, y, sample_weight=weights), X)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("value", [np.float32, np.float64])
@pytest.mark.parametrize("container", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_every_type_of_arrays(container: Any, value: Any, index: Any, kernel: str) -> None:
    X, y = documents()
    X.data = X.data.astype(np.float32).astype(np.float64)
    want = SVC(kernel=kernel).fit(X, y).decision_function(X)
    given = container(X.astype(value))
    given.indices, given.indptr = given.indices.astype(index), given.indptr.astype(index)
    before = [a.copy() for a in (given.data, given.indices, given.indptr)]
    model = SVC(kernel=kernel).fit(given, y)
    np.testing.assert_allclose(model.decision_function(given), want, atol=5e-3)
    for a, b in zip(before, (given.data, given.indices, given.indptr), strict=True):
        assert a.dtype == b.dtype
        assert (a == b).all()


@pytest.mark.parametrize("form", ["csc", "coo", "lil", "dok", "bsr"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_other_formats_are_converted(form: str, kind: str) -> None:
    X, y = documents(n=120)
    given = getattr(scipy.sparse, f"{form}_{kind}")(X)
    np.testing.assert_allclose(
        SVC().fit(given, y).decision_function(given), SVC().fit(X, y).decision_function(X), atol=5e-3
    )
    integers = getattr(scipy.sparse, f"{form}_{kind}")((X * 4).astype(np.int64))
    assert SVC().fit(integers, y).support_vectors_.dtype == np.float64


def test_columns_in_any_order_and_twice() -> None:
    X, y = documents()
    model = SVC().fit(X, y)
    # Every element in two halves, the second ones behind the first.
    order = np.concatenate(
        [np.r_[b - 1 : a - 1 : -1, a:b] if a else np.r_[0:b, 0:b] for a, b in zip(X.indptr, X.indptr[1:], strict=False)]
    )
    twice = scipy.sparse.csr_matrix((X.data[order] / 2, X.indices[order], 2 * X.indptr), X.shape)
    assert not twice.has_sorted_indices
    again = SVC().fit(twice, y)
    assert not twice.has_canonical_format  # is left as it was
    assert twice.nnz == 2 * X.nnz
    assert again._gamma == pytest.approx(model._gamma, rel=1e-12)
    np.testing.assert_allclose(again.decision_function(twice), model.decision_function(X), atol=1e-9)
    assert again.support_vectors_.has_canonical_format


def test_little_data() -> None:
    for X in (np.eye(2), [[0.0, 0.0], [1.0, 0.0]], np.zeros((3, 4)), [[0.0], [0.0], [2.0]]):
        X = np.asarray(X)
        y = np.arange(len(X))
        ours = SVC().fit(scipy.sparse.csr_matrix(X), y)
        theirs = sklearn.svm.SVC(tol=1e-6).fit(scipy.sparse.csr_matrix(X), y)
        np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=2e-3)


def test_a_matrix_with_a_column_for_nearly_every_index() -> None:
    X, y = documents(n=60)
    wide = scipy.sparse.csr_matrix((X.data, X.indices.astype(np.int32) * 20_000_000, X.indptr), (60, 2**31 - 1))
    for kernel in ("linear", "rbf"):
        model = SVC(kernel=kernel, gamma=0.1).fit(wide, y)
        np.testing.assert_allclose(
            model.decision_function(wide), SVC(kernel=kernel, gamma=0.1).fit(X, y).decision_function(X), atol=1e-4
        )


def test_copies() -> None:
    X, y = documents(classes=3)
    model = SVC(kernel="linear").fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.decision_function(X) == model.decision_function(X)).all()
    assert (copy.coef_ != model.coef_).nnz == 0
    again = clone(model).fit(X.toarray(), y)
    assert isinstance(again.dual_coef_, np.ndarray)
    assert isinstance(model.fit(X.toarray(), y).support_vectors_, np.ndarray)
    assert cross_val_score(SVC(), X, y, cv=3).mean() > 0.4


@pytest.mark.skipif("sparse_interface" not in sklearn.get_config(), reason="scikit-learn 1.9 has this")
def test_attributes_are_sparse_arrays_on_request() -> None:
    X, y = documents()
    with sklearn.config_context(sparse_interface="sparray"):
        model = SVC().fit(X, y)
    assert isinstance(model.support_vectors_, scipy.sparse.csr_array)
    assert isinstance(model.dual_coef_, scipy.sparse.csr_array)
    assert model.predict(X).shape == y.shape


def test_refusals() -> None:
    X, y = documents()
    model = SVC().fit(X, y)
    with pytest.raises(ValueError, match="X has 79 features, but SVC is expecting 80 features as input"):
        model.predict(X[:, :79])
    bad = X.copy()
    bad.data[7] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict(bad)
    dense = SVC().fit(X.toarray(), y)
    for method in ("predict", "decision_function"):
        with pytest.raises(ValueError, match="cannot use sparse input in 'SVC' trained on dense data"):
            getattr(dense, method)(X)
    for spoil, words in [
        (lambda Z: Z.indices.__setitem__(5, 80), "column index 80, of 80 columns"),
        (lambda Z: Z.indices.__setitem__(5, -1), "column index -1, of 80 columns"),
        (lambda Z: Z.indptr.__setitem__(9, 2**30), "row pointers fall from 1073741824"),
    ]:
        bad = X.copy()
        spoil(bad)
        # A number for gamma: SciPy would read out of bounds to compute one.
        with pytest.raises(ValueError, match=words):
            SVC(gamma=0.1).fit(bad, y)
    huge = X.copy()
    huge.data *= 1e200
    with pytest.raises(ValueError, match=r"scale the data|large values"), np.errstate(all="ignore"):
        SVC().fit(huge, y)


PEAK = """
import resource, sys
import numpy as np, scipy.sparse
from dask_go.svm import SVC

n, d, nonzero = 6000, 60_000, 40
rng = np.random.default_rng(0)
X = scipy.sparse.csr_matrix((rng.random(n * nonzero), rng.integers(0, d, n * nonzero).astype(np.int32),
                             np.arange(n + 1, dtype=np.int32) * nonzero), (n, d))
y = rng.integers(0, 2, n)
model = SVC(kernel=sys.argv[1], gamma=0.1, cache_size=20)
model.fit(X[:200], y[:200]).predict(X[:200])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.fit(X, y).predict(X)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_memory_is_that_of_the_elements(kernel: str) -> None:
    run = subprocess.run([sys.executable, "-P", "-c", PEAK, kernel], check=True, capture_output=True, text=True)
    # 240,000 elements and 20 MB of kernel values; with its zeros X has 1.4 GB, or 2.9 GB.
    assert int(run.stdout) < 150_000
