"""KMeans beside scikit-learn's, and before a judge that knows neither."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.cluster
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine, make_blobs, make_moons
from sklearn.exceptions import ConvergenceWarning

import dask_go
from dask_go.cluster import KMeans, k_means, kmeans_plusplus


def blobs(n: int, d: int, centers: int, std: float, seed: int) -> Any:
    return make_blobs(n, d, centers=centers, cluster_std=std, random_state=seed)[0]


# Name: rows, number of clusters.
PROBLEMS: dict[str, tuple[Any, int]] = {
    "iris": (load_iris().data, 3),
    "wine": (load_wine().data, 5),
    "digits": (load_digits().data, 10),
    # Integers tie, and then rounding decides: a little noise.
    "digits, many clusters": (load_digits().data + np.random.RandomState(0).normal(scale=0.01, size=(1797, 64)), 150),
    "moons": (make_moons(700, noise=0.1, random_state=0)[0], 9),
    "line": (blobs(500, 1, 5, 2.0, 1), 7),
    "wide": (blobs(60, 3000, 4, 3.0, 2), 6),
    "one cluster": (blobs(80, 3, 2, 1.0, 3), 1),
    "a cluster for each row": (blobs(40, 3, 2, 1.0, 4), 40),
    "far from the origin": (blobs(600, 4, 6, 1.0, 5) + 1e6, 6),
    "small numbers": (blobs(600, 4, 6, 1.0, 5) * 1e-12, 6),
    "uneven scales": (blobs(600, 5, 6, 3.0, 6) * [1, 1e-3, 1e3, 1, 10], 8),
    "noise": (np.random.RandomState(7).uniform(size=(2000, 8)), 20),
    "heavy tails": (np.random.RandomState(8).standard_t(2, size=(1500, 3)), 15),
    **{f"blobs {i}": (blobs(300 + 211 * i, 2 + 7 * i, 3 + i, 1.0 + i, 10 + i), 2 + 5 * i) for i in range(12)},
}


@pytest.fixture(params=PROBLEMS)
def problem(request: pytest.FixtureRequest) -> tuple[Any, int]:
    return PROBLEMS[request.param]


def judge(model: KMeans, X: Any, weights: Any = None) -> None:
    """Check what defines a result: nearest centres, and the inertia that they give."""
    X = np.asarray(X, dtype=np.float64)
    centers = model.cluster_centers_.astype(np.float64)
    squares = ((X[:, None, :] - centers[None]) ** 2).sum(axis=2) if X.size * len(centers) < 1e8 else None
    if squares is None:
        return
    own = squares[np.arange(len(X)), model.labels_]
    assert (own <= squares.min(axis=1) * (1 + 1e-9)).all()
    assert_allclose(model.inertia_, own.sum() if weights is None else own @ weights, rtol=1e-9)


def agree(ours: KMeans, theirs: Any) -> None:
    assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.n_iter_ == theirs.n_iter_
    scale = np.abs(theirs.cluster_centers_).max()
    assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-9, atol=1e-9 * scale)
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-6, atol=1e-9 * scale)


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_the_same_seed_gives_the_same_clusters(problem: tuple[Any, int], init: str) -> None:
    X, k = problem
    params: dict[str, Any] = {"n_clusters": k, "init": init, "n_init": 2, "random_state": 0}
    ours = KMeans(**params).fit(X)
    agree(ours, sklearn.cluster.KMeans(**params).fit(X))
    judge(ours, X)


@pytest.mark.parametrize("name", ["iris", "digits", "moons", "uneven scales", "blobs 5"])
def test_weights(name: str) -> None:
    X, k = PROBLEMS[name]
    weights = np.random.RandomState(0).uniform(size=len(X))
    weights[::7] = 0
    ours = KMeans(k, random_state=3).fit(X, sample_weight=weights)
    agree(ours, sklearn.cluster.KMeans(k, random_state=3).fit(X, sample_weight=weights))
    judge(ours, X, weights)
    assert_allclose(ours.score(X, sample_weight=weights), -ours.inertia_)


def test_whole_weights_are_repetitions() -> None:
    X, k = PROBLEMS["blobs 3"]
    times = np.random.RandomState(0).randint(1, 4, size=len(X))
    start = X[:k]
    weighted = KMeans(k, init=start).fit(X, sample_weight=times)
    repeated = KMeans(k, init=start).fit(np.repeat(X, times, axis=0))
    assert_array_equal(np.repeat(weighted.labels_, times), repeated.labels_)
    assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_)
    assert_allclose(weighted.inertia_, repeated.inertia_)


def test_float32(problem: tuple[Any, int]) -> None:
    X, k = problem
    X = X.astype(np.float32)
    ours = KMeans(k, random_state=0, init=X[np.linspace(0, len(X) - 1, k).astype(int)], tol=0, max_iter=500).fit(X)
    assert ours.cluster_centers_.dtype == np.float32
    assert ours.labels_.dtype == np.int32
    judge(ours, X)
    assert_array_equal(ours.predict(X), ours.labels_)
    # The centres are the means of their rows.
    for j in np.unique(ours.labels_):
        mean = X[ours.labels_ == j].astype(np.float64).mean(axis=0)
        assert_allclose(ours.cluster_centers_[j], mean, rtol=3e-7, atol=1e-12)


def test_seeds_in_float32_are_as_good() -> None:
    X, k = PROBLEMS["digits"]
    X = X.astype(np.float32)
    ours = [KMeans(k, random_state=seed).fit(X).inertia_ for seed in range(8)]
    theirs = [sklearn.cluster.KMeans(k, random_state=seed).fit(X).inertia_ for seed in range(8)]
    assert np.mean(ours) < 1.03 * np.mean(theirs)


def test_float32_far_from_the_origin() -> None:
    X = (blobs(500, 3, 4, 100.0, 0) * 100 + 1e8).astype(np.float32)
    ours = KMeans(4, random_state=0).fit(X)
    judge(ours, X)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["digits", "noise", "heavy tails", "blobs 7", "one cluster", "a cluster for each row"])
def test_scalable_starts_are_as_good(name: str, dtype: Any) -> None:
    X, k = PROBLEMS[name]
    X = X.astype(dtype)
    ours = [KMeans(k, init="k-means||", random_state=seed).fit(X) for seed in range(5)]
    for model in ours:
        judge(model, X)
    greedy = [KMeans(k, random_state=seed).fit(X).inertia_ for seed in range(5)]
    # They are better for most data; the mean of five varies by a few per cent.
    assert np.mean([model.inertia_ for model in ours]) <= 1.1 * np.mean(greedy)
    again = KMeans(k, init="k-means||", random_state=2).fit(X)
    assert_array_equal(again.labels_, ours[2].labels_)
    assert_array_equal(again.cluster_centers_, ours[2].cluster_centers_)


def test_scalable_takes_weights_runs_and_parameters() -> None:
    X, k = PROBLEMS["blobs 4"]
    weights = np.random.RandomState(0).uniform(size=len(X))
    weights[X[:, 0] > np.median(X[:, 0])] = 0
    for params in [{"n_init": 3}, {"init_max_iter": 1, "oversampling_factor": 0.1}, {"init_max_iter": 9}]:
        ours = KMeans(k, init="k-means||", random_state=0, **params).fit(X, sample_weight=weights)
        judge(ours, X, weights)
        kept = KMeans(k, init="k-means||", random_state=0, **params).fit(X[weights > 0])
        assert ours.inertia_ < 3 * kept.inertia_


@pytest.mark.parametrize("k", [1, 2, 5, 30])
@pytest.mark.parametrize("weighted", [False, True])
def test_kmeans_plusplus(k: int, weighted: bool) -> None:
    X, _ = PROBLEMS["blobs 4"]
    weights = np.random.RandomState(1).uniform(size=len(X)) if weighted else None
    for trials in [None, 1, 23]:
        for seed in range(2):
            ours = kmeans_plusplus(X, k, sample_weight=weights, random_state=seed, n_local_trials=trials)
            theirs = sklearn.cluster.kmeans_plusplus(
                X, k, sample_weight=weights, random_state=seed, n_local_trials=trials
            )
            assert_array_equal(ours[1], theirs[1])
            assert_array_equal(ours[0], theirs[0])


@pytest.mark.parametrize("init", ["k-means++", "random", "callable"])
def test_a_shared_generator_moves_on_as_in_scikit_learn(init: Any) -> None:
    X, k = PROBLEMS["blobs 2"]

    def start(X: Any, n_clusters: int, random_state: Any) -> Any:
        return X[random_state.permutation(len(X))[:n_clusters]]

    init = start if init == "callable" else init
    ours, theirs = np.random.RandomState(5), np.random.RandomState(5)
    for _ in range(2):
        a = KMeans(k, init=init, random_state=ours, n_init=3).fit(X)
        b = sklearn.cluster.KMeans(k, init=init, random_state=theirs, n_init=3).fit(X)
        agree(a, b)
        assert ours.randint(2**30) == theirs.randint(2**30)


def test_transform_and_predict(problem: tuple[Any, int]) -> None:
    X, k = problem
    ours = KMeans(k, random_state=0, max_iter=3).fit(X)
    other = X[::-1][: len(X) // 2] * 1.01
    expected = np.sqrt(((other[:, None] - ours.cluster_centers_[None]) ** 2).sum(axis=2)) if X.size < 2e5 else None
    if expected is not None:
        assert_allclose(ours.transform(other), expected, rtol=1e-6, atol=1e-300)
        own = expected[np.arange(len(other)), ours.predict(other)]
        assert (own <= expected.min(axis=1) * (1 + 1e-9)).all()
    assert_allclose(ours.fit_transform(X), ours.transform(X))
    assert_array_equal(ours.fit_predict(X), ours.labels_)
    assert ours.transform(X.astype(np.float32)).dtype == np.float64
    assert list(ours.get_feature_names_out()) == [f"kmeans{i}" for i in range(k)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "view",
    [
        lambda X: X[::2],
        lambda X: X[::-1],
        lambda X: X[:, ::-1],
        lambda X: X[:, 3:20],
        np.asfortranarray,
        lambda X: np.broadcast_to(X[:1], (7, X.shape[1])).copy()[:3],
        lambda X: np.concatenate([X] * 2)[:, :1],
    ],
)
def test_strides(view: Any, dtype: Any) -> None:
    X = view(load_digits().data.astype(dtype))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours, contiguous = (KMeans(3, random_state=0).fit(Z) for Z in (X, np.ascontiguousarray(X)))
    assert_array_equal(ours.labels_, contiguous.labels_)
    assert_array_equal(ours.cluster_centers_, contiguous.cluster_centers_)
    assert_array_equal(ours.transform(X), contiguous.transform(np.ascontiguousarray(X)))


def test_x_is_never_written() -> None:
    X = load_iris().data.copy()
    before = X.copy()
    X.flags.writeable = False
    KMeans(3, copy_x=False, random_state=0).fit(X)
    assert_array_equal(X, before)


@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.uint8])
def test_other_types_are_converted(dtype: Any) -> None:
    X = load_digits().data.astype(dtype)
    agree(KMeans(5, random_state=0).fit(X), sklearn.cluster.KMeans(5, random_state=0).fit(X))


def test_fewer_different_rows_than_clusters() -> None:
    X = np.repeat(np.array([[0.0, 1.0], [5.0, 5.0], [9.0, 0.0]]), 4, axis=0)
    with pytest.warns(
        ConvergenceWarning, match=r"Number of distinct clusters \(3\) found smaller than n_clusters \(5\)"
    ):
        ours = KMeans(5, random_state=0).fit(X)
    assert ours.inertia_ == 0
    assert len(set(ours.labels_)) == 3


def test_an_empty_cluster_moves_to_the_farthest_row() -> None:
    X, _ = PROBLEMS["blobs 1"]
    start = np.vstack([X[:3], [[1e4] * X.shape[1]]])
    agree(KMeans(4, init=start).fit(X), sklearn.cluster.KMeans(4, init=start).fit(X))


def test_nothing_depends_on_the_number_of_threads() -> None:
    X, k = blobs(30_000, 6, 9, 2.0, 0).astype(np.float32), 12
    previous = dask_go.get_num_threads()
    try:
        results = []
        for threads in [1, 2, 5]:
            dask_go.set_num_threads(threads)
            results.append(KMeans(k, random_state=0, n_init=2).fit(X))
    finally:
        dask_go.set_num_threads(previous)
    for other in results[1:]:
        assert_array_equal(other.labels_, results[0].labels_)
        assert_array_equal(other.cluster_centers_, results[0].cluster_centers_)
        assert other.inertia_ == results[0].inertia_


def test_invariance() -> None:
    X, k = PROBLEMS["blobs 6"]
    base = KMeans(k, init=X[:k]).fit(X)
    moved = KMeans(k, init=X[:k] + 100).fit(X + 100)
    assert_array_equal(moved.labels_, base.labels_)
    order = np.random.RandomState(0).permutation(len(X))
    permuted = KMeans(k, init=X[:k]).fit(X[order])
    assert_array_equal(permuted.labels_, base.labels_[order])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_thousands_of_clusters(dtype: Any) -> None:
    X = np.random.RandomState(3).uniform(size=(12000, 3)).astype(dtype)
    params: dict[str, Any] = {"n_clusters": 5000, "init": X[:5000], "max_iter": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours, theirs = KMeans(**params).fit(X), sklearn.cluster.KMeans(**params).fit(X)
    centers = ours.cluster_centers_.astype(np.float64)
    squares = ((X[::17, None, :].astype(np.float64) - centers) ** 2).sum(axis=2)
    assert_array_equal(squares.argmin(axis=1), ours.labels_[::17])
    if dtype is np.float64:
        assert_array_equal(ours.labels_, theirs.labels_)
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-4)


def lines(text: str) -> list[tuple[str, ...]]:
    """Split lines into words, with numbers to eight digits."""

    def short(word: str) -> str:
        try:
            return f"{float(word.rstrip('.')):.8g}" + "." * word.endswith(".") if "." in word else word
        except ValueError:
            return word

    return [tuple(map(short, line.split())) for line in text.splitlines()]


@pytest.mark.parametrize(
    "params",
    [
        {"n_init": 3},
        {"algorithm": "elkan"},
        {"max_iter": 2},
        {"tol": 0.01, "init": "random", "n_init": 2},
    ],
)
def test_verbose(params: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    X, k = PROBLEMS["blobs 7"]
    KMeans(k, verbose=1, random_state=0, **params).fit(X)
    ours = capsys.readouterr().out
    sklearn.cluster.KMeans(k, verbose=1, random_state=0, **params).fit(X)
    assert lines(ours) == lines(capsys.readouterr().out)


def test_k_means() -> None:
    X, k = PROBLEMS["blobs 1"]
    model = KMeans(k, random_state=0).fit(X)
    centers, labels, inertia, n_iter = k_means(X, k, random_state=0, return_n_iter=True)
    assert_array_equal(centers, model.cluster_centers_)
    assert_array_equal(labels, model.labels_)
    assert (inertia, n_iter) == (model.inertia_, model.n_iter_)
    assert len(k_means(X, k, random_state=0)) == 3


def test_a_fitted_model_is_plain() -> None:
    X, k = PROBLEMS["iris"]
    model = KMeans(k, random_state=0).fit(X)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.labels_)
    assert not hasattr(clone(model), "labels_")
