"""The examples of dask-ml's documentation, with `dask_go` in the place of `dask_ml` where they import from it.

`dask_ml.datasets` makes their data; here `da.random` does.
"""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
import pytest
import sklearn.datasets
from sklearn import datasets, svm

da = pytest.importorskip("dask.array")


def make_blobs(n_samples: int, chunks: int, centers: int) -> Any:
    parts = [
        sklearn.datasets.make_blobs(min(chunks, n_samples - at), centers=5.0 * np.eye(centers, 2), random_state=at)[0]
        for at in range(0, n_samples, chunks)
    ]
    return da.concatenate([da.from_array(part) for part in parts])


def make_classification(n_samples: int, chunks: int) -> tuple[Any, Any]:
    X, y = sklearn.datasets.make_classification(n_samples=n_samples, random_state=0)
    return da.from_array(X, chunks=(chunks, X.shape[1])), da.from_array(y, chunks=chunks)


def test_k_means() -> None:
    import dask_go.cluster

    X = make_blobs(n_samples=10000, chunks=1000, centers=3)
    X = X.persist()
    km = dask_go.cluster.KMeans(n_clusters=3, init_max_iter=2, oversampling_factor=10)
    km.fit(X)
    colours = km.labels_[::100]
    assert isinstance(km.labels_, da.Array)
    assert colours.compute().shape == (100,)
    assert km.cluster_centers_.shape == (3, 2)
    assert km.inertia_ / len(X) == pytest.approx(2, rel=0.1)
    # The last of its example notebooks goes on to this.
    np.testing.assert_array_equal(km.predict(X).compute(), km.labels_.compute())
    assert km.transform(X).compute().shape == (10000, 3)


def test_k_means_with_every_argument() -> None:
    from dask_go.cluster import KMeans

    arguments = {
        "n_clusters": 3,
        "init": "k-means||",
        "oversampling_factor": 2,
        "max_iter": 300,
        "tol": 0.0001,
        "precompute_distances": "auto",
        "random_state": 0,
        "copy_x": True,
        "n_jobs": 1,
        "algorithm": "full",
        "init_max_iter": None,
        "n_init": "auto",
    }
    with pytest.warns(FutureWarning) as record:
        model = KMeans(**arguments).fit(make_blobs(n_samples=1000, chunks=100, centers=3).persist())
    assert {
        word for word in ("n_jobs", "precompute_distances", "full") if word in str([w.message for w in record])
    } == {
        "n_jobs",
        "precompute_distances",
        "full",
    }
    for attribute in "cluster_centers_", "labels_", "inertia_", "n_iter_":
        assert hasattr(model, attribute)
    assert model.get_params().items() >= arguments.items()


def test_parallel_post_fit() -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    from dask_go.distributed import ParallelPostFit

    X, y = sklearn.datasets.make_classification(n_samples=1000, random_state=0)
    clf = ParallelPostFit(estimator=GradientBoostingClassifier(n_estimators=10), scoring="accuracy")
    clf.fit(X, y)
    np.testing.assert_array_equal(clf.classes_, [0, 1])
    X_big, y_big = make_classification(n_samples=10000, chunks=1000)
    predicted = clf.predict(X_big)
    assert isinstance(predicted, da.Array)
    assert predicted.chunks[0] == (1000,) * 10
    likely = clf.predict_proba(X_big).compute()
    np.testing.assert_allclose(likely[:10].sum(axis=1), 1)
    assert 0 <= clf.score(X_big, y_big) <= 1


def test_grid_search() -> None:
    import dask_go.model_selection as dcv

    iris = datasets.load_iris()
    parameters = {"kernel": ["linear", "rbf"], "C": [1, 10]}
    svc = svm.SVC()
    clf = dcv.GridSearchCV(svc, parameters)
    clf.fit(iris.data, iris.target)
    assert {"mean_fit_time", "mean_test_score", "param_C", "param_kernel", "params", "rank_test_score"} <= {
        *clf.cv_results_
    }


def test_randomized_search() -> None:
    from scipy.stats import expon

    import dask_go.model_selection as dcv

    iris = datasets.load_iris()
    parameters = {"C": expon(scale=100), "kernel": ["linear", "rbf"]}
    svc = svm.SVC()
    clf = dcv.RandomizedSearchCV(svc, parameters, n_iter=10, random_state=0)
    clf.fit(iris.data, iris.target)
    assert clf.best_score_ > 0.9


def test_joblib() -> None:
    distributed = pytest.importorskip("distributed")
    from sklearn.model_selection import RandomizedSearchCV

    from dask_go.svm import SVC

    digits = datasets.load_digits()
    X, y = digits.data[:300], digits.target[:300]
    param_space = {
        "C": np.logspace(-6, 6, 13),
        "gamma": np.logspace(-8, 8, 17),
        "tol": np.logspace(-4, -1, 4),
        "class_weight": [None, "balanced"],
    }
    search = RandomizedSearchCV(SVC(kernel="rbf"), param_space, cv=3, n_iter=5, verbose=0, random_state=0)
    with (
        distributed.Client(processes=False, dashboard_address=None),
        joblib.parallel_backend("dask", scatter=[X, y]),
    ):
        search.fit(X, y)
    assert len(search.cv_results_["params"]) == 5
