"""scikit-learn's search for hyper-parameters and cross-validation, with shared work.

The classes are scikit-learn's, and so is the code that decides what is fitted and scored. Only
who makes the fits is exchanged: those of an SVC are made together, by one call of the library,
which packs the data once, lets fits that differ in C start from one another, and solves
problems that have the same solution once. Each fit reaches its own tolerance, as alone.
Everything else runs on joblib, with the backend "gocluster" unless the program has chosen one.
"""

from __future__ import annotations

from typing import Any, Self

import sklearn.model_selection as sk
from sklearn.base import _fit_context
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._param_validation import validate_params

from ._executor import Executor, adapted
from ._plan import SearchPlan

__all__ = ["GridSearchCV", "RandomizedSearchCV", "SearchPlan", "cross_val_score", "cross_validate"]


class _Search(BaseSearchCV):
    """A search of scikit-learn's, with another executor."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Run fit with all sets of parameters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training vectors.
        y : array-like of shape (n_samples,) or (n_samples, n_output), default=None
            What is to be predicted.
        **params : dict
            What the `fit` of the estimator, the splitter and the scorers are to be given:
            `sample_weight`, `groups` and so on, as in scikit-learn.

        Returns
        -------
        self : object
            The fitted search.
        """
        executors: list[Executor] = []

        def parallel(**options: Any) -> Executor:
            executors.append(Executor(**options))
            return executors[-1]

        adapted(BaseSearchCV.fit, Parallel=parallel)(self, X, y, **params)
        self.search_plan_: SearchPlan = executors[-1].plan
        return self


class GridSearchCV(_Search, sk.GridSearchCV):
    """Exhaustive search over parameter values: scikit-learn's, with shared work.

    Parameters, attributes and methods are those of
    `sklearn.model_selection.GridSearchCV`, to which is added what follows. Scores agree within
    what the estimator's `tol` leaves open, and do not depend on `n_jobs`.

    Fits of `dask_go.svm.SVC`, and of a `Pipeline` that ends in one, are made together if they can be,
    for dense and sparse rows and symmetric kernel matrices;
    the steps before the SVC are fitted once for each split and each setting of their own. `n_jobs`
    and `pre_dispatch` count for fits that cannot, and for other estimators: these run on joblib.

    Scorers are given an SVC that has its predictions for the rows held out at hand, and that is really
    fitted, on the spot, for the first thing else that it is asked. `mean_fit_time` and the lines of
    `verbose` tell the work on each fit: its own, with an equal share of what fits have in common.
    As fits are made side by side, their sum may be more than the time that the search took.

    Parameters
    ----------
    estimator : estimator object
    param_grid : dict or list of dict
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in scikit-learn.

    Attributes
    ----------
    search_plan_ : SearchPlan
        How many fits were made together, and why others were not; `print` it.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : The same search, one fit after another.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dask_go.model_selection import GridSearchCV
    >>> from dask_go.svm import SVC
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(SVC(), {"C": [0.1, 1, 10], "kernel": ["linear", "rbf"]}).fit(X, y)
    >>> search.best_params_
    {'C': 1, 'kernel': 'linear'}
    >>> print(search.search_plan_)
    30 of 30 fits made together, as 30 problems
    """


class RandomizedSearchCV(_Search, sk.RandomizedSearchCV):
    """Search over parameters that are drawn at random: scikit-learn's, with shared work.

    Parameters, attributes and methods are those of `sklearn.model_selection.RandomizedSearchCV`;
    what is shared, and what `search_plan_` tells, is described in `GridSearchCV`.
    """


def _with_executor(function: Any, **names: Any) -> Any:
    """Return one of scikit-learn's functions with other global names, its checks of parameters included."""
    constraints = function._skl_parameter_constraints  # noqa: SLF001
    checked = validate_params(constraints, prefer_skip_nested_validation=False)
    twin = checked(adapted(function, **names))
    twin.__module__ = __name__
    name = f"sklearn.model_selection.{function.__name__}"
    twin.__doc__ = f"Like `{name}`; fits of `dask_go.svm.SVC` share their work as in `GridSearchCV`."
    return twin


cross_validate = _with_executor(sk.cross_validate, Parallel=Executor)
cross_val_score = _with_executor(sk.cross_val_score, cross_validate=cross_validate)
