"""What takes the place of joblib's Parallel inside scikit-learn's search and cross-validation.

They hand Parallel a list of tasks: fit this clone with these parameters on these rows, score it on
those. `Executor` makes fits of `dask_go.svm.SVC` together, by one call of the library, and then
lets scikit-learn's own function go through its motions for each task, with an estimator that
has its predictions at hand. Tasks that cannot be planned run on joblib as ever.
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Iterable
from typing import Any

import joblib
from joblib.parallel import default_parallel_config
from sklearn.model_selection import _validation
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.parallel import Parallel
from sklearn.utils.validation import _num_samples

from ._pipelines import PlannedPipeline
from ._plan import Scoring, SearchPlan, Task, hold
from ._planned import PlannedSVC


def adapted(function: Callable[..., Any], **names: Any) -> Callable[..., Any]:
    """Return a copy of a function that finds other objects under some of its global names.

    So scikit-learn's own code decides what a search is, in every version of it, and only who
    runs the tasks is exchanged.
    """
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    unknown = names.keys() - function.__code__.co_names
    if unknown:
        raise ImportError(f"this version of scikit-learn is not supported: {function.__qualname__} lacks {unknown}")
    copy = types.FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def default_backend() -> Any:
    """Activate the backend "gocluster" unless the program has chosen one."""
    chosen = getattr(joblib.parallel._backend, "config", default_parallel_config)["backend"]  # noqa: SLF001 -- there is no other way to see it
    if chosen is default_parallel_config["backend"]:
        return joblib.parallel_config(backend="gocluster")
    return joblib.parallel_config()


class Executor:
    """Takes the place of joblib's Parallel inside a search or a cross-validation.

    Parameters
    ----------
    n_jobs, pre_dispatch, verbose
        As for Parallel. They count for tasks that are run one by one.

    Attributes
    ----------
    plan : SearchPlan
        What became of the tasks so far.
    """

    def __init__(self, **parallel: Any) -> None:
        self._parallel = parallel
        self.plan = SearchPlan()

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, iterable: Iterable[Any]) -> list[Any]:
        """Run the tasks and return their results, in their order."""
        calls = list(iterable)
        tasks = [Task(args, kwargs) for _, args, kwargs in calls]
        plan = hold(tasks)
        results: list[Any] = [None] * len(tasks)
        single = [k for k, task in enumerate(tasks) if task.held is None]
        if single:
            with default_backend():
                for k, result in zip(single, Parallel(**self._parallel)(calls[k] for k in single), strict=True):
                    results[k] = result
        rows = _Rows(tasks)
        for k, task in enumerate(tasks):
            if task.held is not None:
                results[k] = rows.score(task)
                task.held = task.fitted = None
        self.plan += plan
        return results


class _Clock:
    """The module `time` for scikit-learn's _fit_and_score: the time of a planned fit is added as it is "made"."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def spend(self, seconds: float) -> None:
        self.ahead += seconds


class _Rows:
    """Scores planned tasks by scikit-learn's own function, on rows that are taken out of X as seldom as may be."""

    def __init__(self, tasks: list[Task]) -> None:
        self._clock = _Clock()
        self._fit_and_score = adapted(_validation._fit_and_score, _safe_split=self._split, time=self._clock)  # noqa: SLF001
        self._taken: dict[tuple[int, bool, bool], tuple[Any, Any]] = {}
        self._room = 0
        if tasks:
            # Scorers that are not known may change what they get, so that each gets rows of its own.
            self._share = Scoring.of(tasks[0].kwargs["scorer"]).known
            self._room = (1 + bool(tasks[0].kwargs.get("return_train_score"))) * _num_samples(tasks[0].args[1])

    def score(self, task: Task) -> dict[str, Any]:
        """Do what _fit_and_score does, with an estimator that is fitted by remembering."""
        base, X, y = task.args
        self._task = task
        self._clock.ahead = 0.0
        assert task.held is not None
        if task.fitted is None:
            estimator = PlannedSVC(**base.get_params(deep=False))
            estimator.hold(task.held, self._clock.spend)
        else:
            estimator = PlannedPipeline(**base.get_params(deep=False))
            estimator.hold(task.held, task.fitted, self._clock.spend)
        if hasattr(base, "_skl_callbacks"):
            estimator._skl_callbacks = base._skl_callbacks  # noqa: SLF001
        result: dict[str, Any] = self._fit_and_score(estimator, X, y, **task.kwargs)
        return result

    def _split(self, estimator: Any, X: Any, y: Any, indices: Any, train_indices: Any = None) -> tuple[Any, Any]:
        """Stand in for _safe_split: the rows of the test if `train_indices` are given, else those of the training."""
        kwargs = self._task.kwargs
        test = train_indices is not None
        scored = test or kwargs.get("return_train_score")
        if not scored and not getattr(kwargs.get("caller"), "_skl_callbacks", None):
            return None, None  # nobody will look at them
        if not (scored and self._share):
            taken: tuple[Any, Any] = _safe_split(estimator, X, y, indices, train_indices)
            return taken
        held = self._task.held
        key = id(kwargs["test" if test else "train"]), test, held is not None and held.pairwise
        if key in self._taken:
            taken = self._taken[key]
        else:
            taken = _safe_split(estimator, X, y, indices, train_indices)
            size = _num_samples(taken[0])
            if size <= self._room:
                self._room -= size
                self._taken[key] = taken
        if held is not None and self._task.fitted is None:
            held.given.append((taken[0], 0 if test else 1))
        return taken
