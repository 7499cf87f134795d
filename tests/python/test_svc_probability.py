"""Probabilities: libsvm's folds, so scikit-learn's sigmoids, as closely as its own tolerance lets them be."""

from __future__ import annotations

import pickle
import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest
import sklearn.svm
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss

from dask_go.svm import SVC

pytestmark = pytest.mark.filterwarnings("ignore:The `probability` parameter was deprecated:FutureWarning")


def _two() -> tuple[np.ndarray, np.ndarray]:
    return make_classification(300, 6, flip_y=0.2, random_state=1)


def _many_features() -> tuple[np.ndarray, np.ndarray]:
    return make_classification(900, 20, flip_y=0.1, random_state=2)


def _unbalanced() -> tuple[np.ndarray, np.ndarray]:
    return make_classification(700, 4, weights=[0.96], flip_y=0.02, random_state=3)


def _three_names() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(X))
    return X[order] + rng.normal(scale=0.2, size=X.shape), np.array(["rat", "cow", "ape"])[y[order]]


def _ten() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(return_X_y=True)
    return X[:500], y[:500]


CASES: list[tuple[Any, dict[str, Any]]] = [
    (_two, {}),
    (_two, {"C": 0.01}),
    (_two, {"C": 50.0}),
    (_two, {"kernel": "linear"}),
    (_two, {"kernel": "poly", "coef0": 1.0}),
    (_two, {"class_weight": {0: 0.3, 1: 2.0}}),
    (_many_features, {}),
    (_many_features, {"kernel": "poly"}),
    (_unbalanced, {}),
    (_unbalanced, {"class_weight": "balanced"}),
    (_unbalanced, {"kernel": "linear"}),
    (_three_names, {}),
    (_three_names, {"kernel": "linear", "class_weight": {"cow": 3.0}}),
    (_three_names, {"kernel": "poly"}),
    (_ten, {}),
    (_ten, {"kernel": "linear"}),
]


@cache
def theirs(case: int, tol: float, weighted: bool, seed: int) -> Any:
    make, params = CASES[case]
    X, y = make()
    model = sklearn.svm.SVC(probability=True, random_state=seed, tol=tol, **params)
    return model.fit(X, y, sample_weight=weights(len(X)) if weighted else None)


def weights(n: int) -> np.ndarray:
    """Some of them zero and negative: such rows are in no fold."""
    w = np.random.default_rng(5).uniform(0.2, 2.0, n)
    w[::11] = 0.0
    w[5::37] = -1.0
    return w


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_agrees(case: int, weighted: bool) -> None:
    make, params = CASES[case]
    X, y = make()
    ours = SVC(probability=True, random_state=7, **params).fit(
        X, y, sample_weight=weights(len(X)) if weighted else None
    )
    loose, tight = theirs(case, 1e-3, weighted, 7), theirs(case, 1e-6, weighted, 7)
    for mine, a, b in ((ours.probA_, loose._probA, tight._probA), (ours.probB_, loose._probB, tight._probB)):
        own_change = np.abs(a - b).max()
        assert np.abs(mine - b).max() <= 2 * own_change + 4e-4 * (1 + np.abs(b).max())
    own_change = np.abs(loose.predict_proba(X) - tight.predict_proba(X)).max()
    np.testing.assert_allclose(ours.predict_proba(X), tight.predict_proba(X), rtol=0, atol=max(5e-3, 2 * own_change))


