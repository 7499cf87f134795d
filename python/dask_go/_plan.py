"""What the fits of a cross-validated search have in common: which of them can be made together, and making them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.metrics._scorer import _MultimetricScorer, _PassthroughScorer, _Scorer
from sklearn.utils import compute_class_weight
from sklearn.utils.validation import _num_samples, check_array

from . import _marshal
from ._planned import Held, IntArray, Source
from .svm import SVC, hard_margin


@dataclass(frozen=True)
class SearchPlan:
    """Which way the fits of a search went, and why.

    Attributes
    ----------
    fits : int
        How many fits of candidates on splits there were.
    shared : int
        How many of them were made together by the library, sharing their work.
    solved : int
        How many different problems that took: fits that have the same solution are solved once.
    reasons : dict of str to int
        Why the other fits went through joblib one by one, and how many for that reason.
    """

    fits: int = 0
    shared: int = 0
    solved: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{self.shared} of {self.fits} fits made together, as {self.solved} problems"]
        lines += [f"{count} one by one: {reason}" for reason, count in self.reasons.items()]
        return "\n".join(lines)


class Unplannable(Exception):  # noqa: N818 -- no error: the fit takes the other way
    """A fit cannot be made together with others; says why."""


class Spec(NamedTuple):
    """Fits of one data set: all that the library needs to know but X, y and the weights. It pickles."""

    params: list[dict[str, Any]]  # of each fit, as in gocluster_svc_params
    split: IntArray  # of each fit
    class_weight: npt.NDArray[np.float64]  # (n_fits, n_classes)
    train: list[IntArray]
    test: list[IntArray]
    decision: bool  # whether decision values are wanted

    def groups(self) -> list[npt.NDArray[np.intp]]:
        """Return the fits of each kernel: they share nothing with those of others, and can be made elsewhere."""
        kernels = [tuple(p[name] for name in ("kernel", "gamma", "degree", "coef0")) for p in self.params]
        return [np.array([f for f, k in enumerate(kernels) if k == kernel]) for kernel in dict.fromkeys(kernels)]

    def part(self, fits: npt.NDArray[np.intp]) -> Spec:
        """Return the spec of some of the fits."""
        return self._replace(
            params=[self.params[f] for f in fits], split=self.split[fits], class_weight=self.class_weight[fits]
        )


class Outcome(NamedTuple):
    """What came of the fits of a spec: for each, arrays over its test rows."""

    predicted: list[IntArray]  # indexes into the classes of y
    decision: list[npt.NDArray[np.float64]] | None  # (n_test, n_pairs)
    seconds: npt.NDArray[np.float64]
    converged: npt.NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[tuple[npt.NDArray[np.intp], Outcome]]) -> Outcome:
        """Put the outcomes of parts of a spec together."""
        order = np.argsort(np.concatenate([fits for fits, _ in parts]))

        def gathered(lists: Iterable[list[Any]]) -> list[Any]:
            flat = [item for part in lists for item in part]
            return [flat[k] for k in order]

        return cls(
            gathered(outcome.predicted for _, outcome in parts),
            None if parts[0][1].decision is None else gathered(outcome.decision or [] for _, outcome in parts),
            np.concatenate([outcome.seconds for _, outcome in parts])[order],
            np.concatenate([outcome.converged for _, outcome in parts])[order],
        )


def run(
    X: _marshal.Array, y: npt.NDArray[np.int64], sample_weight: npt.NDArray[np.float64] | None, spec: Spec
) -> Outcome:
    """Make the fits of a spec. A pure function of its arguments.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        float32 or float64, finite.
    y : ndarray of shape (n_samples,)
        Class indexes, of which every one occurs.
    sample_weight : ndarray of shape (n_samples,) or None
    spec : Spec

    Returns
    -------
    Outcome
    """
    predicted, decision, report = _marshal.svc_search(
        spec.params, spec.split, X, y, sample_weight, spec.class_weight, spec.train, spec.test, decision=spec.decision
    )
    sizes = [len(spec.test[s]) for s in spec.split]
    ends = np.cumsum(sizes)[:-1]
    return Outcome(
        np.split(predicted, ends),
        None if decision is None else np.split(decision, ends),
        report[:, 0],
        report[:, 2] == 1,
    )


class Scoring(NamedTuple):
    """What scorers ask of an estimator, as far as one can know."""

    known: bool  # they are scikit-learn's, which hand X to the estimator and do nothing else with it
    decision: bool  # they may want decision values

    @classmethod
    def of(cls, scorer: Any) -> Scoring:
        scorers = list(scorer._scorers.values()) if isinstance(scorer, _MultimetricScorer) else [scorer]  # noqa: SLF001
        known = all(type(s) in (_Scorer, _PassthroughScorer) for s in scorers)
        methods: set[str] = set()
        for s in scorers:
            method = getattr(s, "_response_method", "predict")
            methods.update([method] if isinstance(method, str) else method)
        return cls(known, not known or "decision_function" in methods)


@dataclass(eq=False)
class Task:
    """One call of scikit-learn's _fit_and_score."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    held: Held | None = None


