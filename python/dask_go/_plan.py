"""What the fits of a cross-validated search have in common: which of them can be made together, and making them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.metrics._scorer import _MultimetricScorer, _PassthroughScorer, _Scorer
from sklearn.utils import check_random_state, column_or_1d, compute_class_weight
from sklearn.utils.validation import _num_samples

from . import _dask_search
from ._pipelines import Apart, Fitted, take_apart
from ._planned import Held, Source, as_rows, bytes_of
from ._spec import IntArray, Spec, run
from .svm import SVC, hard_margin

# Transformed rows of several splits are worked on at the same time up to so many bytes.
_STACK_BYTES = 256 << 20


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

    def __add__(self, other: SearchPlan) -> SearchPlan:
        reasons = dict(Counter(self.reasons) + Counter(other.reasons))
        return SearchPlan(self.fits + other.fits, self.shared + other.shared, self.solved + other.solved, reasons)

    def __str__(self) -> str:
        lines = [f"{self.shared} of {self.fits} fits made together, as {self.solved} problems"]
        lines += [f"{count} one by one: {reason}" for reason, count in self.reasons.items()]
        return "\n".join(lines)


class Unplannable(Exception):  # noqa: N818 -- no error: the fit takes the other way
    """A fit cannot be made together with others; says why."""


class Scoring(NamedTuple):
    """What scorers ask of an estimator, as far as one can know."""

    known: bool  # they are scikit-learn's, which hand X to the estimator and do nothing else with it
    decision: bool  # they may want decision values
    probability: bool  # they may want probabilities

    @classmethod
    def of(cls, scorer: Any) -> Scoring:
        """Look at a scorer, or at several in one."""
        scorers = list(scorer._scorers.values()) if isinstance(scorer, _MultimetricScorer) else [scorer]  # noqa: SLF001
        if not all(type(s) in (_Scorer, _PassthroughScorer) for s in scorers):
            return cls(known=False, decision=True, probability=True)
        methods: set[str] = set()
        for s in scorers:
            wanted = getattr(s, "_response_method", "predict")
            for method in [wanted] if isinstance(wanted, str) else wanted:
                methods.add(method)
                if method != "predict_proba":  # the first one that the estimator has, and it need not have this one
                    break
        return cls(True, "decision_function" in methods, "predict_proba" in methods)


@dataclass(eq=False)
class Task:
    """One call of scikit-learn's _fit_and_score, and what is known of its fit once it was made."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    held: Held | None = None
    fitted: Fitted | None = None  # the steps before the SVC


@dataclass(eq=False)
class _Whole:
    """What all tasks share."""

    X: Any
    y: Any
    fit_params: dict[str, Any]
    labels: npt.NDArray[np.int64]  # y, as indexes into the classes
    classes: npt.NDArray[Any]
    weights: npt.NDArray[np.float64] | None


@dataclass(eq=False)
class _Split:
    """The rows of one split, and what depends on them alone."""

    train: IntArray
    test: IntArray
    classes: npt.NDArray[np.intp]
    resolved: dict[Any, Any] = field(default_factory=dict)

    def taken(self, first: int) -> _Split:
        """Return the split of the rows that it takes out, laid down from row `first` on."""
        rows = np.arange(first, first + len(self.train) + len(self.test), dtype=np.int32)
        return _Split(rows[: len(self.train)], rows[len(self.train) :], self.classes)


class _Entry(NamedTuple):
    task: Task
    split: _Split
    svc: SVC
    params: dict[str, Any]  # as the library wants them
    class_weight: npt.NDArray[np.float64]


def hold(tasks: list[Task]) -> SearchPlan:
    """Make the fits of the tasks that can be made together, and say what became of all."""
    reasons: Counter[str] = Counter()
    if not tasks:
        return SearchPlan()
    try:
        whole = _whole(tasks[0])
    except Unplannable as why:
        return SearchPlan(len(tasks), reasons={str(why): len(tasks)})
    splits: dict[Any, Any] = {}
    candidates: dict[Any, Any] = {}
    wanted: dict[Any, dict[_Split, list[tuple[Task, Apart]]]] = {}  # by the steps before the SVC
    for task in tasks:
        try:
            apart = _once(candidates, id(task.kwargs["parameters"]), _candidate, task)
            split = _once(splits, (id(task.kwargs["train"]), id(task.kwargs["test"])), _split, task, whole)
            wanted.setdefault(apart.key, {}).setdefault(split, []).append((task, apart))
        except Unplannable as why:
            reasons[str(why)] += 1
    shared = solved = 0
    for group in wanted.values():
        for source, entries in _batches(whole, group, reasons):
            solved += _make(source, entries, reasons)
            shared += sum(entry.task.held is not None for entry in entries)
    return SearchPlan(len(tasks), shared, solved, dict(reasons))


