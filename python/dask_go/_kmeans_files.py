"""KMeans on rows in files, which may be larger than memory: see gocluster_kmeans_fit_npy_start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    _is_arraylike_not_scalar,
    check_is_fitted,
)

from . import _marshal
from ._progress import rows_bar

if TYPE_CHECKING:
    from ._files import Files
    from .cluster import KMeans


def fit(
    estimator: KMeans, files: Files, sample_weight: Any, trace: Any, tick: Any, n_draws: int
) -> _marshal.FittedKMeans:
    """Fit to the rows; `n_draws` is how many numbers k-means|| draws."""
    k, outline = estimator.n_clusters, files.outline()
    if files.shape[0] < k:
        raise ValueError(f"n_samples={files.shape[0]} should be >= n_clusters={k}.")
    weights = None if sample_weight is None else _check_sample_weight(sample_weight, outline, dtype=outline.dtype)
    given, name = _is_arraylike_not_scalar(estimator.init), estimator.init
    init = estimator._validate_centers(outline, name) if given else None  # noqa: SLF001
    if not given and (callable(name) or name == "k-means++"):
        raise ValueError(
            f"init={name!r} is for an X in memory, and this one is streamed from files: use init='k-means||' or "
            "'random', or give the centres"
        )
    if not given and estimator.n_init not in ("auto", 1):
        raise ValueError(
            f"n_init={estimator.n_init} is for an X in memory: fit to files with n_init=1 and several random_state, "
            "and keep the model with the least inertia_"
        )
    random = not given and name == "random"
    draws = None
    if not given:
        draws = check_random_state(estimator.random_state).random_sample(1 if random else n_draws)
    with rows_bar(files.shape[0]) as report:
        fitted = _marshal.kmeans_fit_files(
            estimator._params(1, "random" if random else "scalable"),  # noqa: SLF001
            files.parts,
            weights,
            init=init,
            draws=draws,
            labels=None if estimator.labels_out is None else os.fspath(estimator.labels_out),
            trace=trace,
            tick=tick,
            report=report,
        )
    _check_n_features(estimator, outline, reset=True)
    _check_feature_names(estimator, outline, reset=True)
    return fitted


def predict(estimator: KMeans, files: Files) -> _marshal.IntArray:
    """Return the labels of the rows."""
    _check(estimator, files)
    labels = np.empty(files.shape[0], np.int32)
    # What is returned comes on top of the limit.
    limit = estimator.memory_limit + labels.nbytes if estimator.memory_limit else 0
    _marshal.kmeans_predict_files(files.parts, None, estimator.cluster_centers_, labels, limit)
    return labels


def score(estimator: KMeans, files: Files, sample_weight: Any) -> float:
    """Return the negative of the inertia of the rows."""
    outline = _check(estimator, files)
    weights = None if sample_weight is None else _check_sample_weight(sample_weight, outline, dtype=outline.dtype)
    limit = estimator.memory_limit or 0
    return -_marshal.kmeans_predict_files(files.parts, weights, estimator.cluster_centers_, None, limit)


def transform(estimator: KMeans, files: Files) -> _marshal.Array:
    """Return the distances of the rows from the centres."""
    _check(estimator, files)
    centers = estimator.cluster_centers_
    out: _marshal.Array = np.empty((files.shape[0], len(centers)), np.result_type(files.dtype, centers))
    for first, rows in files.blocks():
        out[first : first + len(rows)] = _marshal.kmeans_transform(rows, centers)
    return out


def _check(estimator: KMeans, files: Files) -> _marshal.Array:
    check_is_fitted(estimator)
    outline = files.outline()
    _check_n_features(estimator, outline, reset=False)
    _check_feature_names(estimator, outline, reset=False)
    if files.shape[0] == 0:
        raise ValueError(f"Found array with 0 sample(s) (shape={files.shape}) while a minimum of 1 is required.")
    return outline