def _source(X: Any, y: Any, fit_params: dict[str, Any]) -> Source:
    """Check the data that tasks share as SVC.fit checks them."""
    unknown = set(fit_params) - {"sample_weight"}
    if unknown:
        raise Unplannable(f"SVC.fit takes no {', '.join(sorted(unknown))}")
    model = SVC()
    try:
        rows = np.require(check_array(X, dtype=[np.float64, np.float32]), requirements="A")
        if _num_samples(y) != len(rows):
            raise Unplannable("X and y differ in length")
        labels = model._validate_targets(y)  # noqa: SLF001
        weights = model._validate_weights(fit_params.get("sample_weight"), rows, labels)  # noqa: SLF001
    except (ValueError, TypeError) as error:
        raise Unplannable(f"SVC does not take the data: {error}") from None
    return Source(X, y, fit_params, rows, labels, model.classes_, weights)


@dataclass(eq=False)
class _Split:
    """The rows of one split, and what depends on them alone."""

    number: int
    train: IntArray
    test: IntArray
    classes: npt.NDArray[np.intp]
    resolved: dict[Any, Any] = field(default_factory=dict)


def hold(tasks: list[Task]) -> tuple[dict[str, int], int]:
    """Make the fits of the tasks that can be made together; return why others cannot, and how many were solved."""
    reasons: dict[str, int] = {}
    first = tasks[0]
    planned: list[tuple[Task, _Split, SVC, dict[str, Any], npt.NDArray[np.float64]]] = []
    try:
        data = _shared_source(first)
    except Unplannable as why:
        return {str(why): len(tasks)}, 0
    scoring = Scoring.of(first.kwargs["scorer"])
    splits: dict[tuple[int, int], _Split | Unplannable] = {}
    candidates: dict[int, SVC | Unplannable] = {}
    for task in tasks:
        try:
            estimator = _once(candidates, id(task.kwargs["parameters"]), _candidate, task)
            key = id(task.kwargs["train"]), id(task.kwargs["test"])
            split = _once(splits, key, _split, task, data, len(splits))
            planned.append((task, split, estimator, *_resolve(estimator, split, data)))
        except Unplannable as why:
            reasons[str(why)] = reasons.get(str(why), 0) + 1
    if not planned:
        return reasons, 0
    train_scores = bool(first.kwargs.get("return_train_score"))
    used = {split.number: split for _, split, *_ in planned}
    numbers = {number: k for k, number in enumerate(used)}
    decision = scoring.decision or any(estimator.break_ties for _, _, estimator, *_ in planned)
    spec = Spec(
        params=[params for *_, params, _ in planned],
        split=np.array([numbers[split.number] for _, split, *_ in planned], np.int32),
        class_weight=np.array([weight for *_, weight in planned]),
        train=[split.train for split in used.values()],
        test=[np.concatenate([s.test, s.train]) if train_scores else s.test for s in used.values()],
        decision=decision,
    )
    outcome = run(data.rows, data.labels, data.weights, spec)
    for f, (task, split, *_) in enumerate(planned):
        if not outcome.converged[f]:  # cannot be without max_iter, but then a warning is due
            reason = "the tolerance was not reached"
            reasons[reason] = reasons.get(reason, 0) + 1
            continue
        task.held = Held(
            source=data,
            train=split.train,
            pieces=[split.test, split.train] if train_scores else [split.test],
            classes=split.classes,
            predicted=outcome.predicted[f],
            decision=None if outcome.decision is None else outcome.decision[f],
            seconds=float(outcome.seconds[f]),
        )
    different = {
        (tuple(sorted(params.items())), split.number, weight.tobytes()) for _, split, _, params, weight in planned
    }
    return reasons, len(different)