def _batches(
    whole: _Whole, group: dict[_Split, list[tuple[Task, Apart]]], reasons: Counter[str]
) -> Iterator[tuple[Source, list[_Entry]]]:
    """Yield what goes to the library at a time: all fits, or for pipelines those of some splits."""
    first = next(iter(group.values()))[0][1]
    if not first.steps:
        try:
            rows = as_rows(whole.X)
        except (ValueError, TypeError) as error:
            reasons[f"SVC does not take the data: {error}"] += sum(map(len, group.values()))
            return
        source = Source(whole.X, whole.y, whole.fit_params, rows, whole.labels, whole.classes, whole.weights)
        yield source, _entries(source, [(split, split, pairs) for split, pairs in group.items()], reasons)
        return
    parts: list[tuple[_Split, _Split, list[tuple[Task, Apart]]]] = []
    stack: list[Any] = []
    size = height = 0
    for split, pairs in group.items():
        try:
            fitted, rows = first.transform(whole.X, whole.y, split.train, split.test)
        except Exception:  # noqa: BLE001 -- whatever it is, the steps say it themselves when they are fitted alone
            reasons["a step before the SVC fails"] += len(pairs)
            continue
        if isinstance(rows, str):
            reasons[rows] += len(pairs)
            continue
        for task, _ in pairs:
            task.fitted = fitted.shared_by(len(pairs))
        alike = not stack or (rows.shape[1] == stack[0].shape[1] and issparse(rows) == issparse(stack[0]))
        if stack and (size + bytes_of(rows) > _STACK_BYTES or not alike):
            yield _stacked(whole, parts, stack, reasons)
            parts, stack, size, height = [], [], 0, 0
        parts.append((split, split.taken(height), pairs))
        stack.append(rows)
        size += bytes_of(rows)
        height += rows.shape[0]
    if stack:
        yield _stacked(whole, parts, stack, reasons)


def _stacked(
    whole: _Whole,
    parts: list[tuple[_Split, _Split, list[tuple[Task, Apart]]]],
    stack: list[Any],
    reasons: Counter[str],
) -> tuple[Source, list[_Entry]]:
    order = np.concatenate([rows for split, _, _ in parts for rows in (split.train, split.test)])
    rows = sparse.vstack(stack, format="csr") if issparse(stack[0]) else np.concatenate(stack)
    weights = None if whole.weights is None else whole.weights[order]
    fit_params = {} if whole.weights is None else {"sample_weight": weights}
    labels = whole.labels[order]
    source = Source(rows, whole.classes[labels], fit_params, rows, labels, whole.classes, weights)
    return source, _entries(source, parts, reasons)


def _entries(
    source: Source, parts: list[tuple[_Split, _Split, list[tuple[Task, Apart]]]], reasons: Counter[str]
) -> list[_Entry]:
    entries = []
    for _, split, pairs in parts:
        for task, apart in pairs:
            scoring = Scoring.of(task.kwargs["scorer"])
            try:
                entries.append(_Entry(task, split, apart.svc, *_resolve(apart.svc, split, source, scoring)))
            except Unplannable as why:
                reasons[str(why)] += 1
    return entries


def _make(source: Source, entries: list[_Entry], reasons: Counter[str]) -> int:
    """Make fits of one source and let their tasks hold them; return how many different problems there were."""
    if not entries:
        return 0
    kwargs = entries[0].task.kwargs
    train_scores = bool(kwargs.get("return_train_score"))
    splits = list(dict.fromkeys(entry.split for entry in entries))
    numbers = {split: number for number, split in enumerate(splits)}
    scoring = Scoring.of(kwargs["scorer"])
    spec = Spec(
        params=[entry.params for entry in entries],
        split=np.array([numbers[entry.split] for entry in entries], np.int32),
        class_weight=np.array([entry.class_weight for entry in entries]),
        train=[split.train for split in splits],
        test=[np.concatenate([s.test, s.train]) if train_scores else s.test for s in splits],
        decision=scoring.decision or any(entry.svc.break_ties for entry in entries),
        probability=scoring.probability and any(entry.params["probability"] for entry in entries),
    )
    client = _dask_search.cluster()
    data = source.rows, source.labels, source.weights
    try:
        outcome = run(*data, spec) if client is None else _dask_search.run(client, *data, spec)
    except ValueError as error:  # of one fit, perhaps, which says it again, as its error_score wants
        reasons[f"not possible together: {error}"] += len(entries)
        return 0
    for f, entry in enumerate(entries):
        if not outcome.converged[f]:  # then a warning is due
            reasons["the tolerance was not reached"] += 1
            continue
        entry.task.held = Held(
            source=source,
            train=entry.split.train,
            pairwise=entry.svc.kernel == "precomputed",
            pieces=[entry.split.test, entry.split.train] if train_scores else [entry.split.test],
            classes=entry.split.classes,
            predicted=outcome.predicted[f],
            decision=None if outcome.decision is None else outcome.decision[f],
            probability=outcome.probability[f] if outcome.probability and entry.params["probability"] else None,
            seconds=float(outcome.seconds[f]),
        )
    return len({(tuple(sorted(e.params.items())), e.split, e.class_weight.tobytes()) for e in entries})


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


