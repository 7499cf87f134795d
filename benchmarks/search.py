"""Grid searches beside the peers': `benchmarks/.venv/bin/python -m benchmarks.search [case…]`.

Ours runs whole, the last fit with all rows included. Of a peer some fits are timed, spread over the
grid, with the scoring of the rows held out, and the mean is multiplied: by scikit-learn's class it
would make all of them one after the other. The scores of those fits are compared with ours. What
a peer computes and no score needs (probabilities) is part of its time.
"""

from __future__ import annotations

import argparse
import importlib
import time
import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from sklearn.model_selection import ParameterGrid, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import data
from benchmarks.peers import OURS, PEERS

CASES = Path(__file__).with_name("searches.toml")


def estimator(case: dict[str, Any], peer: str) -> Any:
    """Return the estimator of a case, not fitted."""
    svc = PEERS[peer].estimator("SVC", case.get("params", {}))
    return make_pipeline(StandardScaler(), svc) if case.get("standardise") else svc


def grid(case: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the grid, with ranges [first, last, count] of logarithms spelled out."""
    prefix = "svc__" if case.get("standardise") else ""
    spelled = {name: np.logspace(*limits).tolist() for name, limits in case.get("logspace", {}).items()}
    return {prefix + name: values for name, values in (case.get("grid", {}) | spelled).items()}


def search(case: dict[str, Any], X: Any, y: Any) -> tuple[float, Any]:
    """Run the whole search twice by ours; return the shorter time and the fitted search."""
    selection = importlib.import_module("dask_go.model_selection")
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        fitted = selection.GridSearchCV(estimator(case, OURS), grid(case), cv=case["cv"]).fit(X, y)
        seconds.append(time.perf_counter() - start)
    return min(seconds), fitted


def sample(case: dict[str, Any], peer: str, X: Any, y: Any, ours: Any) -> tuple[float, float]:
    """Time some fits of a peer; return the time of as many as the search makes, and how far scores are from ours."""
    splits = list(StratifiedKFold(case["cv"]).split(X, y))
    candidates = list(ParameterGrid(grid(case)))
    chosen = np.linspace(0, len(candidates) * len(splits) - 1, case["sample"]).round().astype(int)
    spent, apart = 0.0, 0.0
    for number in chosen:
        c, s = divmod(int(number), len(splits))
        train, test = splits[s]
        model = clone(estimator(case, peer)).set_params(**candidates[c])
        start = time.perf_counter()
        score = accuracy_score(y[test], model.fit(X[train], y[train]).predict(X[test]))
        spent += time.perf_counter() - start
        apart = max(apart, abs(score - ours.cv_results_[f"split{s}_test_score"][c]))
    return spent / len(chosen) * (len(candidates) * len(splits) + 1), apart


def main(arguments: list[str] | None = None) -> int:
    """Measure; return 1 if scores differ by more than the case allows."""
    cases = tomllib.loads(CASES.read_text(encoding="utf-8"))["case"]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description="Measure grid searches.")
    parser.add_argument("case", nargs="*", choices=[[], *(case["name"] for case in cases)], help="none means all")
    wanted = parser.parse_args(arguments).case
    warnings.simplefilter("ignore")  # peers on parameters that they do not like
    wrong = False
    for case in cases:
        if wanted and case["name"] not in wanted:
            continue
        X, y = data.make(case["data"], "float64")
        seconds, ours = search(case, X, y)
        print(f"{case['name']}: {OURS} {seconds:.2f} s, best {ours.best_params_}, {ours.best_score_:.4f}")
        print(f"  {ours.search_plan_}")
        for peer, goal in case["peers"].items():
            theirs, apart = sample(case, peer, X, y, ours)
            print(
                f"  {peer}: {theirs:.0f} s scaled from {case['sample']} fits, {theirs / seconds:.0f} times "
                f"(goal {goal}); scores differ by {apart:.4f} at most",
                flush=True,
            )
            wrong = wrong or apart > case.get("slack", 0.002)
    return int(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
