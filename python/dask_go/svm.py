"""Support vector machines with scikit-learn's interface."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d, compute_class_weight
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _ovr_decision_function, check_classification_targets
from sklearn.utils.validation import _num_samples, check_is_fitted, validate_data

from . import _marshal, _sparse
from ._dispatch import on_blocks
from ._progress import gap_bar

__all__ = ["SVC"]

# Rows of about this many values are centred at a time: 512 KiB of float64.
_VARIANCE_BLOCK = 1 << 16

# The C that stands for an infinite one: multipliers of scaled data do not reach it, and beside
# it float64 still holds those of ordinary size.
_HARD_MARGIN = 1e12


def hard_margin(C: float) -> float:
    """Return C, or a number that stands for an infinite one."""
    return _HARD_MARGIN if np.isinf(C) else C


_NOT_FINITE = (
    "The dual coefficients or intercepts are not finite. The input data may contain large values and need to be "
    "preprocessed."
)


def _variance(X: _marshal.Array) -> float:
    """Return the variance of all values of X, in float64 and without a temporary of the size of X."""
    if X.size <= _VARIANCE_BLOCK:
        return float(X.var(dtype=np.float64))
    rows = max(1, _VARIANCE_BLOCK // X.shape[1])
    mean = X.mean(dtype=np.float64)
    squares = 0.0
    for first in range(0, X.shape[0], rows):
        centred = np.subtract(X[first : first + rows], mean, dtype=np.float64)
        # No product: the threads of a BLAS would go on spinning beside those of the fit.
        squares += float(np.square(centred, out=centred).sum())
    return squares / X.size


class SVC(ClassifierMixin, BaseEstimator):
    """C-support vector classification.

    For every pair of classes, with yₜ = +1 for one and −1 for the other, this solves the
    problem of scikit-learn's `sklearn.svm.SVC` and of libsvm [1]_, ::

        min over α   ½ Σₛₜ αₛ αₜ yₛ yₜ K(xₛ, xₜ) − Σₜ αₜ
        subject to   Σₜ αₜ yₜ = 0,   0 ≤ αₜ ≤ C · class_weight[yₜ] · sample_weight[t]

    to the same tolerance `tol`, on all cores. The solution, and so every fitted attribute
    except `n_iter_`, agrees with scikit-learn's within that tolerance, and does not depend
    on the number of threads.

    Parameters
    ----------
    C : float in (0, inf], default=1.0
        The price of an error. A small C gives a wide margin.
    kernel : {'linear', 'poly', 'rbf', 'sigmoid', 'precomputed'} or callable, default='rbf'
        K(x, z) = x·z, (γ x·z + coef0)^degree, exp(−γ‖x−z‖²) or tanh(γ x·z + coef0). The last one,
        and 'poly' with a negative coef0, can have negative eigenvalues: the problem is then not convex,
        and the solution one of several that meet `tol`. For 'precomputed', X holds the kernel values
        themselves: of all pairs of rows for `fit`, of new rows with those for prediction. A callable makes
        such a matrix: kernel(X, Z) has the shape (rows of X, rows of Z).
    degree : int in [0, 2**31), default=3
        The degree of 'poly'; the other kernels have none.
    gamma : {'scale', 'auto'} or float in [0, inf), default='scale'
        γ of 'poly', 'rbf' and 'sigmoid', in 1/(unit of X)²: 'scale' is 1 / (n_features · variance of
        all of X), and 1 if that variance is zero; 'auto' is 1 / n_features.
    coef0 : float, default=0.0
        The constant of 'poly' and 'sigmoid'; the other kernels have none.
    shrinking : bool, default=True
        In libsvm, whether to set bounded variables aside for a while. It changes the way to
        the solution and not the solution; this solver decides for itself, so both values
        give the same model.
    probability : bool, default=False
        Whether `fit` also learns the probabilities that `predict_proba` gives, by five more
        trainings of each pair of classes that leave out a fifth of the rows each (Platt's method).
    tol : float in (0, inf), default=1e-3
        The solver ends when the violation of the optimality conditions (the KKT gap, in
        units of the decision function) is at most `tol`.
    cache_size : float in (0, inf), default=200
        How much memory kernel values may take, in MB (2**20 bytes): kept columns, and factors of
        kernel matrices of low rank, and the float64 rows of what float32 cannot finish.
        The default is scikit-learn's; a smaller cache costs time and not accuracy.
    class_weight : dict or 'balanced', default=None
        Multipliers of C for each class, each positive; classes that are not in the dict have 1.
        'balanced' is n_samples / (n_classes · number of samples of the class).
    verbose : bool, default=False
        Whether `fit` shows its steps and the KKT gap that it is at (of one of the pairs at work) in a bar
        of tqdm, which has to be installed.
    max_iter : int in [-1, inf), default=-1
        A limit on the steps for each pair of classes; -1 is none. A step is an update of a pair of variables, as in
        libsvm; a Newton or interior-point step that moves m variables at once counts as m. Where the limit ends a
        fit there is a `ConvergenceWarning`. (So there is where values of X are so large that float64 does not hold
        a solution to within `tol`; scikit-learn then goes on for ever.)
    decision_function_shape : {'ovr', 'ovo'}, default='ovr'
        Whether `decision_function` has a column for each class or for each pair of classes.
        Training is one-vs-one in both cases; two classes have a single column.
    break_ties : bool, default=False
        Whether `predict` settles ties between more than two classes by `decision_function`
        instead of by the order of the classes. Needs decision_function_shape='ovr'.
    random_state : int, RandomState instance or None, default=None
        `fit` draws one number from it, as in scikit-learn. With `probability` that is the seed
        of the partition into fifths, which is libsvm's; nothing else depends on it.

    Attributes
    ----------
    class_weight_ : ndarray of shape (n_classes,), float64
        The multipliers of C.
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.
    coef_ : ndarray or csr_matrix of shape (n_pairs, n_features), float64
        The weights of the features, for kernel='linear' only; read-only. This, `dual_coef_` and
        `support_vectors_` are sparse if X was, in scikit-learn's types (`sparse_interface`).
    dual_coef_ : ndarray or csr_matrix of shape (n_classes - 1, n_SV), float64
        αₜyₜ of the support vectors, in libsvm's layout: the columns of class i hold, from top
        to bottom, its coefficients against the other classes.
    fit_status_ : int
        0 if the tolerance was reached, else 1.
    intercept_ : ndarray of shape (n_pairs,), float64
        The constants of the decision functions.
    n_features_in_ : int
        The number of features seen by `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X had names that are all strings.
    n_iter_ : ndarray of shape (n_pairs,), int32
        The steps for each pair, counted as for `max_iter`. Small problems (up to 256 rows of few features; 2048
        rows where the kernel is not definite) take libsvm's steps, as far as rounding does not choose between equals.
    support_ : ndarray of shape (n_SV,), int32
        The rows of X that are support vectors, by class and then ascending.
    support_vectors_ : ndarray or csr_matrix of shape (n_SV, n_features), float64
        Those rows; of shape (0, 0) with kernel='precomputed' or a callable.
    n_support_ : ndarray of shape (n_classes,), int32
        How many each class has.
    probA_, probB_ : ndarray of shape (n_pairs,), float64
        Platt's parameters: where the decision value of a pair (i, j) is f in libsvm's sign, positive for
        class i, that class has probability 1 / (1 + exp(A·f + B)). Empty without `probability`.
    shape_fit_ : tuple of int
        The shape of the X given to `fit`.

    See Also
    --------
    sklearn.svm.SVC : The same model, from libsvm.

    References
    ----------
    .. [1] C.-C. Chang, C.-J. Lin (2011). LIBSVM: a library for support vector machines.
       ACM Transactions on Intelligent Systems and Technology 2, 27.
    .. [2] R.-E. Fan, P.-H. Chen, C.-J. Lin (2005). Working set selection using second order
       information for training support vector machines. JMLR 6, 1889-1918.
    .. [3] H.-T. Lin, C.-J. Lin, R. C. Weng (2007). A note on Platt's probabilistic outputs for
       support vector machines. Machine Learning 68, 267-276.
    .. [4] T.-F. Wu, C.-J. Lin, R. C. Weng (2004). Probability estimates for multi-class
       classification by pairwise coupling. JMLR 5, 975-1005.

    Examples
    --------
    >>> import numpy as np
    >>> from dask_go.svm import SVC
    >>> X = np.array([[-1, -1], [-2, -1], [1, 1], [2, 1]])
    >>> y = np.array([1, 1, 2, 2])
    >>> SVC(gamma="auto").fit(X, y).predict([[-0.8, -1]])
    array([1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "C": [Interval(Real, 0.0, None, closed="right")],
        "kernel": [StrOptions({"linear", "poly", "rbf", "sigmoid", "precomputed"}), callable],
        "degree": [Interval(Integral, 0, None, closed="left")],
        "gamma": [StrOptions({"scale", "auto"}), Interval(Real, 0.0, None, closed="left")],
        "coef0": [Interval(Real, None, None, closed="neither")],
        "shrinking": ["boolean"],
        # scikit-learn 1.9 made this string its default, and models' parameters are passed on.
        "probability": ["boolean", Hidden(StrOptions({"deprecated"}))],
        "tol": [Interval(Real, 0.0, None, closed="neither")],
        "cache_size": [Interval(Real, 0, None, closed="neither")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "verbose": ["verbose"],
        "max_iter": [Interval(Integral, -1, None, closed="left")],
        "decision_function_shape": [StrOptions({"ovr", "ovo"})],
        "break_ties": ["boolean"],
        "random_state": ["random_state"],
    }

    # Read by programs that convert scikit-learn's models.
    _impl = "c_svc"
    _sparse = False

    def __init__(
        self,
        *,
        C: float = 1.0,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: str | float = "scale",
        coef0: float = 0.0,
        shrinking: bool = True,
        probability: bool | str = False,
        tol: float = 1e-3,
        cache_size: float = 200,
        class_weight: dict[Any, float] | str | None = None,
        verbose: bool = False,
        max_iter: int = -1,
        decision_function_shape: str = "ovr",
        break_ties: bool = False,
        random_state: Any = None,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.shrinking = shrinking
        self.probability = probability
        self.tol = tol
        self.cache_size = cache_size
        self.class_weight = class_weight
        self.verbose = verbose
        self.max_iter = max_iter
        self.decision_function_shape = decision_function_shape
        self.break_ties = break_ties
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.kernel != "precomputed"
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model to training data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or (n_samples, n_samples) for
                kernel='precomputed'
            float32 and float64 arrays of any strides are read in place, and so are CSR matrices
            with indices of either width; anything else is converted to float64 or CSR once. Zeros
            of a sparse X are never stored, and memory is that of its elements. A callable kernel
            gets X as it is, at prediction as well.
        y : array-like of shape (n_samples,)
            Class labels, at least two different ones.
        sample_weight : array-like of shape (n_samples,), default=None
            Multipliers of C for each row. Rows of zero or negative weight do not take part.

        Returns
        -------
        self : SVC
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument or a parameter is out of its domain: NaN or infinity in X, fewer
            than two classes, lengths that differ, weights that leave one class or none; or if
            kernel values overflow (float32 where they are powers, as 'poly' has them): scale X then.
        TypeError
            If X is sparse with kernel='precomputed'.
        ImportError
            If `verbose` is true and tqdm is missing.
        KeyboardInterrupt
            After Ctrl-C; the solver has stopped by then.
        """
        generator = check_random_state(self.random_state)
        if callable(self.kernel):
            self._sparse = False
            check_consistent_length(X, y)
            y = column_or_1d(y, warn=True)
            shape = X.shape if hasattr(X, "shape") else (_num_samples(X),)
            self._X_fit = X
            X = self._compute_kernel(X)
            if X.shape[0] != X.shape[1]:
                raise ValueError("X.shape[0] should be equal to X.shape[1]")
        else:
            self._sparse = sparse.issparse(X)
            if self._sparse and self.kernel == "precomputed":
                raise TypeError("Sparse precomputed kernels are not supported.")
            X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
            shape = X.shape
        X = X if self._sparse else np.require(X, requirements="A")
        if self._precomputed() and X.shape[0] != X.shape[1]:
            raise ValueError(
                f"Precomputed matrix must be a square matrix. Input is a {X.shape[0]}x{X.shape[1]} matrix."
            )
        labels = self._validate_targets(y)
        weights = self._validate_weights(sample_weight, X, labels)
        self._gamma = self._resolve_gamma(X)
        # Drawn in any case: a generator that is shared must move on as it does in scikit-learn.
        seed = generator.randint(np.iinfo(np.int32).max)

        with gap_bar(self.verbose) as report:
            fitted = _marshal.svc_fit(self._params(random_state=seed), X, labels, weights, self.class_weight_, report)
        if not (np.isfinite(fitted.dual_coef).all() and np.isfinite(fitted.intercept).all()):
            raise ValueError(_NOT_FINITE)
        self.support_ = fitted.support
        self.support_vectors_ = _sparse.aligned(fitted.support_vectors) if self._sparse else fitted.support_vectors
        self._n_support = fitted.n_support
        self._probA = fitted.prob_a
        self._probB = fitted.prob_b
        self.n_iter_ = self._num_iter = fitted.n_iter
        self.shape_fit_ = shape
        # scikit-learn turns libsvm's signs with two classes, so that a positive decision means classes_[1].
        sign = -1.0 if len(self.classes_) == 2 else 1.0
        self._dual_coef_ = _sparse.dual_coef(fitted.dual_coef) if self._sparse else fitted.dual_coef
        self._intercept_ = fitted.intercept
        self.dual_coef_ = self._dual_coef_.copy() if sign > 0 else -self._dual_coef_
        self.intercept_ = sign * fitted.intercept
        self.fit_status_ = 0 if fitted.converged else 1
        if self.fit_status_:
            warnings.warn(
                f"Solver terminated early (max_iter={self.max_iter}).  Consider pre-processing your data with "
                "StandardScaler or MinMaxScaler.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    @on_blocks
    def decision_function(self, X: Any) -> _marshal.FloatArray:
        """Evaluate the decision function.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to evaluate.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_pairs), float64
            With two classes Σ dual_coef_·K + intercept_, positive for `classes_[1]`. With
            more, for decision_function_shape='ovo' the value of each pair, positive for its
            first class, and for 'ovr' the votes of each class plus a term within ±1/3 that
            grows with the sum of its values.
        """
        decision = self._pair_decisions(X)
        n_classes = len(self.classes_)
        if n_classes == 2:
            return -decision.ravel()
        if self.decision_function_shape == "ovr":
            votes: _marshal.FloatArray = _ovr_decision_function(decision < 0, -decision, n_classes)
            return votes
        return decision

    @on_blocks
    def predict(self, X: Any) -> _marshal.Array:
        """Predict the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        ndarray of shape (n_samples,)
            The class with most votes of the pairs; on a tie the first one, or with
            `break_ties` the one with the largest decision value.
        """
        check_is_fitted(self)
        if self.break_ties and self.decision_function_shape == "ovo":
            raise ValueError("break_ties must be False when decision_function_shape is 'ovo'")
        if self.break_ties and len(self.classes_) > 2:
            winners = np.argmax(self.decision_function(X), axis=1)
        else:
            winners = self._winners(X)
        predicted: _marshal.Array = self.classes_.take(winners)
        return predicted

    def _pair_decisions(self, X: Any) -> _marshal.FloatArray:
        """Return the decision value of every row for every pair of classes, in libsvm's signs."""
        X = self._validate_for_predict(X)
        return _marshal.svc_decision_function(self._params(), self._fitted(), X)

    def _winners(self, X: Any) -> npt.NDArray[np.intp]:
        """Return the index of the class of each row."""
        X = self._validate_for_predict(X)
        return _marshal.svc_predict(self._params(), self._fitted(), X).astype(np.intp)

    def _offers_probabilities(self) -> bool:
        if not self._probability():
            raise AttributeError("predict_proba is not available when probability=False")
        return True

    @available_if(_offers_probabilities)
    @on_blocks
    def predict_proba(self, X: Any) -> _marshal.FloatArray:
        """Predict the probability of each class.

        They come from decision values of rows left out of training [3]_, so the most
        probable class need not be the predicted one, and of few rows they mean little. They are
        coupled from those of the pairs [4]_, to libsvm's tolerance of 0.005 / n_classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to evaluate.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            In the order of `classes_`; rows sum to 1.

        Raises
        ------
        NotFittedError
            If the model was fitted with probability=False.
        """
        X = self._validate_for_predict(X)
        if not self._probA.size:
            raise NotFittedError("predict_proba is not available when fitted with probability=False")
        return _marshal.svc_predict_proba(self._params(), self._fitted(), X)

    @available_if(_offers_probabilities)
    def predict_log_proba(self, X: Any) -> _marshal.FloatArray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to evaluate.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            log(predict_proba(X)).
        """
        logarithms: _marshal.FloatArray = np.log(self.predict_proba(X))
        return logarithms

    @property
    def coef_(self) -> Any:
        """The weights of the features, for kernel='linear'."""
        if self.kernel != "linear":
            raise AttributeError("coef_ is only available when using a linear kernel")
        if len(self.classes_) == 2:
            coef = self.dual_coef_ @ self.support_vectors_
        else:
            ends = np.cumsum(self._n_support)
            of = [slice(end - n, end) for end, n in zip(ends, self._n_support, strict=True)]
            # The coefficients of class i against class j > i lie in row j-1, those of j against i in row i.
            pairs = [
                self._dual_coef_[[j - 1], of[i]] @ self.support_vectors_[of[i]]
                + self._dual_coef_[[i], of[j]] @ self.support_vectors_[of[j]]
                for i in range(len(of))
                for j in range(i + 1, len(of))
            ]
            coef = sparse.vstack(pairs, format="csr") if self._sparse else np.vstack(pairs)
        (coef.data if self._sparse else coef).flags.writeable = False
        return coef

    @property
    def n_support_(self) -> _marshal.IntArray:
        """The number of support vectors of each class."""
        return self._n_support

    @property
    def probA_(self) -> _marshal.FloatArray:
        """Platt's slopes."""
        return self._probA

    @property
    def probB_(self) -> _marshal.FloatArray:
        """Platt's offsets."""
        return self._probB

    def _precomputed(self) -> bool:
        return callable(self.kernel) or bool(self.kernel == "precomputed")

    def _compute_kernel(self, X: Any) -> _marshal.Array:
        """Return the values of a callable kernel, of X with the rows of training."""
        K = self.kernel(X, self._X_fit)
        if hasattr(K, "toarray"):  # a sparse matrix
            K = K.toarray()
        checked: _marshal.Array = check_array(K, dtype=[np.float64, np.float32], input_name="kernel(X, Z)")
        return checked

    def _probability(self) -> bool:
        """Return whether probabilities are asked for; scikit-learn's default is the string "deprecated"."""
        return self.probability != "deprecated" and bool(self.probability)

    def _validate_targets(self, y: Any) -> npt.NDArray[np.int64]:
        """Learn `classes_` and `class_weight_`, and return the index of each row's class."""
        if y.dtype.kind == "O":
            check_classification_targets(y)  # before values of different types are sorted
        classes, labels = np.unique(y, return_inverse=True)
        # The verdict depends on the different values alone; that there are many of them would draw a warning.
        # Integers are labels in any case, and to be told so takes longer than to fit a few rows.
        if y.dtype.kind not in "biu" or len(classes) > 20:
            check_classification_targets(classes if len(classes) <= 20 else y)
        self.class_weight_ = (
            np.ones(len(classes))
            if self.class_weight is None
            else compute_class_weight(self.class_weight, classes=classes, y=y)
        )
        if len(classes) < 2:
            raise ValueError(f"The number of classes has to be greater than one; got {len(classes)} class")
        if not (self.class_weight_ > 0).all():
            raise ValueError(f"class_weight must be positive for every class, got {self.class_weight!r}")
        self.classes_ = classes
        return labels.astype(np.int64, copy=False)

    def _validate_weights(
        self, sample_weight: Any, X: _marshal.Array, labels: npt.NDArray[np.int64]
    ) -> _marshal.FloatArray | None:
        if sample_weight is None:
            return None
        weights = np.asarray(sample_weight, dtype=np.float64)
        if weights.shape != X.shape[:1]:
            raise ValueError(f"sample_weight and X have incompatible shapes: {weights.shape} vs {X.shape}")
        check_array(weights, ensure_2d=False, input_name="sample_weight")
        taking_part = np.unique(labels[weights > 0])
        if len(taking_part) == 0:
            raise ValueError("Invalid input - all samples have zero or negative weights.")
        if len(taking_part) == 1:
            raise ValueError("Invalid input - all samples with positive weights belong to the same class.")
        if len(taking_part) < len(self.classes_):
            # scikit-learn goes on here, and then predicts labels of the wrong classes.
            left_out = np.delete(self.classes_, taking_part).tolist()
            raise ValueError(f"Invalid input - all samples of the classes {left_out} have zero or negative weights.")
        return np.maximum(weights, 0.0)

    def _resolve_gamma(self, X: _marshal.Array) -> float:
        if self._precomputed():
            return 0.0
        if isinstance(self.gamma, Real):
            return float(self.gamma)
        n_features: int = X.shape[1]
        if self.gamma == "auto":
            return 1.0 / n_features
        variance = _sparse.variance(X) if sparse.issparse(X) else _variance(X)
        if not np.isfinite(variance):
            raise ValueError(_NOT_FINITE + " (The variance of X overflows, by which gamma='scale' divides.)")
        return 1.0 / (n_features * variance) if variance != 0 else 1.0

    def _params(self, random_state: int = 0) -> Any:
        if self.degree >= 2**31:
            raise ValueError(f"degree must be below 2**31, got {self.degree}")
        return _marshal.params(
            "gocluster_svc_params",
            self,
            kernel=_marshal.KERNELS["precomputed" if callable(self.kernel) else self.kernel],
            gamma=self._gamma,
            C=hard_margin(self.C),
            probability=self._probability(),
            random_state=random_state,
        )

    def _fitted(self) -> _marshal.FittedSVC:
        return _marshal.FittedSVC(
            support=self.support_,
            n_support=self._n_support,
            support_vectors=self.support_vectors_,
            dual_coef=_sparse.dense(self._dual_coef_),
            intercept=self._intercept_,
            n_iter=self.n_iter_,
            prob_a=self._probA,
            prob_b=self._probB,
            converged=self.fit_status_ == 0,
        )

    def _validate_for_predict(self, X: Any) -> _marshal.Array:
        check_is_fitted(self)
        if callable(self.kernel):
            X = self._compute_kernel(X)
        else:
            X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        if sparse.issparse(X) and not self._sparse:
            raise ValueError(f"cannot use sparse input in {type(self).__name__!r} trained on dense data")
        if self._precomputed() and X.shape[1] != self.shape_fit_[0]:
            raise ValueError(
                f"X.shape[1] = {X.shape[1]} should be equal to {self.shape_fit_[0]}, "
                "the number of samples at training time"
            )
        if self._n_support.sum() != (len(self.support_) if self._precomputed() else self.support_vectors_.shape[0]):
            raise ValueError(f"The internal representation of {type(self).__name__} was altered")
        return X if sparse.issparse(X) else np.require(X, requirements="A")