def _whole(task: Task) -> _Whole:
    """Check the data that tasks share as SVC.fit checks them, but for X, which a pipeline may transform."""
    estimator, X, y = task.args
    last = take_apart(estimator).svc
    if type(last) is not SVC:
        raise Unplannable(f"{type(last).__name__} is not dask_go.svm.SVC")
    if task.kwargs.get("return_estimator"):
        raise Unplannable("the fitted estimators are asked for")
    if y is None:
        raise Unplannable("there is no y")
    name = take_apart(estimator).prefix + "sample_weight"
    fit_params = task.kwargs["fit_params"] or {}
    unknown = set(fit_params) - {name}
    if unknown:
        raise Unplannable(f"fit is given {', '.join(sorted(unknown))}")
    model = SVC()
    try:
        labels = model._validate_targets(column_or_1d(y, warn=True))  # noqa: SLF001
        if _num_samples(X) != len(labels):
            raise Unplannable("X and y differ in length")
        weights = model._validate_weights(fit_params.get(name), labels, labels)  # noqa: SLF001
    except (ValueError, TypeError) as error:
        raise Unplannable(f"SVC does not take the data: {error}") from None
    return _Whole(X, y, fit_params, labels, model.classes_, weights)


def _candidate(task: Task) -> Apart:
    """Return the estimator of a task with its parameters, taken apart, if it is one that can be planned."""
    parameters = task.kwargs["parameters"]
    try:
        estimator = clone(task.args[0])
        if parameters is not None:
            estimator.set_params(**clone(parameters, safe=False))
        apart = take_apart(estimator)
        if type(apart.svc) is not SVC:
            raise Unplannable(f"{type(apart.svc).__name__} is not dask_go.svm.SVC")
        apart.svc._validate_params()  # noqa: SLF001
    except (ValueError, TypeError) as error:
        raise Unplannable(f"a parameter is out of its domain: {str(error).splitlines()[0]}") from None
    if apart.obstacle:
        raise Unplannable(apart.obstacle)
    if callable(apart.svc.kernel):
        raise Unplannable("a callable kernel may see no other rows than those of its fit")
    if apart.svc.kernel == "precomputed" and apart.steps:
        raise Unplannable("the kernel matrix of each split is another one")
    if apart.svc.verbose:
        raise Unplannable("verbose tells of each fit alone")
    if apart.svc.max_iter != -1:
        raise Unplannable("max_iter limits the steps of a fit that starts from nothing")
    return apart


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


def _split(task: Task, whole: _Whole) -> _Split:
    n = len(whole.labels)
    train, test = _indices(task.kwargs["train"], n), _indices(task.kwargs["test"], n)
    classes = np.unique(whole.labels[train])
    if len(classes) < 2:
        raise Unplannable("a split trains on one class")
    if whole.weights is not None and len(np.unique(whole.labels[train][whole.weights[train] > 0])) < len(classes):
        raise Unplannable("a class of a split has no row of positive weight")
    return _Split(train, test, classes)


def _resolve(
    svc: SVC, split: _Split, source: Source, scoring: Scoring
) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
    """Return the parameters of a fit as the library wants them, and the classes' weights."""
    if svc.kernel == "precomputed" and not source.symmetric:
        raise Unplannable("X is not a symmetric kernel matrix")
    weight = np.ones(len(source.classes))
    if svc.class_weight is not None:
        weight[split.classes] = _once(split.resolved, id(svc.class_weight), _class_weight, svc, split, source)
    gamma = 0.0 if svc.kernel == "precomputed" else svc.gamma
    if isinstance(gamma, str):
        gamma = _once(split.resolved, gamma, _gamma, svc, split, source)
    names = ("degree", "coef0", "tol", "cache_size", "max_iter")
    params = {name: getattr(svc, name) for name in names}
    if not math.isfinite(params["coef0"]) or params["degree"] >= 2**31:
        raise Unplannable("degree or coef0 is out of its domain")
    params |= {"C": hard_margin(svc.C), "kernel": svc.kernel, "gamma": float(gamma), "probability": 0}
    if scoring.probability and svc._probability():  # noqa: SLF001
        # The random state is the candidate's own, so it is asked once, as one fit would.
        seed = _once(split.resolved, id(svc), _seed, svc)
        params |= {"probability": 1, "random_state": seed}
    return params, weight


def _seed(svc: SVC) -> int:
    return int(check_random_state(clone(svc).random_state).randint(np.iinfo(np.int32).max))


def _gamma(svc: SVC, split: _Split, source: Source) -> float:
    try:
        return svc._resolve_gamma(source.rows[split.train] if svc.gamma == "scale" else source.rows)  # noqa: SLF001
    except ValueError as error:
        raise Unplannable(str(error)) from None


def _class_weight(svc: SVC, split: _Split, source: Source) -> npt.NDArray[np.float64]:
    labels = source.classes[source.labels[split.train]]
    try:
        weight: npt.NDArray[np.float64] = compute_class_weight(
            svc.class_weight, classes=source.classes[split.classes], y=labels
        )
    except (ValueError, TypeError) as error:
        raise Unplannable(f"class_weight: {error}") from None
    if not (weight > 0).all():
        raise Unplannable("class_weight must be positive for every class")
    return weight
