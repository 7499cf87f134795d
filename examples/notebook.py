"""scikit-learn in five minutes, on dask_go.

The first parts of a walk through Dask's scikit-learn notebook: create an estimator, fit it, look
at what it learned, score it, change a hyper-parameter; then search hyper-parameters in parallel, with
scikit-learn's own classes on the library's scheduler; the same on a cluster of Dask's, which runs on this machine;
and k-means on dask arrays, in memory and on disk. Every step says how long it took.

`--full` clusters the notebook's 500 blocks of 200,000 rows, 16 GB, instead of 5 blocks.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
import dask.array as da
import joblib
import numpy as np
import sklearn.svm
from dask.distributed import Client
from sklearn.datasets import make_blobs, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold

import dask_go
import dask_go.model_selection as dask_go_search
from dask_go.cluster import KMeans
from dask_go.svm import SVC


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print the name of a step and, after it, its time."""
    start = time.perf_counter()
    yield
    print(f"  {name:<58}{(time.perf_counter() - start) * 1e3:9.1f} ms")


def five_minutes() -> None:
    """Fit, inspect and score a support vector machine."""
    print("1. scikit-learn in 5 minutes")
    with step("make_classification(n_samples=10000, n_features=4)"):
        X, y = make_classification(n_samples=10000, n_features=4, random_state=0)

    estimator = SVC(random_state=0)
    with step(f"{estimator}.fit, first use: loads the library"):
        estimator.fit(X, y)
    with step(f"{estimator}.fit again"):
        estimator.fit(X, y)

    print("  learned attributes:")
    print(f"    support_vectors_[:4] = {estimator.support_vectors_[:4].round(4).tolist()}")
    print(f"    n_support_ = {estimator.n_support_.tolist()} of {len(X)} rows")
    print(f"    dual_coef_ {estimator.dual_coef_.shape}, intercept_ = {estimator.intercept_.round(4).tolist()}")
    print(f"    classes_ = {estimator.classes_.tolist()}, n_iter_ = {estimator.n_iter_.tolist()}")

    with step("score"):
        score = estimator.score(X, y)
    print(f"  accuracy {score:.4f}")
    assert round(score, 3) == 0.905

    estimator = SVC(C=0.00001, shrinking=False, random_state=0)
    with step(f"{estimator}.fit"):
        estimator.fit(X, y)
    with step("score"):
        score = estimator.score(X, y)
    print(f"  accuracy {score:.4f}")
    assert round(score, 4) == 0.5007

    print("  the grid's kernels, with probabilities:")
    for kernel in ("rbf", "poly", "linear"):
        estimator = SVC(C=10, kernel=kernel, gamma="auto", probability=True, random_state=0)
        with step(f"{kernel}: fit, and five more without a fifth of the rows"):
            estimator.fit(X, y)
        with step(f"{kernel}: predict_proba"):
            probabilities = estimator.predict_proba(X)
        of_the_class = probabilities[np.arange(len(X)), y]
        print(f"    {probabilities[:2].round(3).tolist()}, of the true class {of_the_class.mean():.3f} on average")
        assert of_the_class.mean() > 0.7


def single_machine_parallelism() -> None:
    """Run scikit-learn's own parallel code on the library's scheduler."""
    print("2. single-machine parallelism, by joblib's backend 'gocluster'")
    X, y = make_classification(n_samples=1000, n_features=4, random_state=0)
    search = GridSearchCV(SVC(random_state=0), {"C": [0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0]}, cv=5)
    forest = RandomForestClassifier(100, random_state=0)

    with step("GridSearchCV of dask_go's SVC, sequential"):
        search.fit(X, y)
    expected = search.cv_results_["mean_test_score"]
    with step("RandomForestClassifier, sequential"):
        forest.fit(X, y)
    probabilities = forest.predict_proba(X)

    with joblib.parallel_config(backend="gocluster", n_jobs=-1):
        with step(f"GridSearchCV, {dask_go.get_num_threads()} threads"):
            search.fit(X, y)
        with step(f"RandomForestClassifier, {dask_go.get_num_threads()} threads"):
            forest.fit(X, y)
    print(f"  best C {search.best_params_['C']}, accuracy {search.best_score_:.4f}; forest {forest.score(X, y):.4f}")
    assert np.array_equal(search.cv_results_["mean_test_score"], expected)
    assert np.array_equal(forest.predict_proba(X), probabilities)

    # Code that holds the interpreter lock runs in processes, which read the data in memory that they share.
    with (
        joblib.parallel_config(backend="gocluster", workers="processes", n_jobs=-1),
        step(f"GridSearchCV, {dask_go.get_num_threads()} processes"),
    ):
        search.fit(X, y)
    assert np.array_equal(search.cv_results_["mean_test_score"], expected)


