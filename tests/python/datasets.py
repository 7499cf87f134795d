"""Classification data of every character, each small enough to be solved many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
    make_circles,
    make_classification,
    make_gaussian_quantiles,
    make_moons,
)


class Data(NamedTuple):
    X: np.ndarray
    y: np.ndarray


def standardised(X: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = (X - X.mean(axis=0)) / X.std(axis=0)
    return scaled


# ---- overlap and separation ----------------------------------------------------


def overlapping() -> Data:
    return Data(*make_classification(400, 8, flip_y=0.2, random_state=1))


def separable() -> Data:
    return Data(*make_blobs(300, 3, centers=[[-6, 0, 0], [6, 0, 0]], random_state=2))


def nearly_separable() -> Data:
    return Data(*make_classification(120, 4, flip_y=0.0, class_sep=1.5, random_state=6))


def random_labels() -> Data:
    rng = np.random.default_rng(11)
    return Data(rng.normal(size=(150, 5)), rng.integers(0, 2, 150))


def moons() -> Data:
    return Data(*make_moons(300, noise=0.2, random_state=12))


def circles() -> Data:
    return Data(*make_circles(300, noise=0.15, factor=0.5, random_state=13))


def checkerboard() -> Data:
    X = np.random.default_rng(14).uniform(0, 4, size=(300, 2))
    return Data(X, X.astype(int).sum(axis=1) % 2)


def shells() -> Data:
    return Data(*make_gaussian_quantiles(n_samples=300, n_features=10, n_classes=3, random_state=15))


# ---- rows that are alike -------------------------------------------------------


def duplicated_rows() -> Data:
    X, y = make_classification(80, 5, flip_y=0.1, random_state=3)
    return Data(np.repeat(X, 4, axis=0), np.repeat(y, 4))


def identical_rows() -> Data:
    return Data(np.ones((64, 2)), np.arange(64) % 2)


def twins_of_both_classes() -> Data:
    X, y = make_classification(100, 3, n_informative=2, n_redundant=0, random_state=16)
    return Data(np.vstack([X, X[:40]]), np.concatenate([y, 1 - y[:40]]))


def points_of_a_grid() -> Data:
    X = np.random.default_rng(17).integers(-2, 3, size=(280, 3)).astype(float)
    return Data(X, (X.sum(axis=1) + np.arange(280) % 3 > 1).astype(int))


# ---- few or many features, of all sizes ----------------------------------------


def one_feature() -> Data:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(300, 1))
    return Data(X, (X[:, 0] + rng.normal(scale=0.4, size=300) > 0).astype(int))


def many_features() -> Data:
    return Data(*make_classification(120, 1000, n_informative=50, random_state=9))


def constant_features() -> Data:
    X, y = make_classification(300, 6, flip_y=0.1, random_state=4)
    return Data(np.hstack([X, np.zeros((300, 1)), np.full((300, 1), 7.0)]), y)


def dependent_features() -> Data:
    X, y = make_classification(270, 4, flip_y=0.1, random_state=18)
    return Data(X @ np.random.default_rng(18).normal(size=(4, 12)), y)


def far_from_the_origin() -> Data:
    X, y = make_classification(300, 5, flip_y=0.1, random_state=10)
    return Data(X + 30.0, y)


def features_of_different_size() -> Data:
    X, y = make_classification(300, 5, flip_y=0.1, random_state=19)
    return Data(X * [1e-3, 0.1, 1.0, 3.0, 10.0], y)


def heavy_tails() -> Data:
    rng = np.random.default_rng(20)
    X = np.clip(rng.standard_cauchy(size=(260, 4)), -30, 30)
    return Data(X, (X[:, 0] + rng.normal(size=260) > 0).astype(int))


def tiny_values() -> Data:
    X, y = make_classification(270, 4, flip_y=0.1, random_state=21)
    return Data(X * 1e-4, y)


def all_negative() -> Data:
    X, y = make_classification(200, 6, flip_y=0.1, random_state=22)
    return Data(-np.abs(X), y)


# ---- mostly zeros --------------------------------------------------------------


def words() -> Data:
    rng = np.random.default_rng(23)
    X = np.where(rng.random((300, 80)) < 0.06, rng.exponential(size=(300, 80)), 0.0)
    X[::25] = 0.0
    return Data(X, (X @ rng.normal(size=80) + 0.2 * rng.normal(size=300) > 0).astype(int))


def one_hot() -> Data:
    rng = np.random.default_rng(24)
    levels = rng.integers(0, 5, size=(300, 6))
    X = np.eye(5)[levels].reshape(300, 30)
    return Data(X, (X @ rng.normal(size=30) + 0.5 * rng.normal(size=300) > 0).astype(int))


def mixed_with_dense_columns() -> Data:
    rng = np.random.default_rng(25)
    X = np.where(rng.random((270, 50)) < 0.04, rng.normal(size=(270, 50)), 0.0)
    X[:, :3] = rng.normal(size=(270, 3))
    return Data(X, (X.sum(axis=1) + 0.5 * rng.normal(size=270) > 0).astype(int))


# ---- classes of different number and size --------------------------------------


def two_rows() -> Data:
    return Data(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([0, 1]))


def imbalanced() -> Data:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(602, 4))
    y = np.zeros(602, dtype=int)
    y[[100, 500]] = 1
    X[y == 1] += 1.5
    return Data(X, y)


def iris() -> Data:
    return Data(*load_iris(return_X_y=True))


def wine() -> Data:
    X, y = load_wine(return_X_y=True)
    return Data(standardised(X), y)


def breast_cancer() -> Data:
    X, y = load_breast_cancer(return_X_y=True)
    return Data(standardised(X), y)


def digits() -> Data:
    X, y = load_digits(return_X_y=True)
    return Data(X[:400] / 4, y[:400])


def odd_and_even_digits() -> Data:
    X, y = load_digits(return_X_y=True)
    return Data(X[:500] / 16, y[:500] % 2)


def classes_of_all_sizes() -> Data:
    X, y = make_blobs([150, 60, 20, 5], 3, cluster_std=2.0, center_box=(-4, 4), random_state=26)
    return Data(X, y)


def twelve_classes() -> Data:
    X, y = make_blobs(180, 2, centers=12, cluster_std=1.5, center_box=(-8, 8), random_state=27)
    return Data(X, y * 10 - 40)


def more_rows() -> Data:
    return Data(*make_classification(700, 12, flip_y=0.1, random_state=28))


DATASETS: list[Callable[[], Data]] = [
    overlapping,
    separable,
    nearly_separable,
    random_labels,
    moons,
    circles,
    checkerboard,
    shells,
    duplicated_rows,
    identical_rows,
    twins_of_both_classes,
    points_of_a_grid,
    one_feature,
    many_features,
    constant_features,
    dependent_features,
    far_from_the_origin,
    features_of_different_size,
    heavy_tails,
    tiny_values,
    all_negative,
    words,
    one_hot,
    mixed_with_dense_columns,
    two_rows,
    imbalanced,
    iris,
    wine,
    breast_cancer,
    digits,
    odd_and_even_digits,
    classes_of_all_sizes,
    twelve_classes,
    more_rows,
]
