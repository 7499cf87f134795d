"""KMeans on sparse rows beside scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.cluster
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, make_blobs
from sklearn.utils.sparsefuncs import mean_variance_axis

from dask_go.cluster import KMeans, k_means, kmeans_plusplus


def random(n: int, d: int, density: float, seed: int) -> Any:
    return scipy.sparse.random(n, d, density=density, random_state=seed, format="csr")


def blobs(n: int, d: int, centers: int, seed: int) -> Any:
    X = make_blobs(n, d, centers=centers, random_state=seed)[0]
    X[np.abs(X) < 3] = 0
    return scipy.sparse.csr_matrix(X)


# Name: rows, number of clusters.
PROBLEMS: dict[str, tuple[Any, int]] = {
    "digits": (scipy.sparse.csr_matrix(load_digits().data), 10),
    "few elements": (random(900, 40, 0.05, 0), 6),
    "many features": (random(300, 5000, 0.01, 1), 7),
    "empty rows": (random(500, 12, 0.02, 2), 3),
    "csr_array": (scipy.sparse.csr_array(random(700, 30, 0.2, 3)), 12),
    "blobs": (blobs(1500, 20, 9, 4), 9),
    "one cluster": (random(90, 8, 0.3, 5), 1),
    "many clusters": (random(800, 60, 0.2, 6), 90),
}


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_same_seed_gives_the_same_clusters(name: str, weighted: bool, init: str) -> None:
    X, k = PROBLEMS[name]
    weights = np.random.RandomState(0).uniform(0.1, 3, X.shape[0]) if weighted else None
    ours, theirs = (
        estimator(k, init=init, random_state=3).fit(X, sample_weight=weights)
        for estimator in (KMeans, sklearn.cluster.KMeans)
    )
    assert_array_equal(ours.labels_, theirs.labels_)
    assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-12)
    assert_allclose(ours.inertia_, theirs.inertia_)
    assert ours.n_iter_ == theirs.n_iter_
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-6)
    assert_allclose(ours.score(X, sample_weight=weights), theirs.score(X, sample_weight=weights))


@pytest.mark.parametrize("name", PROBLEMS)
def test_sparse_is_as_dense(name: str) -> None:
    X, k = PROBLEMS[name]
    dense = KMeans(k, init=X[:k].toarray(), max_iter=20).fit(X.toarray())
    model = KMeans(k, init=X[:k].toarray(), max_iter=20).fit(X)
    assert_allclose(model.inertia_, dense.inertia_)
    assert_array_equal(model.labels_, dense.labels_)
    assert_array_equal(model.labels_, model.predict(X.toarray()))


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types(dtype: Any, index: Any) -> None:
    X, k = PROBLEMS["blobs"]
    X = X.astype(dtype)
    expected = KMeans(k, random_state=0).fit(X)
    X = scipy.sparse.csr_matrix((X.data, X.indices.astype(index), X.indptr.astype(index)), shape=X.shape)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    before = [part.copy() for part in (X.data, X.indices, X.indptr)]
    model = KMeans(k, random_state=0).fit(X)
    assert model.cluster_centers_.dtype == dtype
    assert model.transform(X).dtype == dtype
    assert_array_equal(model.labels_, expected.labels_)
    assert_array_equal(model.labels_, model.predict(X))
    for part, old in zip((X.data, X.indices, X.indptr), before, strict=True):
        assert_array_equal(part, old)
    assert_array_equal(KMeans(k, random_state=0).fit(X.tocsc()).labels_, model.labels_)


def test_columns_in_any_order_and_twice() -> None:
    X, k = PROBLEMS["digits"]
    data, indices, indptr = [], [], [0]
    rng = np.random.RandomState(1)
    for i in range(X.shape[0]):
        row = slice(X.indptr[i], X.indptr[i + 1])
        order = rng.permutation(row.stop - row.start)
        data += list(X.data[row][order] / 2) * 2
        indices += list(X.indices[row][order]) * 2
        indptr.append(len(data))
    twice = scipy.sparse.csr_matrix((data, indices, indptr), shape=X.shape)
    model, expected = KMeans(k, random_state=0).fit(twice), KMeans(k, random_state=0).fit(X)
    assert_array_equal(model.labels_, expected.labels_)
    assert_allclose(model.cluster_centers_, expected.cluster_centers_)


@pytest.mark.parametrize("weighted", [False, True])
def test_kmeans_plusplus(weighted: bool) -> None:
    X, k = PROBLEMS["csr_array"]
    weights = np.random.RandomState(2).randint(0, 3, X.shape[0]).astype(float) if weighted else None
    for seed in range(5):
        centers, rows = kmeans_plusplus(X, k, random_state=seed, sample_weight=weights)
        theirs, expected = sklearn.cluster.kmeans_plusplus(X, k, random_state=seed, sample_weight=weights)
        assert_array_equal(rows, expected)
        assert_allclose(centers, theirs)


def test_empty_clusters_and_callables() -> None:
    X, k = PROBLEMS["blobs"]
    far = np.full((k, X.shape[1]), 1e3)
    far[0] = X[0].toarray()
    for init in (far, lambda X, k, random_state: X[random_state.permutation(X.shape[0])[:k]].toarray()):
        ours, theirs = (
            estimator(k, init=init, n_init=1, random_state=0).fit(X) for estimator in (KMeans, sklearn.cluster.KMeans)
        )
        assert_array_equal(ours.labels_, theirs.labels_)
        assert ours.n_iter_ == theirs.n_iter_
        assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-12)


def test_the_other_doors() -> None:
    X, k = PROBLEMS["few elements"]
    centers, labels, inertia = k_means(X, k, random_state=0)
    model = KMeans(k, random_state=0)
    assert_array_equal(labels, model.fit_predict(X))
    assert inertia == model.inertia_
    assert_array_equal(centers, model.cluster_centers_)
    assert KMeans(k, init="k-means||", random_state=0).fit(X).inertia_ < 1.2 * inertia
    assert_array_equal(labels, KMeans(k, random_state=0).fit(np.asarray(X.toarray())).labels_)


def test_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    X, k = PROBLEMS["digits"]
    KMeans(k, random_state=0, verbose=1).fit(X)
    text = capsys.readouterr().out
    tol = mean_variance_axis(X, axis=0)[1].mean() * 1e-4
    assert "Initialization complete\nIteration 0, inertia " in text
    assert "strict convergence" in text or f"within tolerance {tol}" in text


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_x_has_to_be_finite(value: float) -> None:
    X = PROBLEMS["digits"][0].copy()
    X.data[5] = value
    with pytest.raises(ValueError, match=r"X.* row 0, column"):
        KMeans(3).fit(X)