def hyperparameter_search() -> None:
    """Search hyper-parameters with shared work: the notebook's two grids."""
    print("3. hyper-parameters, by dask_go.model_selection.GridSearchCV")
    X, y = make_classification(n_samples=10000, n_features=4, random_state=0)
    estimator = SVC(gamma="auto", random_state=0, probability=True)

    grid: dict[str, list[Any]] = {"C": [0.001, 10.0], "kernel": ["rbf", "poly"]}
    for n_jobs in (None, -1):
        small = dask_go_search.GridSearchCV(estimator, grid, verbose=2, cv=2, n_jobs=n_jobs)
        with step(f"the small grid, n_jobs={n_jobs}"):
            small.fit(X, y)
        print(f"  {small.search_plan_}; best {small.best_params_}, accuracy {small.best_score_:.4f}")

    grid = {"C": [0.001, 0.1, 1.0, 2.5, 5, 10.0], "kernel": ["rbf", "poly", "linear"], "shrinking": [True, False]}
    large = dask_go_search.GridSearchCV(estimator, grid, cv=5, n_jobs=-1)
    start = time.perf_counter()
    with step("the large grid, 180 fits and the last one with all rows"):
        large.fit(X, y)
    ours = time.perf_counter() - start
    print(f"  {large.search_plan_}")
    print(f"  best_params_ {large.best_params_}, best_score_ {large.best_score_:.4f}")
    assert large.best_params_["C"] == 10.0
    assert large.best_params_["kernel"] == "rbf"
    assert round(large.best_score_, 4) == 0.9119

    # What the search is not asked for it does not compute: its scores need no probabilities, and only
    # the best estimator has them. scikit-learn computes them for every fit.
    train = next(iter(StratifiedKFold(5).split(X, y)))[0]
    start = time.perf_counter()
    with step("one of the fits by scikit-learn, C=1.0, rbf"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of `probability`
        sklearn.svm.SVC(gamma="auto", random_state=0, probability=True).fit(X[train], y[train])
    theirs = 180 * (time.perf_counter() - start)
    print(f"  180 of them, one after the other: {theirs:.0f} s, {theirs / ours:.0f} times as long")


def multi_machine_parallelism() -> None:
    """Search on a cluster, for another one pass its address: Client("tcp://my.scheduler.address:8786")."""
    print("4. multi-machine parallelism with Dask")
    X, y = make_classification(n_samples=2000, n_features=4, random_state=0)
    estimator = SVC(gamma="auto", random_state=0)
    grid = {"C": [0.001, 0.1, 1.0, 2.5, 5, 10.0], "kernel": ["rbf", "poly", "linear"], "shrinking": [True, False]}
    search = dask_go_search.GridSearchCV(estimator, grid, cv=5, n_jobs=-1)
    with step("the same grid, 180 fits on two workers"), joblib.parallel_backend("dask", scatter=[X, y]):
        search.fit(X, y)
    print(f"  best_params_ {search.best_params_}, best_score_ {search.best_score_:.4f}")


def large_datasets(n_blocks: int) -> None:
    """Cluster a dask array that is made on the workers, block by block."""
    print("5. training on large datasets")
    n_centers, n_features, n_samples_per_block = 12, 20, 200_000
    X_small, y_small = make_blobs(n_samples=1000, centers=n_centers, n_features=n_features, random_state=0)
    centers = np.array([X_small[y_small == i].mean(0) for i in range(n_centers)])
    delayeds = [
        dask.delayed(make_blobs)(n_samples=n_samples_per_block, centers=centers, n_features=n_features, random_state=i)[
            0
        ]
        for i in range(n_blocks)
    ]
    arrays = [da.from_delayed(obj, shape=(n_samples_per_block, n_features), dtype=float) for obj in delayeds]
    X = da.concatenate(arrays)
    print(f"  {X.nbytes / 1e9:.2f} GB in {n_blocks} blocks")
    with step("persist"):
        X = X.persist()
        X[-1].compute()
    clf = KMeans(n_centers, init_max_iter=3, oversampling_factor=10, random_state=0)
    with step(f"{clf}.fit"):
        clf.fit(X)
    with step("labels_[:10].compute()"):
        labels = clf.labels_[:10].compute()
    print(
        f"  {clf.labels_}\n  {labels.tolist()} ...; n_iter_ {clf.n_iter_}, inertia_ a row {clf.inertia_ / len(X):.3f}"
    )
    # Each blob has unit variance in 20 dimensions.
    assert abs(clf.inertia_ / len(X) - n_features) < 0.1


def data_on_disk() -> None:
    """Cluster blocks that are read from disk in every pass, and never in memory all at once."""
    print("6. blocks on disk")
    rows = da.from_array(make_blobs(100_000, 20, centers=12, random_state=0)[0], chunks=(20_000, 20))
    with tempfile.TemporaryDirectory() as folder:
        da.to_npy_stack(folder, rows)
        X = da.from_npy_stack(folder)  # or da.from_zarr
        clf = KMeans(12, random_state=0, compute_labels=True)
        with step(f"{clf}.fit of .npy files"), warnings.catch_warnings():
            warnings.simplefilter("ignore", da.PerformanceWarning)  # that every pass reads them again
            clf.fit(X)
        print(f"  {np.bincount(clf.labels_).tolist()} rows in each cluster")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="cluster 100 million rows, 16 GB")
    full = parser.parse_args().full
    five_minutes()
    single_machine_parallelism()
    hyperparameter_search()
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
        multi_machine_parallelism()
        large_datasets(500 if full else 5)
        data_on_disk()
