"""Grid searches beside the peers': `benchmarks/.venv/bin/python -m benchmarks.search [case…]`.

Ours runs whole, the last fit with all rows included. Of a peer some fits are timed, spread evenly over the
grid, with the scoring of the rows held out, and the mean is multiplied: by scikit-learn's class it
would make all of them one after the other. The scores of those fits are compared with ours. What
a peer computes and no score needs (probabilities) is part of its time. --ours measures ours again and
keeps what is recorded of the peers; --write puts the table into README.md here.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import time
import tomllib
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from sklearn.model_selection import ParameterGrid, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import data, machine, table
from benchmarks.peers import OURS, PEERS

HERE = Path(__file__).parent
CASES = HERE / "searches.toml"
ROUNDS = 2
LONG = 5.0  # seconds


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
    """Run the whole search by ours, twice if it is short; return the shortest time and the fitted search."""
    selection = importlib.import_module("dask_go.model_selection")
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        fitted = selection.GridSearchCV(estimator(case, OURS), grid(case), cv=case["cv"]).fit(X, y)
        seconds.append(time.perf_counter() - start)
        if seconds[0] > LONG:
            break
    return min(seconds), fitted


def sample(case: dict[str, Any], peer: str, X: Any, y: Any) -> dict[str, Any]:
    """Time some fits of a peer; return their scores, and the time of as many as the search makes."""
    splits = list(StratifiedKFold(case["cv"]).split(X, y))
    candidates = list(ParameterGrid(grid(case)))
    fits = len(candidates) * len(splits)
    chosen = range(fits) if case["sample"] == fits else (fits * (0.618034 * np.arange(case["sample"]) % 1)).astype(int)
    spent, scores = 0.0, []
    for number in chosen:
        c, s = divmod(int(number), len(splits))
        train, test = splits[s]
        model = clone(estimator(case, peer)).set_params(**candidates[c])
        start = time.perf_counter()
        score = accuracy_score(y[test], model.fit(X[train], y[train]).predict(X[test]))
        spent += time.perf_counter() - start
        PEERS[peer].check_own_work(model[-1] if case.get("standardise") else model)
        scores.append([c, s, float(score)])
        print(f"  {peer}, {candidates[c]}: {table.seconds(spent)} for {len(scores)} fits", flush=True)
    distribution = PEERS[peer].distribution
    return {
        "version": importlib.metadata.version(distribution),
        "seconds": spent / len(chosen) * (fits + 1),
        "scores": scores,
    }


def record(case: dict[str, Any], X: Any, y: Any, peers: dict[str, Any]) -> dict[str, Any]:
    """Measure ours, and compare the scores with those of the peers."""
    seconds, ours = search(case, X, y)
    apart = max(
        abs(score - ours.cv_results_[f"split{s}_test_score"][c]) for p in peers.values() for c, s, score in p["scores"]
    )
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": machine.commit(),
        "rows": X.shape[0],
        "features": X.shape[1],
        "fits": ours.search_plan_.fits,
        "solved": ours.search_plan_.solved,
        "seconds": seconds,
        "best": {name: str(value) for name, value in ours.best_params_.items()},
        "score": ours.best_score_,
        "apart": apart,
    }


def wrong(case: dict[str, Any], found: dict[str, Any]) -> bool:
    """Say whether scores differ by more than the case allows."""
    return bool(found["apart"] > case.get("slack", 0.002))


def line(case: dict[str, Any], found: dict[str, Any], peers: dict[str, Any]) -> str:
    """Say in a line what was measured."""
    beside = "".join(
        f"; {peer} {table.seconds(peers[peer]['seconds'])} from {case['sample']} fits, "
        f"{peers[peer]['seconds'] / found['seconds']:.0f}{table.TIMES} (goal {goal}{table.TIMES})"
        for peer, goal in case["peers"].items()
    )
    return (
        f"{case['name']}: {OURS} {table.seconds(found['seconds'])}, best {found['best']}, "
        f"{found['score']:.4f}{beside}; scores differ by {found['apart']:.4f} at most"
    )


def markdown(results: dict[str, Any], cases: list[dict[str, Any]]) -> str:
    """Write the table of a results file."""
    rows = [
        (case, results["cases"][case["name"]], results["peers"][case["name"]])
        for case in cases
        if case["name"] in results["cases"]
    ]
    peers = list(dict.fromkeys(peer for case, _, _ in rows for peer in case["peers"]))
    lines = [["search", "data", "fits", OURS, *peers, "goal", "best score", "a score differs by"]]
    lines.append(["---", "---", "---:", "---:", *["---:"] * len(peers), "---:", "---:", "---:"])
    for case, found, beside in rows:
        cells = [case["title"], f"{case['data']['make']} {found['rows']:,} {table.TIMES} {found['features']:,}"]
        cells += [f"{found['fits']}", ("**wrong** " if wrong(case, found) else "") + table.seconds(found["seconds"])]
        for peer in peers:
            theirs = beside.get(peer)
            cells.append(
                f"{table.seconds(theirs['seconds'])} ({theirs['seconds'] / found['seconds']:.0f}{table.TIMES})"
                if theirs
                else ""
            )
        cells.append(" / ".join(f"{case['peers'][peer]}{table.TIMES}" for peer in peers if peer in case["peers"]))
        cells += [f"{found['score']:.4f}", f"{found['apart']:.4f}"]
        lines.append(cells)
    here = results["machine"]
    versions = {peer: theirs["version"] for _, _, beside in rows for peer, theirs in beside.items()}
    commits = ", ".join(dict.fromkeys(found["commit"] for _, found, _ in rows))
    caption = (
        f"{machine.count(here['cores'])} of {here['cpu']}, {here['simd']}, Python {here['python']}; "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f"; {max(found['date'] for _, found, _ in rows)}, commit {commits}."
    )
    return f"{caption}\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def fill(document: str) -> str:
    """Return a document with its tables written anew."""
    return table.fill_sections(document, "searches", lambda results: markdown(results, read()))


def read() -> list[dict[str, Any]]:
    """Return the cases."""
    cases: list[dict[str, Any]] = tomllib.loads(CASES.read_text(encoding="utf-8"))["case"]
    return cases


def save(path: Path, results: dict[str, Any]) -> None:
    """Write a results file."""
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Measure, or write the table; return 1 if scores differ by more than a case allows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description="Measure grid searches.")
    parser.add_argument("case", nargs="*", help="names from searches.toml; none means all")
    parser.add_argument("--ours", action="store_true", help="keep what is recorded of the peers")
    parser.add_argument("--write", action="store_true", help="measure nothing, write the table of README.md here")
    given = parser.parse_args(arguments)
    if given.write:
        readme = HERE / "README.md"
        readme.write_text(fill(readme.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    unknown = set(given.case) - {case["name"] for case in read()}
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")  # peers on parameters that they do not like
    here = machine.describe(None)
    path = HERE / "results" / f"searches-{machine.label(here)}.json"
    failed = False
    for case in read():
        if given.case and case["name"] not in given.case:
            continue
        results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cases": {}, "peers": {}}
        X, y = data.make(case["data"], "float64")
        peers = results["peers"].setdefault(case["name"], {})
        results["machine"] = here
        for peer in case["peers"]:
            if not (given.ours and peer in peers):
                peers[peer] = sample(case, peer, X, y)
                save(path, results)
        results["cases"][case["name"]] = found = record(case, X, y, peers)
        save(path, results)
        print(line(case, found, peers), flush=True)
        failed = failed or wrong(case, found)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
