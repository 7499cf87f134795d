"""One case, measured: every peer in a process of its own, in turns, and our solution judged."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import clusters, data, kkt, machine
from benchmarks.cases import Case
from benchmarks.peers import OURS
from benchmarks.remote import Remote, TooSlow

# A turn repeats calls until the slowest peer has worked about this long; all make the same number of calls.
TURN_SECONDS = 2.0
MOST_CALLS = 100
# The first full call warms up and is thrown away, unless it took longer than this.
LONG_CALL = 5.0
# A peer whose calls take longer than this has only so many turns.
FEWER_TURNS = ((60.0, 1), (10.0, 3))


@dataclass(frozen=True)
class Options:
    """How to measure."""

    rounds: int = 5
    threads: int | None = None
    limit: float = 300.0  # seconds a call may take before the peer is given up
    turn: float = TURN_SECONDS
    pythons: dict[str, str] = field(default_factory=dict)  # a peer's own interpreter, where versions collide


def measure(case: Case, options: Options, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the record of a case for the results file."""
    X, y = data.make(case.data, case.dtype)
    names = [OURS, *case.peers]
    with tempfile.TemporaryDirectory(prefix="dask-go-benchmark-") as folder, ExitStack() as stack:
        arrays = str(Path(folder, "data.npz"))
        data.save(arrays, X, y)
        remotes, versions = {}, {}
        for name in names:
            cores = machine.cores(options.threads) if options.threads else None
            python = {"python": options.pythons[name]} if name in options.pythons else {}
            remotes[name] = stack.enter_context(Remote(cores=cores, **python))
            versions[name] = remotes[name].ask(
                "prepare", peer=name, estimator=case.estimator, params=case.params, action=case.action, data=arrays
            )["version"]
        timed = take_turns(remotes, options, say)
        solutions = {}
        for name in names:
            if not timed["seconds"][name]:
                continue
            path = str(Path(folder, f"{name}.npz"))
            remotes[name].ask("solution", path=path)
            with np.load(path) as saved:
                solutions[name] = {key: saved[key] for key in saved.files}
    checks, problems = judge(case, X, y, solutions)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": machine.commit(),
        "versions": versions,
        "rows": X.shape[0],
        "features": X.shape[1],
        "limit": options.limit,
        **timed,
        "checks": checks,
        "problems": problems,
    }


