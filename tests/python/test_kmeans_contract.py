"""KMeans under scikit-learn's own checks, and with bad input."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest
import sklearn.cluster
from sklearn.datasets import load_iris
from sklearn.utils.estimator_checks import parametrize_with_checks

from dask_go import _marshal
from dask_go._abi import ffi
from dask_go.cluster import KMeans, k_means, kmeans_plusplus

X = load_iris().data

# scikit-learn's own KMeans fails the same ones.
EXPECTED_FAILURES = {
    f"check_sample_weight_equivalence_on_{rows}_data": "draws pick other rows when rows are repeated"
    for rows in ("dense", "sparse")
}


def test_scikit_learn_expects_the_same_failures() -> None:
    instances = pytest.importorskip("sklearn.utils._test_common.instance_generator")
    assert set(instances.PER_ESTIMATOR_XFAIL_CHECKS[sklearn.cluster.KMeans]) == set(EXPECTED_FAILURES)


@parametrize_with_checks(
    [KMeans(), KMeans(algorithm="elkan", init="random")],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
)
# The checks cluster rows of which fewer differ than there are clusters, and set n_clusters to 1
# for any algorithm; scikit-learn's own estimator warns there, too.
@pytest.mark.filterwarnings("ignore:Number of distinct clusters:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:algorithm='elkan' doesn't make sense for a single cluster:RuntimeWarning")
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_defaults_are_scikit_learns() -> None:
    ours, theirs = KMeans().get_params(), sklearn.cluster.KMeans().get_params()
    assert ours.pop("init") == "auto"
    assert theirs.pop("init") == "k-means++"
    # dask-ml's.
    assert ours.pop("oversampling_factor") == 2
    assert ours.pop("init_max_iter") is None
    assert ours.pop("n_jobs") == ours.pop("precompute_distances") == "deprecated"
    # For dask collections.
    assert ours.pop("compute_labels") is False
    # For files.
    assert ours.pop("memory_limit") is ours.pop("labels_out") is None
    assert ours == theirs


def test_the_header_has_the_same_defaults() -> None:
    defaults = _marshal.params(
        "gocluster_kmeans_params", KMeans(), n_init=1, random_state=0, init=0, init_max_iter=0, memory_limit=0
    )
    fresh = ffi.new("gocluster_kmeans_params *")
    _marshal.call("gocluster_kmeans_params_init", fresh, ffi.sizeof("gocluster_kmeans_params"))
    for name, _ in ffi.typeof("gocluster_kmeans_params").fields:
        assert getattr(fresh, name) == getattr(defaults, name), name


def spoiled(value: float, dtype: Any = np.float64) -> Any:
    Z = X.astype(dtype)
    Z[7, 2] = value
    return Z


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_x_has_to_be_finite(value: float, dtype: Any) -> None:
    Z = spoiled(value, dtype)
    fitted = KMeans(3, random_state=0).fit(X)
    for use in [KMeans(3).fit, KMeans(3, init="random", n_init=60).fit, fitted.predict, fitted.transform, fitted.score]:
        with pytest.raises(ValueError, match=r"row 7, column 2 is NaN or infinite"):
            use(Z)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        kmeans_plusplus(Z, 3)


@pytest.mark.parametrize(
    "params, sentence",
    [
        ({"n_clusters": 0}, "n_clusters"),
        ({"n_clusters": 151}, "n_samples=150 should be >= n_clusters=151"),
        ({"max_iter": 0}, "max_iter"),
        ({"tol": -1.0}, "tol"),
        ({"n_init": 0}, "n_init"),
        ({"init": "k-means"}, "init"),
        ({"algorithm": "hamerly"}, "algorithm"),
        ({"oversampling_factor": 0}, "oversampling_factor"),
        ({"oversampling_factor": np.inf, "init": "k-means||"}, "oversampling_factor"),
        ({"init_max_iter": 0}, "init_max_iter"),
        ({"init": X[:2]}, r"initial centers \(2, 4\) does not match the number of clusters 3"),
        ({"init": X[:3, :3]}, r"initial centers \(3, 3\) does not match the number of features of the data 4"),
        ({"init": np.full((3, 4), np.nan)}, "NaN"),
        ({"init": lambda *_, **__: X[:2]}, "does not match the number of clusters"),
    ],
)
def test_bad_parameters(params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        KMeans(**{"n_clusters": 3, **params}).fit(X)


@pytest.mark.parametrize("weights", [np.zeros(150), -np.ones(150), np.ones(149), np.full(150, np.nan)])
def test_bad_weights(weights: Any) -> None:
    for use in (KMeans(3).fit, lambda X, sample_weight: kmeans_plusplus(X, 3, sample_weight=sample_weight)):
        with pytest.raises(ValueError, match=r"sample_weight|[Ww]eights"):
            use(X, sample_weight=weights)


def test_warnings() -> None:
    with pytest.warns(RuntimeWarning, match="performing only one init in KMeans instead of n_init=4"):
        KMeans(3, init=X[:3], n_init=4).fit(X)
    with pytest.warns(RuntimeWarning, match="single cluster"):
        KMeans(1, algorithm="elkan").fit(X)


def test_other_bad_calls() -> None:
    with pytest.raises(ValueError, match="n_samples=150 should be >= n_clusters=151"):
        kmeans_plusplus(X, 151)
    with pytest.raises(ValueError, match="x_squared_norms 3 should be equal"):
        kmeans_plusplus(X, 3, x_squared_norms=np.ones(3))
    with pytest.raises(ValueError, match="n_local_trials"):
        kmeans_plusplus(X, 3, n_local_trials=0)
    with pytest.raises(ValueError, match="4 features"):
        KMeans(3, random_state=0).fit(X).predict(X[:, :2])
    with pytest.raises(ValueError, match="n_clusters"):
        k_means(X, 0)


def test_ctrl_c_ends_a_fit() -> None:
    Z = np.random.RandomState(0).standard_normal((400_000, 30)).astype(np.float32)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            KMeans(300, init="random", n_init=50, max_iter=10_000, tol=0, random_state=0).fit(Z)
    finally:
        timer.cancel()
    # The library goes on working.
    assert KMeans(3, random_state=0).fit(X).n_iter_ > 0