def test_another_seed_is_another_partition() -> None:
    X, y = _two()
    first, again, other = (SVC(probability=True, random_state=s).fit(X, y).probA_ for s in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_allclose(other, theirs(0, 1e-6, False, 8)._probA, atol=1e-2)


def test_a_shared_generator_is_used_as_in_scikit_learn() -> None:
    X, y = _two()
    a, b = np.random.RandomState(3), np.random.RandomState(3)
    for _ in range(2):
        mine = SVC(probability=True, random_state=a).fit(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            reference = sklearn.svm.SVC(probability=True, random_state=b).fit(X, y)
        np.testing.assert_allclose(mine.probA_, reference._probA, atol=1e-2)
    assert a.randint(1 << 30) == b.randint(1 << 30)


@pytest.mark.parametrize("y", [[0, 1], [0, 1, 1], [0, 0, 0, 1], [0, 0, 1, 1, 1, 1, 1]])
def test_folds_without_a_class(y: list[int]) -> None:
    X = np.arange(len(y), dtype=float).reshape(-1, 1) ** 1.5
    mine = SVC(probability=True, random_state=0).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        reference = sklearn.svm.SVC(probability=True, random_state=0, tol=1e-6).fit(X, y)
    np.testing.assert_allclose([mine.probA_, mine.probB_], [reference._probA, reference._probB], atol=5e-3)


def test_two_classes_follow_the_sigmoid() -> None:
    X, y = _two()
    model = SVC(probability=True, random_state=0).fit(X, y)
    # The decision value for the first class is the negated one of scikit-learn's sign.
    expected = 1 / (1 + np.exp(model.probB_ - model.probA_ * model.decision_function(X)))
    np.testing.assert_allclose(model.predict_proba(X)[:, 0], expected, atol=5e-3)


def test_two_classes_are_coupled_as_in_scikit_learn() -> None:
    X, y = _two()
    mine = SVC(probability=True, random_state=0, tol=1e-6).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        reference = sklearn.svm.SVC(probability=True, random_state=0, tol=1e-6).fit(X, y)
    expected = reference.predict_proba(X)
    assert (np.abs(mine.predict_proba(X) - expected) < 1e-4).mean() > 0.98
    assert abs(log_loss(y, mine.predict_proba(X)) - log_loss(y, expected)) < 1e-3


@pytest.mark.parametrize("make", [_two, _three_names, _ten])
def test_rows_sum_to_one(make: Any) -> None:
    X, y = make()
    model = SVC(probability=True, random_state=0).fit(X, y)
    p = model.predict_proba(X)
    assert p.shape == (len(X), len(model.classes_))
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.predict_log_proba(X), np.log(p))
    assert (model.classes_[p.argmax(axis=1)] == y).mean() > 0.8
    np.testing.assert_array_equal(model.predict_proba(X[:1]), p[:1])


def test_the_model_is_the_same_one() -> None:
    X, y = _ten()
    plain, model = SVC().fit(X, y), SVC(probability=True, random_state=0).fit(X, y)
    np.testing.assert_array_equal(plain.dual_coef_, model.dual_coef_)
    np.testing.assert_array_equal(plain.n_iter_, model.n_iter_)
    np.testing.assert_array_equal(plain.predict(X), model.predict(X))


def test_the_number_of_threads_changes_nothing() -> None:
    import dask_go

    X, y = _many_features()
    previous = dask_go.set_num_threads(1)
    try:
        one = SVC(probability=True, random_state=0).fit(X, y)
        dask_go.set_num_threads(4)
        four = SVC(probability=True, random_state=0).fit(X, y)
    finally:
        dask_go.set_num_threads(previous)
    assert (one.probA_, one.probB_) == (four.probA_, four.probB_)


def test_copies() -> None:
    X, y = _three_names()
    model = SVC(probability=True, random_state=0).fit(X, y)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), expected)


@pytest.mark.parametrize("probability", [False, "deprecated"])
def test_only_with_probability(probability: Any) -> None:
    X, y = _two()
    model = SVC(probability=probability)
    for name in ("predict_proba", "predict_log_proba"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match="has no attribute") as raised:
            getattr(model, name)
        assert "predict_proba is not available when probability=False" in str(raised.value.__cause__)
    model.fit(X, y)
    assert model.probA_.size == model.probB_.size == 0
    with pytest.raises(NotFittedError, match="fitted with probability=False"):
        model.set_params(probability=True).predict_proba(X)
    with pytest.raises(NotFittedError):
        SVC(probability=True).predict_proba(X)