def _once(made: dict[Any, Any], key: Any, make: Callable[..., Any], *args: Any) -> Any:
    """Make something at its first use; one that cannot be made says so every time."""
    if key not in made:
        try:
            made[key] = make(*args)
        except Unplannable as why:
            made[key] = why
    if isinstance(made[key], Unplannable):
        raise made[key]
    return made[key]


def _shared_source(task: Task) -> Source:
    estimator, X, y = task.args
    if type(estimator) is not SVC:
        raise Unplannable(f"{type(estimator).__name__} is not dask_go.svm.SVC")
    if task.kwargs.get("return_estimator"):
        raise Unplannable("the fitted estimators are asked for")
    if y is None:
        raise Unplannable("there is no y")
    return _source(X, y, task.kwargs["fit_params"] or {})


def _candidate(task: Task) -> SVC:
    """Return the estimator of a task with its parameters, if it is one that can be planned."""
    parameters = task.kwargs["parameters"]
    try:
        estimator: SVC = clone(task.args[0])
        if parameters is not None:
            estimator.set_params(**clone(parameters, safe=False))
        estimator._validate_params()  # noqa: SLF001
        estimator._refuse_unsupported()  # noqa: SLF001
    except (ValueError, TypeError, NotImplementedError) as error:
        raise Unplannable(f"a parameter is out of its domain: {str(error).splitlines()[0]}") from None
    if estimator._precomputed():  # noqa: SLF001
        raise Unplannable("precomputed and callable kernels are fitted one by one")
    if estimator.max_iter != -1:
        raise Unplannable("max_iter limits the steps of a fit that starts from nothing")
    return estimator


def _indices(indices: Any, n: int) -> IntArray:
    """Return row numbers in place of what a splitter may give for them."""
    array = np.asarray(indices)
    if array.dtype == bool and array.shape == (n,):
        array = np.flatnonzero(array)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and len(array) > 0):
        raise Unplannable("a split is not a list of row numbers")
    array = array.astype(np.int64)
    array = np.where(array < 0, array + n, array)
    if len(array) and (array.min() < 0 or array.max() >= n):
        raise Unplannable("a split has rows that X lacks")
    return array.astype(np.int32)


def _split(task: Task, data: Source, number: int) -> _Split:
    n = len(data.rows)
    train, test = _indices(task.kwargs["train"], n), _indices(task.kwargs["test"], n)
    classes = np.unique(data.labels[train])
    if len(classes) < 2:
        raise Unplannable("a split trains on one class")
    if data.weights is not None and len(np.unique(data.labels[train][data.weights[train] > 0])) < len(classes):
        raise Unplannable("a class of a split has no row of positive weight")
    return _Split(number, train, test, classes)


def _resolve(estimator: SVC, split: _Split, data: Source) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
    """Return the parameters of a fit as the library wants them, and the classes' weights."""
    weight = np.ones(len(data.classes))
    if estimator.class_weight is not None:
        key = (
            "weight",
            estimator.class_weight if isinstance(estimator.class_weight, str) else id(estimator.class_weight),
        )
        weight[split.classes] = _once(split.resolved, key, _class_weight, estimator, split, data)
    gamma = estimator.gamma
    if isinstance(gamma, str):
        gamma = _once(split.resolved, ("gamma", gamma), _gamma, estimator, split, data)
    names = ("degree", "coef0", "tol", "cache_size", "max_iter")
    params = {name: getattr(estimator, name) for name in names}
    return params | {"C": hard_margin(estimator.C), "kernel": estimator.kernel, "gamma": float(gamma)}, weight


def _gamma(estimator: SVC, split: _Split, data: Source) -> float:
    try:
        return estimator._resolve_gamma(data.rows[split.train] if estimator.gamma == "scale" else data.rows)  # noqa: SLF001
    except ValueError as error:
        raise Unplannable(str(error)) from None


def _class_weight(estimator: SVC, split: _Split, data: Source) -> npt.NDArray[np.float64]:
    labels = data.classes[data.labels[split.train]]
    try:
        weight: npt.NDArray[np.float64] = compute_class_weight(
            estimator.class_weight, classes=data.classes[split.classes], y=labels
        )
    except (ValueError, TypeError) as error:
        raise Unplannable(f"class_weight: {error}") from None
    if not (weight > 0).all():
        raise Unplannable("class_weight must be positive for every class")
    return weight