def take_turns(remotes: dict[str, Remote], options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Time all peers.

    Returns the calls of a turn, the seconds of every call (none if the peer was too slow), the
    fewest seconds of processor time of a call, and the share of the CPUs that other programs used.
    """
    seconds: dict[str, list[float]] = {name: [] for name in remotes}
    processor: dict[str, float] = {}
    first: dict[str, float] = {}
    for name, remote in remotes.items():
        try:
            timed = remote.ask("time", options.limit, calls=1)
        except TooSlow as reason:
            say(f"  {name}: {reason}")
            continue
        first[name], processor[name] = timed["seconds"][0], timed["processor"][0]
        if first[name] > LONG_CALL:
            seconds[name].append(first[name])
    calls = calls_per_turn(list(first.values()), options.turn)
    others = machine.Others()
    for number in range(options.rounds):
        for name, took in first.items():
            if number + bool(took > LONG_CALL) < turns(took, options.rounds):
                timed = remotes[name].ask("time", calls=calls)
                seconds[name] += timed["seconds"]
                processor[name] = min(processor[name], *timed["processor"])
                others.own += sum(timed["processor"])
    return {"calls": calls, "seconds": seconds, "processor": processor, "others": round(others.share(), 3)}


def calls_per_turn(first: Sequence[float], turn: float = TURN_SECONDS) -> int:
    """Return how many calls every peer makes in a turn, from how long one call took each."""
    return int(min(MOST_CALLS, max(1.0, turn / max(first))))


def turns(took: float, rounds: int) -> int:
    """Return how many turns a peer has whose call takes so many seconds."""
    return min([rounds, *(most for slow, most in FEWER_TURNS if took > slow)])


def judge(
    case: Case, X: np.ndarray[Any, Any], y: np.ndarray[Any, Any], solutions: dict[str, dict[str, Any]]
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Check every solution in float64; return the figures of each, and what is wrong with ours."""
    return JUDGES[case.estimator](case, X, y, solutions)


def judge_svc(
    case: Case, X: np.ndarray[Any, Any], y: np.ndarray[Any, Any], solutions: dict[str, dict[str, Any]]
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Check classifiers: feasible, and optimal within tol."""
    params: dict[str, Any] = {"kernel": "rbf", "C": 1.0, "tol": 1e-3} | case.params
    reports, predicted = {}, {}
    for name, arrays in solutions.items():
        predicted[name] = arrays.pop("predicted", None)
        fitted = kkt.Solution(**(arrays | {"gamma": float(arrays["gamma"])}))
        reports[name] = kkt.report(X, y, fitted, params["kernel"], params["C"])
        if name == OURS and predicted[name] is not None:
            contradicted = kkt.wrong_predictions(X, y, fitted, params["kernel"], predicted[name])
    problems = []
    ours = reports[OURS]
    slack = params["tol"] * ours.norm1
    if not ours.gap <= params["tol"]:
        problems.append(f"the KKT gap is {ours.gap:.3g}, tol is {params['tol']:g}")
    if not (ours.outside <= 0 and ours.imbalance <= 1e-9 * max(ours.norm1, params["C"])):
        problems.append(f"the solution is not feasible: {ours.outside:.3g} outside, sum {ours.imbalance:.3g}")
    if not ours.intercept_off <= params["tol"]:
        problems.append(f"the intercept is {ours.intercept_off:.3g} off")
    for name, theirs in reports.items():
        if not ours.objective <= theirs.objective + slack:
            problems.append(f"the objective is {ours.objective:.9g}, that of {name} is {theirs.objective:.9g}")
    if case.action == "predict" and contradicted:
        problems.append(f"{contradicted} predictions contradict the decision function")
    gammas = {name: float(arrays["gamma"]) for name, arrays in solutions.items()}
    # A linear kernel has none, and peers differ in what they then keep there.
    if params["kernel"] != "linear" and not np.allclose(list(gammas.values()), gammas[OURS], rtol=1e-5):
        problems.append(f"gamma differs: {gammas}")
    return {name: found.as_dict() for name, found in reports.items()}, problems


def judge_kmeans(
    case: Case,
    X: np.ndarray[Any, Any],
    y: np.ndarray[Any, Any],  # noqa: ARG001 -- clusterings have no labels to meet
    solutions: dict[str, dict[str, Any]],
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Check clusterings: nearest centres, and no worse than from the same starts elsewhere."""
    reports, predicted = {}, {}
    for name, arrays in solutions.items():
        predicted[name] = arrays.pop("predicted", None)
        reports[name] = clusters.report(X, **(arrays | {"inertia": float(arrays["inertia"])}))
    ours = reports[OURS]
    problems = []
    if ours.wrong:
        problems.append(f"{ours.wrong} rows are nearer to another centre")
    if not ours.inertia_off <= 1e-6:
        problems.append(f"the inertia is {ours.inertia_off:.3g} off")
    # Seeds of k-means++ differ where the numbers behind them do, and then so do the clusters.
    if case.params.get("init") == "random":
        problems += [
            f"the inertia is {ours.objective:.9g}, that of {name} is {theirs.objective:.9g}"
            for name, theirs in reports.items()
            if not ours.objective <= theirs.objective * 1.01
        ]
    if predicted[OURS] is not None and not np.array_equal(predicted[OURS], solutions[OURS]["labels"]):
        problems.append("predictions on the training data are not its labels")
    return {name: found.as_dict() for name, found in reports.items()}, problems


JUDGES = {"SVC": judge_svc, "KMeans": judge_kmeans}
