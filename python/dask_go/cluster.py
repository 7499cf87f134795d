"""k-means with scikit-learn's interface."""

from __future__ import annotations

import os
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.sparsefuncs import mean_variance_axis
from sklearn.utils.validation import (
    _check_sample_weight,
    _is_arraylike_not_scalar,
    check_is_fitted,
    validate_data,
)

from . import _marshal
from ._dispatch import is_dask, on_blocks, warn
from ._files import Files, files_of

__all__ = ["KMeans", "k_means", "kmeans_plusplus"]

# A pickled model takes lazy labels along if their graph needs no more than this.
_LABELS_BYTES = 1 << 20

# Iterations of a run that verbose prints: what it needs is known before the run starts.
_MAX_TRACE = 1 << 20


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """k-means clustering.

    Finds centres c and labels that minimise Σₜ wₜ·|xₜ − c(labelₜ)|² by Lloyd's algorithm, as
    scikit-learn's `sklearn.cluster.KMeans` does: the same steps, tests of convergence,
    treatment of empty clusters and consumption of `random_state`. On float64 data the same
    seed gives the same clusters, up to rounding where rows tie. On float32 data the sums
    behind k-means++ are wider than scikit-learn's, so that the same draws may choose other
    rows, which are as good.

    Parameters
    ----------
    n_clusters : int, default=8
        The number of clusters.
    init : {'auto', 'k-means++', 'k-means||', 'random'}, (n_clusters, n_features) array-like or callable, default='auto'
        Where centres start: 'k-means++' draws rows far from each other, several candidates for
        each [1]_; 'k-means||' draws many in a few rounds, and clusters these by what they
        attract [2]_; 'random' draws rows; an array gives the centres. A callable gets X less its
        mean, n_clusters and random_state, and returns centres less that mean, as in
        scikit-learn. 'auto' is 'k-means++', and for files and dask collections 'k-means||'.
    n_init : 'auto' or int, default='auto'
        The number of runs, of which the one with the least inertia stays. 'auto' is 10 for
        'random' and a callable, otherwise 1.
    max_iter : int, default=300
        A limit on the iterations of a run.
    tol : float, default=1e-4
        A run ends when the squared distances by which the centres move add up to no more than
        `tol` times the mean variance of the features.
    verbose : int, default=0
        Print scikit-learn's lines about the iterations.
    random_state : int, RandomState instance or None, default=None
        Where the numbers for `init` are drawn from.
    copy_x : bool, default=True
        X is never written, whatever the value.
    algorithm : {'lloyd', 'elkan'}, default='lloyd'
        Both mean the same exact algorithm; the result does not depend on it.
    oversampling_factor : float, default=2
        For 'k-means||', positive: a round is expected to draw `oversampling_factor * n_clusters`
        rows. As in dask-ml.
    init_max_iter : int, default=None
        For 'k-means||': how many rounds to make; there are more only while fewer rows than
        n_clusters have been drawn. None is the natural logarithm of the inertia with one
        centre, rounded, but at least 2 and at most 5.
    compute_labels : bool, default=False
        For dask collections: whether `labels_` is computed by `fit`, and a NumPy array. For
        arrays in memory it is in any case.
    memory_limit : int, default=None
        For files: how many bytes a fit may take, `labels_` included; 64 MB may come on top. What
        is kept of each row (a label, and for 'k-means||' a distance) goes to scratch files, in
        $TMPDIR or else /var/tmp, where it does not fit. None is a quarter of what the system,
        the container and the limits of the process leave.
    labels_out : str or path, default=None
        A `.npy` file for the labels, which is there once a fit has ended well; `labels_` of a
        fit to files is then mapped from it, and takes no memory.
    n_jobs, precompute_distances : object, default='deprecated'
        Without effect. They are accepted, with a warning, for the sake of programs written
        for dask-ml; `algorithm='full'`, which is 'lloyd', likewise.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centres, of X's type.
    labels_ : ndarray or dask array of shape (n_samples,), int32
        The index of the centre nearest to each row. For a dask collection it is lazy, with X's
        chunks of rows; a pickled model takes it along unless it refers to data in memory.
    inertia_ : float
        The value of the sum above.
    n_iter_ : int
        The iterations of the run that stays.
    n_passes_ : int
        How often `fit` has read the files; 0 where X was no file.
    n_features_in_ : int
        The number of features seen by `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X had names that are all strings.

    See Also
    --------
    sklearn.cluster.KMeans : The same clusters, slower.

    References
    ----------
    .. [1] D. Arthur, S. Vassilvitskii (2007). k-means++: the advantages of careful seeding.
       SODA 2007, 1027-1035.
    .. [2] B. Bahmani, B. Moseley, A. Vattani, R. Kumar, S. Vassilvitskii (2012). Scalable
       k-means++. PVLDB 5(7), 622-633.

    Examples
    --------
    >>> import numpy as np
    >>> from dask_go.cluster import KMeans
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> KMeans(n_clusters=2, random_state=0).fit(X).labels_
    array([1, 1, 1, 0, 0, 0], dtype=int32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"auto", "k-means++", "k-means||", "random"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        "copy_x": ["boolean"],
        "algorithm": [StrOptions({"lloyd", "elkan", "full"})],
        "oversampling_factor": [Interval(Real, 0, None, closed="neither")],
        "init_max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "compute_labels": ["boolean"],
        "memory_limit": [Interval(Integral, 1, None, closed="left"), None],
        "labels_out": [str, os.PathLike, None],
        "n_jobs": [object],
        "precompute_distances": [object],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "auto",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: Any = None,
        copy_x: bool = True,
        algorithm: str = "lloyd",
        oversampling_factor: float = 2,
        init_max_iter: int | None = None,
        compute_labels: bool = False,
        memory_limit: int | None = None,
        labels_out: Any = None,
        n_jobs: Any = "deprecated",
        precompute_distances: Any = "deprecated",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.oversampling_factor = oversampling_factor
        self.init_max_iter = init_max_iter
        self.compute_labels = compute_labels
        self.memory_limit = memory_limit
        self.labels_out = labels_out
        self.n_jobs = n_jobs
        self.precompute_distances = precompute_distances

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:  # noqa: ARG002
        """Cluster the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} or dask collection of shape (n_samples, n_features), path or list of paths
            float32 and float64 arrays whose rows are contiguous, and csr_matrix or csr_array of
            these, are read in place; anything else is converted once. Paths name `.npy` files of
            float32, float64, int32 or int64, whose rows follow one another. They are streamed: read
            in pieces, once for each iteration and each round of 'k-means||', in the memory that
            `memory_limit` says, with the result of the same rows in memory; so is a memory-mapped
            array of more than 1 GiB, or of any size if `memory_limit` is given. For them n_init is
            1, and `init` is 'k-means||', 'random' (with draws other than scikit-learn's) or an
            array. A dask array or dataframe is worked on block by block, where the blocks are, by the scheduler or the
            cluster that dask uses. 'k-means++' loads it to choose rows, and an `init` that is a
            callable gets X itself and returns centres.
        y : ignored
            For scikit-learn's interface.
        sample_weight : array-like or dask array of shape (n_samples,), default=None
            Weights of the rows, not negative. An `init` that is an array or a callable does
            not use them.

        Returns
        -------
        self : KMeans
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument or a parameter is out of its domain: NaN or infinity in X, fewer
            rows than clusters, weights that are negative or all zero, centres of another shape, a
            `memory_limit` that is too small.
        TypeError
            If X is mapped from a file of a type that cannot be streamed.
        OSError
            If a file is missing, of another format, truncated, or cut short meanwhile; or there
            is no room for labels or scratch files.
        KeyboardInterrupt
            After Ctrl-C; the work has stopped by then.
        RuntimeError
            If a worker of a dask cluster lacks dask_go or has another version, or the cluster
            was lost.
        """
        self._warn_without_effect()
        if is_dask(X):
            if self.labels_out is not None:
                raise ValueError("labels_out is not for dask collections: labels_ is a lazy dask array, store that")
            self._fit_blocks(X, sample_weight)
            return self
        if (files := files_of(X, bounded=self.memory_limit is not None)) is not None:
            self._fit_files(files, sample_weight)
            return self
        # Whether X is finite is found out on the way.
        X = _in_rows(
            validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_all_finite=False)
        )
        if X.shape[0] < self.n_clusters:
            raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}.")
        n_init = self._resolve_n_init()
        if self.algorithm == "elkan" and self.n_clusters == 1:
            warn("algorithm='elkan' doesn't make sense for a single cluster. Using 'lloyd' instead.", RuntimeWarning)
        random_state = check_random_state(self.random_state)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=X.dtype)
        init, draws = self._begin(X, weights, n_init, random_state)
        lines = None
        if self.verbose:
            lines = _Lines(self, 0 if self.tol == 0 else np.mean(_variances(X)) * self.tol, n_init)
        fitted = _marshal.kmeans_fit(
            self._params(n_init, "scalable" if self._is_init("k-means||") else "plusplus"),
            X,
            weights,
            init=init,
            draws=draws,
            trace=None if lines is None else lines.trace,
            tick=None if lines is None else lines.print,
        )
        if self.labels_out is not None:
            with open(self.labels_out, "wb") as file:
                np.save(file, fitted.labels)
        self._keep(fitted, X.dtype)
        return self

    def _keep(self, fitted: _marshal.FittedKMeans, dtype: Any) -> None:
        if fitted.n_distinct < self.n_clusters:
            warn(
                f"Number of distinct clusters ({fitted.n_distinct}) found smaller than n_clusters "
                f"({self.n_clusters}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
            )
        self.cluster_centers_ = fitted.centers.astype(dtype, copy=False)
        self._n_features_out = self.n_clusters
        self.labels_ = fitted.labels
        self.inertia_ = fitted.inertia
        self.n_iter_ = fitted.n_iter
        self.n_passes_ = fitted.n_passes

    def _fit_files(self, files: Files, sample_weight: Any) -> None:
        """Fit to rows in files, without loading them."""
        from . import _kmeans_files

        self._resolve_n_init()  # warns
        lines = _Lines(self, f"{self.tol} of the variance", 1) if self.verbose else None
        fitted = _kmeans_files.fit(
            self,
            files,
            sample_weight,
            None if lines is None else lines.trace,
            None if lines is None else lines.print,
            _n_draws(self.n_clusters, None) + 1,
        )
        self._keep(fitted, files.dtype)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> _marshal.IntArray:  # noqa: ARG002
        """Cluster the rows of X and return `labels_`; the arguments are those of `fit`."""
        labels: _marshal.IntArray = self.fit(X, sample_weight=sample_weight).labels_
        return labels

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> _marshal.Array:  # noqa: ARG002
        """Cluster the rows of X and return `transform(X)`; the arguments are those of `fit`."""
        distances: _marshal.Array = self.fit(X, sample_weight=sample_weight).transform(X)
        return distances

    @on_blocks
    def predict(self, X: Any) -> _marshal.IntArray:
        """Return the index of the centre nearest to each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} or dask collection of shape (n_samples, n_features), path or list of paths
            The rows. Of files the labels come on top of `memory_limit`.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples,), int32
            The lowest index among the nearest.
        """
        if (files := files_of(X, bounded=self.memory_limit is not None)) is not None:
            from . import _kmeans_files

            return _kmeans_files.predict(self, files)
        return _marshal.kmeans_predict(self._validate(X), None, self.cluster_centers_)[0]

    @on_blocks
    def transform(self, X: Any) -> _marshal.Array:
        """Return the distance of each row from each centre.

        Parameters
        ----------
        X : {array-like, sparse matrix} or dask collection of shape (n_samples, n_features), path or list of paths
            The rows. Of files the distances are in memory, whatever `memory_limit` says.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples, n_clusters)
            Distances, not squared.
        """
        if (files := files_of(X, bounded=self.memory_limit is not None)) is not None:
            from . import _kmeans_files

            return _kmeans_files.transform(self, files)
        return _marshal.kmeans_transform(self._validate(X), self.cluster_centers_)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: ARG002
        """Return the negative of the inertia that rows have with the centres.

        Parameters
        ----------
        X : {array-like, sparse matrix} or dask collection of shape (n_samples, n_features), path or list of paths
            The rows.
        y : ignored
            For scikit-learn's interface.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative.

        Returns
        -------
        float
            Not positive.
        """
        if is_dask(X):
            from . import _dask_kmeans

            check_is_fitted(self)
            return _dask_kmeans.score(self, X, sample_weight)
        if (files := files_of(X, bounded=self.memory_limit is not None)) is not None:
            from . import _kmeans_files

            return _kmeans_files.score(self, files, sample_weight)
        X = self._validate(X)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=X.dtype)
        return -_marshal.kmeans_predict(X, weights, self.cluster_centers_)[1]

    def _fit_blocks(self, X: Any, sample_weight: Any) -> None:
        """Fit to a dask collection, without loading it."""
        from . import _dask_kmeans

        rows, run = _dask_kmeans.fit(self, X, sample_weight, self._resolve_n_init())
        self.n_features_in_ = rows.shape[1]
        self._n_features_out = self.n_clusters
        self.cluster_centers_, self.inertia_, self.n_iter_, self.n_passes_ = run.centers, run.inertia, run.n_iter, 0
        labels: Any = self.predict(X if hasattr(X, "to_dask_array") else rows)
        self.labels_ = labels.compute() if self.compute_labels else labels

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        if is_dask(state.get("labels_")):
            from ._dask_rows import is_small

            if not is_small(state["labels_"], _LABELS_BYTES):
                state = {name: value for name, value in state.items() if name != "labels_"}
        return state

    def __getattr__(self, name: str) -> Any:
        if name == "labels_" and "cluster_centers_" in vars(self):
            raise AttributeError(
                "labels_ was a dask array over data in memory or on a cluster, and was left out when this model was "
                "pickled; predict(X) gives the same labels, and with compute_labels=True labels_ is a NumPy array"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _warn_without_effect(self) -> None:
        """Tell users of dask-ml which of their parameters do nothing."""
        given = {"n_jobs": self.n_jobs, "precompute_distances": self.precompute_distances}
        for name, value in given.items():
            if not (isinstance(value, str) and value == "deprecated"):
                warn(
                    f"{name} has no effect, and is accepted for the sake of programs written for dask-ml", FutureWarning
                )
        if self.algorithm == "full":
            warn(
                "algorithm='full' is an old name of 'lloyd', accepted for the sake of programs written for dask-ml",
                FutureWarning,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _is_init(self, name: str) -> bool:
        return isinstance(self.init, str) and self.init == name

    def _params(self, n_init: int, init: str) -> Any:
        return _marshal.params(
            "gocluster_kmeans_params",
            self,
            n_init=n_init,
            max_iter=_int64(self.max_iter),
            random_state=0,
            init=_marshal.KMEANS_INITS[init],
            init_max_iter=_int64(self.init_max_iter or 0),
            memory_limit=_int64(self.memory_limit or 0),
        )

    def _validate(self, X: Any) -> _marshal.Array:
        check_is_fitted(self)
        return _in_rows(
            validate_data(
                self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False, ensure_all_finite=False
            )
        )

    def _resolve_n_init(self) -> int:
        given = _is_arraylike_not_scalar(self.init)
        if self.n_init == "auto":
            n_init = 10 if callable(self.init) or (isinstance(self.init, str) and self.init == "random") else 1
        else:
            n_init = int(self.n_init)
        if given and n_init != 1:
            warn(
                f"Explicit initial center position passed: performing only one init in {type(self).__name__} "
                f"instead of n_init={n_init}.",
                RuntimeWarning,
            )
            n_init = 1
        return n_init

    def _begin(
        self, X: _marshal.Array, weights: _marshal.Array | None, n_init: int, random_state: np.random.RandomState
    ) -> tuple[_marshal.Array | None, _marshal.FloatArray | None]:
        """Return the centres that the runs start from, or the draws that make them."""
        k = self.n_clusters
        if _is_arraylike_not_scalar(self.init):
            return self._validate_centers(X, self.init), None
        if callable(self.init):
            mean = X.mean(axis=0) if isinstance(X, np.ndarray) else 0
            centred = X - mean if isinstance(X, np.ndarray) else X
            starts = [
                self._validate_centers(X, self.init(centred, k, random_state=random_state)) + mean
                for _ in range(n_init)
            ]
            return np.concatenate(starts), None
        if self.init == "random":
            probabilities = np.ones(X.shape[0], X.dtype) if weights is None else weights
            probabilities = probabilities / probabilities.sum()
            rows = [random_state.choice(X.shape[0], size=k, replace=False, p=probabilities) for _ in range(n_init)]
            return _dense(X[np.concatenate(rows)]), None
        # The draws of k-means|| begin with one for the key of its rounds.
        return None, random_state.random_sample(n_init * (_n_draws(k, None) + (self.init == "k-means||")))

    def _validate_centers(self, X: _marshal.Array, given: Any) -> _marshal.Array:
        centers: _marshal.Array = np.require(check_array(given, dtype=X.dtype), requirements="A")
        if centers.shape[0] != self.n_clusters:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of clusters "
                f"{self.n_clusters}."
            )
        if centers.shape[1] != X.shape[1]:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of features of the data "
                f"{X.shape[1]}."
            )
        return centers


class _Lines:
    """What verbose prints, as the runs go on. See `trace` in the header."""

    def __init__(self, estimator: KMeans, tol: object, n_init: int) -> None:
        self.length = min(estimator.max_iter, _MAX_TRACE)
        self.trace = np.zeros((n_init * self.length, 3))
        self.tol = tol
        self.stop = "." if estimator.algorithm == "lloyd" or estimator.n_clusters == 1 else ""
        self.run, self.iteration = 0, 0

    def print(self) -> None:
        """Print the iterations that have been since the last call."""
        while self.run * self.length < len(self.trace):
            inertia, moved, end = self.trace[self.run * self.length + self.iteration].tolist()
            if end == 0:
                return
            if self.iteration == 0:
                print("Initialization complete")
            print(f"Iteration {self.iteration}, inertia {inertia}{self.stop}")
            if end == 2:
                print(f"Converged at iteration {self.iteration}: strict convergence.")
            elif end == 3:
                print(f"Converged at iteration {self.iteration}: center shift {moved} within tolerance {self.tol}.")
            self.iteration += 1
            if end != 1 or self.iteration == self.length:
                self.run, self.iteration = self.run + 1, 0


def _variances(X: Any) -> _marshal.Array:
    """Return those of the columns."""
    variances: _marshal.Array = mean_variance_axis(X, axis=0)[1] if not isinstance(X, np.ndarray) else np.var(X, axis=0)
    return variances


def _in_rows(X: _marshal.Array) -> _marshal.Array:
    """Return X, or a copy of it if its rows are not contiguous."""
    if not isinstance(X, np.ndarray):
        return X
    X = np.require(X, requirements="A")
    in_rows = X.strides[1] == X.itemsize or X.shape[1] == 1
    return X if in_rows and X.strides[0] >= X.shape[1] * X.itemsize else np.ascontiguousarray(X)


def _dense(rows: Any) -> _marshal.Array:
    """Return rows as an array."""
    dense: _marshal.Array = rows if isinstance(rows, np.ndarray) else rows.toarray()
    return dense


def _int64(n: int) -> int:
    return min(int(n), 2**62)


def _n_draws(n_clusters: int, n_local_trials: int | None) -> int:
    """Return how many numbers k-means++ draws: one, and for each further centre one per candidate."""
    if n_local_trials is None:
        n_local_trials = 2 + int(np.log(n_clusters))
    return 1 + (n_clusters - 1) * n_local_trials


@validate_params(
    {"X": ["array-like", "sparse matrix"], "sample_weight": ["array-like", None], "return_n_iter": [bool]},
    prefer_skip_nested_validation=False,
)
def k_means(
    X: Any,
    n_clusters: int,
    *,
    sample_weight: Any = None,
    init: Any = "auto",
    n_init: int | str = "auto",
    max_iter: int = 300,
    verbose: bool = False,
    tol: float = 1e-4,
    random_state: Any = None,
    copy_x: bool = True,
    algorithm: str = "lloyd",
    return_n_iter: bool = False,
) -> tuple[Any, ...]:
    """Cluster the rows of X by k-means.

    Parameters
    ----------
    X, sample_weight
        As for `KMeans.fit`.
    n_clusters, init, n_init, max_iter, verbose, tol, random_state, copy_x, algorithm
        As for `KMeans`.
    return_n_iter : bool, default=False
        Whether to return `n_iter_`, too.

    Returns
    -------
    tuple
        `cluster_centers_`, `labels_`, `inertia_` and, if asked for, `n_iter_`.
    """
    fitted = KMeans(
        n_clusters,
        init=init,
        n_init=n_init,
        max_iter=max_iter,
        verbose=verbose,
        tol=tol,
        random_state=random_state,
        copy_x=copy_x,
        algorithm=algorithm,
    ).fit(X, sample_weight=sample_weight)
    found = (fitted.cluster_centers_, fitted.labels_, fitted.inertia_)
    return (*found, fitted.n_iter_) if return_n_iter else found


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "sample_weight": ["array-like", None],
        "x_squared_norms": ["array-like", None],
        "random_state": ["random_state"],
        "n_local_trials": [Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def kmeans_plusplus(
    X: Any,
    n_clusters: int,
    *,
    sample_weight: Any = None,
    x_squared_norms: Any = None,
    random_state: Any = None,
    n_local_trials: int | None = None,
) -> tuple[_marshal.Array, npt.NDArray[np.int64]]:
    """Choose centres by greedy k-means++.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows to choose from.
    n_clusters : int
        How many.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, not negative.
    x_squared_norms : array-like of shape (n_samples,), default=None
        For scikit-learn's interface: the squared lengths of the rows are not needed.
    random_state : int, RandomState instance or None, default=None
        Where the numbers are drawn from, as scikit-learn draws them.
    n_local_trials : int, default=None
        Candidates for each centre but the first; None is 2 + ⌊ln n_clusters⌋.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
        Rows of X.
    indices : ndarray of shape (n_clusters,), int64
        Which ones.
    """
    X = _in_rows(check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32]))
    weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=X.dtype)
    if X.shape[0] < n_clusters:
        raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={n_clusters}.")
    if x_squared_norms is not None:
        norms = check_array(x_squared_norms, dtype=X.dtype, ensure_2d=False)
        if norms.shape[0] != X.shape[0]:
            raise ValueError(
                f"The length of x_squared_norms {norms.shape[0]} should be equal to the length of n_samples "
                f"{X.shape[0]}."
            )
    draws = check_random_state(random_state).random_sample(_n_draws(n_clusters, n_local_trials))
    indices = _marshal.kmeans_plusplus(X, weights, draws, n_clusters)
    return _dense(X[indices]), indices
