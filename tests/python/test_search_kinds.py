"""Searches over data that are not arrays of features: sparse rows, texts, kernel matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.model_selection as sk
import sklearn.svm
from scipy import sparse
from sklearn.exceptions import FitFailedWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from dask_go.model_selection import GridSearchCV, cross_validate
from dask_go.svm import SVC

TIGHT = 1e-6
CS = [0.1, 1.0, 10.0]


def codes(n: int = 180) -> tuple[np.ndarray, np.ndarray]:
    """Categorical columns and three classes that they tell apart, more or less."""
    rng = np.random.default_rng(5)
    X = rng.integers(0, 6, (n, 8))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.integers(0, 9, n)) // 11
    return X, np.array(["few", "some", "many", "most"])[np.minimum(y, 2)]


def documents() -> tuple[list[str], np.ndarray]:
    X, y = codes(120)
    return [" ".join(f"w{k}x{v}" for k, v in enumerate(row)) for row in X], y


def rows(kind: Any, dtype: Any = np.float64) -> tuple[Any, np.ndarray]:
    X, y = codes()
    return kind(OneHotEncoder().fit_transform(X).astype(dtype)), y


def same_scores(ours: Any, theirs: Any, n: int, atol: float = 2e-3) -> None:
    for k in range(theirs.n_splits_):
        key = f"split{k}_test_score"
        assert np.abs(ours.cv_results_[key] - theirs.cv_results_[key]).max() <= 1.01 * theirs.n_splits_ / n
    means = "mean_test_score"
    assert np.abs(ours.cv_results_[means] - theirs.cv_results_[means]).max() <= atol
    assert theirs.cv_results_[means][ours.best_index_] >= theirs.best_score_ - atol


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_rows(kind: Any, dtype: Any) -> None:
    X, y = rows(kind, dtype)
    grid = [
        {"C": CS, "gamma": ["scale", 0.05]},
        {"C": CS, "kernel": ["linear"], "class_weight": [None, "balanced"]},
        {"C": [1.0], "kernel": ["poly"], "coef0": [1.0], "degree": [2]},
    ]
    ours = GridSearchCV(SVC(tol=TIGHT), grid, cv=3, return_train_score=True).fit(X, y)
    theirs = sk.GridSearchCV(sklearn.svm.SVC(tol=TIGHT), grid, cv=3, return_train_score=True).fit(X, y)
    assert ours.search_plan_.shared == ours.search_plan_.fits == 39
    same_scores(ours, theirs, len(y))
    assert sparse.issparse(ours.best_estimator_.support_vectors_)


def test_scorers_of_sparse_rows() -> None:
    X, y = rows(sparse.csr_matrix)
    seen: list[Any] = []

    def scorer(estimator: Any, X_test: Any, y_test: np.ndarray) -> float:
        seen.append((estimator.decision_function(X_test), estimator.decision_function(-X_test), estimator.n_support_))
        return float(np.mean(estimator.predict(X_test) == y_test))

    splits = list(sk.StratifiedKFold(3).split(X, y))
    found = cross_validate(SVC(tol=TIGHT), X, y, cv=splits, scoring=scorer)
    assert len(found["test_score"]) == len(seen) == 3
    for (at_hand, turned, counts), (train, test) in zip(seen, splits, strict=True):
        alone = SVC(tol=TIGHT).fit(X[train], y[train])
        assert np.allclose(at_hand, alone.decision_function(X[test]), atol=1e-3)
        assert np.array_equal(turned, alone.decision_function(-X[test]))
        assert np.array_equal(counts, alone.n_support_)


@pytest.mark.parametrize("first", [TfidfVectorizer(), TfidfVectorizer(max_features=9)])
def test_texts(first: Any) -> None:
    X, y = documents()
    grid = {"svc__C": CS, "svc__kernel": ["linear", "rbf"]}
    ours = GridSearchCV(make_pipeline(first, SVC(tol=TIGHT)), grid, cv=3).fit(X, y)
    theirs = sk.GridSearchCV(make_pipeline(first, sklearn.svm.SVC(tol=TIGHT)), grid, cv=3).fit(X, y)
    assert ours.search_plan_.shared == 18
    same_scores(ours, theirs, len(y), atol=0.01)
    assert np.mean(ours.predict(X) == theirs.predict(X)) > 0.98 or ours.best_index_ != theirs.best_index_


def test_one_step_gives_sparse_rows_and_another_does_not() -> None:
    X, y = codes()
    grid = {"onehotencoder__sparse_output": [True, False], "svc__C": CS}
    search = GridSearchCV(make_pipeline(OneHotEncoder(), SVC(tol=TIGHT)), grid, cv=3).fit(X, y)
    assert search.search_plan_.shared == 18
    means = search.cv_results_["mean_test_score"]
    assert np.abs(means[:3] - means[3:]).max() <= 2e-3


def kernel_matrix() -> tuple[np.ndarray, np.ndarray]:
    X, y = rows(sparse.csr_matrix)
    return rbf_kernel(X.toarray(), gamma=0.1), y


@pytest.mark.filterwarnings("ignore:The `probability` parameter was deprecated:FutureWarning")
def test_kernel_matrices() -> None:
    K, y = kernel_matrix()
    options: dict[str, Any] = {"cv": 3, "scoring": ["accuracy", "roc_auc_ovr"], "refit": "accuracy"}
    grid = {"C": CS, "class_weight": [None, "balanced"]}
    params: dict[str, Any] = {"kernel": "precomputed", "tol": TIGHT, "probability": True, "random_state": 0}
    ours = GridSearchCV(SVC(**params), grid, return_train_score=True, **options).fit(K, y)
    theirs = sk.GridSearchCV(sklearn.svm.SVC(**params), grid, return_train_score=True, **options).fit(K, y)
    assert ours.search_plan_.shared == 18
    for key in ("mean_test_accuracy", "mean_train_accuracy", "mean_test_roc_auc_ovr"):
        assert np.abs(ours.cv_results_[key] - theirs.cv_results_[key]).max() <= 5e-3, key
    assert ours.best_estimator_.n_features_in_ == len(y)
    assert np.mean(ours.predict(K) == theirs.predict(K)) > 0.99


def test_scorers_of_kernel_matrices() -> None:
    K, y = kernel_matrix()
    splits = list(sk.StratifiedKFold(2).split(K, y))
    seen: list[Any] = []

    def scorer(estimator: Any, K_test: np.ndarray, _: np.ndarray) -> float:
        seen.append((estimator.decision_function(K_test), estimator.predict(K_test / 2), estimator.shape_fit_))
        assert estimator.n_features_in_ == K_test.shape[1]
        return 0.0

    cross_validate(SVC(kernel="precomputed", tol=TIGHT), K, y, cv=splits, scoring=scorer)
    for (at_hand, halved, shape), (train, test) in zip(seen, splits, strict=True):
        alone = SVC(kernel="precomputed", tol=TIGHT).fit(K[np.ix_(train, train)], y[train])
        assert np.allclose(at_hand, alone.decision_function(K[np.ix_(test, train)]), atol=1e-3)
        assert np.array_equal(halved, alone.predict(K[np.ix_(test, train)] / 2))
        assert shape == (len(train), len(train))


def test_a_matrix_that_is_no_kernel_matrix() -> None:
    K, y = kernel_matrix()
    K[3, 5] += 0.25
    ours = GridSearchCV(SVC(kernel="precomputed", tol=TIGHT), {"C": CS}, cv=3).fit(K, y)
    theirs = sk.GridSearchCV(sklearn.svm.SVC(kernel="precomputed", tol=TIGHT), {"C": CS}, cv=3).fit(K, y)
    assert ours.search_plan_.reasons == {"X is not a symmetric kernel matrix": 9}
    same_scores(ours, theirs, len(y))
    for model, class_ in (
        (SVC(kernel="precomputed"), GridSearchCV),
        (sklearn.svm.SVC(kernel="precomputed"), sk.GridSearchCV),
    ):
        with pytest.raises(ValueError, match="square"):
            class_(model, {"C": CS}, error_score="raise").fit(K[:, :50], y)


def test_a_kernel_and_a_matrix_in_one_grid() -> None:
    K, y = kernel_matrix()
    grid = {"kernel": ["precomputed", "rbf"], "C": CS}
    ours = GridSearchCV(SVC(tol=TIGHT), grid, cv=3).fit(K, y)
    theirs = sk.GridSearchCV(sklearn.svm.SVC(tol=TIGHT), grid, cv=3).fit(K, y)
    assert ours.search_plan_.shared == 18
    same_scores(ours, theirs, len(y))


def test_callable_kernels_run_one_by_one() -> None:
    X, y = codes(60)
    ours = GridSearchCV(SVC(kernel=rbf_kernel), {"C": CS}, cv=2).fit(X, y)
    assert ours.search_plan_.reasons == {"a callable kernel may see no other rows than those of its fit": 6}


def test_a_candidate_whose_kernel_overflows_fails_alone() -> None:
    X, y = codes()
    grid = {"kernel": ["poly"], "degree": [2, 60], "gamma": [100.0]}
    with pytest.warns(FitFailedWarning, match="3 fits failed"), pytest.warns(UserWarning, match="non-finite"):
        search = GridSearchCV(SVC(C=1e-6), grid, cv=3).fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    assert next(iter(search.search_plan_.reasons)).startswith("not possible together: ")
