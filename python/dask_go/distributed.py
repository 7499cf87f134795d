"""dask_go on dask collections and clusters. Needs dask: `pip install dask-go[dask]`.

`dask_go.cluster.KMeans` and `dask_go.svm.SVC` take dask arrays and dataframes themselves; nothing of this
module has to be called for that. `ParallelPostFit` does the same for estimators of scikit-learn.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, Self

try:
    import dask.array as da
    from dask import delayed
except ImportError as error:
    raise ImportError("dask collections need dask: pip install dask-go[dask]") from error

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import get_scorer
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from . import _dask_blocks
from ._dask_rows import as_array
from ._dask_workers import check_workers
from ._dispatch import is_dask
from .cluster import KMeans

__all__ = ["ParallelPostFit", "apply"]


def apply(estimator: Any, method: str, X: Any, meta: Any = None) -> da.Array:
    """Call a method of a fitted estimator on the blocks of a dask array or dataframe, lazily.

    Parameters
    ----------
    estimator : estimator
        A fitted one, of dask_go, scikit-learn or any other library. The workers get a copy.
    method : str
        A method that takes rows and returns one result for each: 'predict', 'transform', ...
    X : dask array of shape (n_samples, n_features) or dask dataframe
        The rows. Blocks of dataframes reach the estimator as frames of pandas.
    meta : array, default=None
        An array like the result, which may be empty. By default the method is tried on a row
        of zeros, or on rows of a dataframe that dask makes up.

    Returns
    -------
    dask array
        With the chunks of rows that X has.

    Raises
    ------
    RuntimeError
        If a worker of the active client lacks dask_go, or has another version.
    """
    check_is_fitted(estimator)
    check_workers()
    frame = hasattr(X, "to_delayed") and hasattr(X, "columns")
    array = None if frame else as_array(X)
    if meta is None:
        # X._meta_nonempty is what dask itself has others use.
        row = X._meta_nonempty if array is None else np.zeros((1, int(array.shape[1])), array.dtype)  # noqa: SLF001
        meta = getattr(estimator, method)(row)
    empty = np.asarray(meta)[:0]
    columns = empty.shape[1:]
    name = f"{type(estimator).__name__}-{method}"
    # One key for all blocks.
    model = delayed(_light(estimator), name=f"{type(estimator).__name__}-{uuid.uuid4().hex}")
    call = partial(_dask_blocks.apply, method=method, empty=empty)
    if array is None:
        parts = [
            da.from_delayed(delayed(call, name=name)(part, model), (np.nan, *columns), meta=empty)
            for part in X.to_delayed()
        ]
        return da.concatenate(parts, axis=0, allow_unknown_chunksizes=True)
    return array.map_blocks(
        call,
        estimator=model,
        drop_axis=[] if columns else [1],
        chunks=(array.chunks[0], *((n,) for n in columns)),
        meta=empty,
        name=f"{name}-{uuid.uuid4().hex}",
    )


def _light(estimator: Any) -> Any:
    """Return a copy of an estimator without what it keeps of its training data and never uses."""
    light = copy.copy(estimator)
    for name in [name for name, value in vars(light).items() if is_dask(value)]:
        delattr(light, name)
    if isinstance(light, KMeans):
        light.__dict__.pop("labels_", None)
    return light


def _has(method: str) -> Callable[[Any], bool]:
    """Return a test of whether the wrapped estimator has a method."""

    def check(self: ParallelPostFit) -> bool:
        getattr(self._fitted(), method)
        return True

    return check


class ParallelPostFit(MetaEstimatorMixin, BaseEstimator):
    """A scikit-learn estimator that is trained in memory, and used on dask collections.

    `predict`, `predict_proba`, `predict_log_proba`, `decision_function` and `transform` of a dask array
    or dataframe give lazy dask arrays with X's chunks of rows, to be computed where the blocks are. Of
    anything else they give what the estimator gives. The estimators of dask_go do this themselves.

    Parameters
    ----------
    estimator : estimator
        One that is fitted already, or will be by `fit`.
    scoring : str or callable, default=None
        What `score` computes, as in `sklearn.metrics.get_scorer`; None is the estimator's own.
    predict_meta, predict_proba_meta, transform_meta : array, default=None
        Arrays like the results of these methods, which may be empty. By default the methods are
        tried on a row of zeros, or on a row of a dataframe that dask makes up.

    Attributes
    ----------
    estimator_ : estimator
        The fitted copy, after `fit`. The fitted estimator's attributes that end with an
        underscore can be read from the wrapper, too.

    Examples
    --------
    >>> import dask.array as da
    >>> from dask_go.distributed import ParallelPostFit
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = make_classification(n_samples=1000, random_state=0)
    >>> model = ParallelPostFit(LogisticRegression()).fit(X, y)
    >>> model.predict(da.from_array(X, chunks=(100, 20)))
    dask.array<LogisticRegression-predict, shape=(1000,), dtype=int64, chunksize=(100,), chunktype=numpy.ndarray>
    """

    def __init__(
        self,
        estimator: Any = None,
        scoring: Any = None,
        predict_meta: Any = None,
        predict_proba_meta: Any = None,
        transform_meta: Any = None,
    ) -> None:
        self.estimator = estimator
        self.scoring = scoring
        self.predict_meta = predict_meta
        self.predict_proba_meta = predict_proba_meta
        self.transform_meta = transform_meta

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            inner = get_tags(self.estimator)
            tags.estimator_type = inner.estimator_type
            tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        try:
            check_is_fitted(self._fitted())
        except NotFittedError:
            return False
        return True

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") and not name.startswith("_") and name != "estimator_" and "estimator" in vars(self):
            return getattr(self._fitted(), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _fitted(self) -> Any:
        return vars(self).get("estimator_", self.estimator)

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit a copy of the estimator.

        Parameters
        ----------
        X, y : array-like
            The training data, in memory: dask collections are loaded.
        **params : dict
            Passed on to the estimator's `fit`.

        Returns
        -------
        self : ParallelPostFit
            The fitted wrapper.
        """
        X, y = (v.compute() if is_dask(v) else v for v in (X, y))
        fitted = clone(self.estimator)
        self.estimator_ = fitted.fit(X, **params) if y is None else fitted.fit(X, y, **params)
        return self

    def _apply(self, method: str, X: Any, meta: Any = None) -> Any:
        if is_dask(X):
            return apply(self._fitted(), method, X, meta)
        return getattr(self._fitted(), method)(X)

    @available_if(_has("predict"))
    def predict(self, X: Any) -> Any:
        """Call the estimator's `predict`, block by block if X is a dask collection."""
        return self._apply("predict", X, self.predict_meta)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Call the estimator's `predict_proba`, block by block if X is a dask collection."""
        return self._apply("predict_proba", X, self.predict_proba_meta)

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> Any:
        """Call the estimator's `predict_log_proba`, block by block if X is a dask collection."""
        return self._apply("predict_log_proba", X, self.predict_proba_meta)

    @available_if(_has("decision_function"))
    def decision_function(self, X: Any) -> Any:
        """Call the estimator's `decision_function`, block by block if X is a dask collection."""
        return self._apply("decision_function", X)

    @available_if(_has("transform"))
    def transform(self, X: Any) -> Any:
        """Call the estimator's `transform`, block by block if X is a dask collection."""
        return self._apply("transform", X, self.transform_meta)

    def score(self, X: Any, y: Any) -> float:
        """Score predictions.

        Parameters
        ----------
        X : array-like or dask collection of shape (n_samples, n_features)
            The rows.
        y : array-like or dask array of shape (n_samples,)
            What is true of them; it is loaded into memory, and so are the predictions.

        Returns
        -------
        float
            What `scoring` says.
        """
        scoring = self.scoring or ("accuracy" if is_classifier(self) else "r2")
        loading = _Loading(**self.get_params(deep=False))
        loading.estimator_ = self._fitted()
        return float(get_scorer(scoring)(loading, X, y.compute() if is_dask(y) else y))


class _Loading(ParallelPostFit):
    """A wrapper whose results are in memory."""

    def _apply(self, method: str, X: Any, meta: Any = None) -> Any:
        result = super()._apply(method, X, meta)
        return result.compute() if is_dask(result) else result
