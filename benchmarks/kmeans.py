"""Clusterings beside the peers': `benchmarks/.venv/bin/python -m benchmarks.kmeans [case…]`.

Each library works in a process of its own, and they take turns; the figure is the fastest call. Clusterings are judged
in float64. With --write the table goes into README.md here. Data are kept in .data; --prepare makes them and measures
nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import clusters, data, machine, table
from benchmarks.measure import Options, take_turns
from benchmarks.peers import OURS
from benchmarks.remote import Remote

HERE = Path(__file__).parent
ACTIONS = {
    "iterate": "an iteration",
    "fit": "a fit to convergence",
    "whole": "a fit with k-means++",
    "seed": "k-means++",
    "predict": "predict",
}


@dataclass(frozen=True)
class Case:
    """One row of the table, for each of its types."""

    name: str
    data: dict[str, Any]
    n_clusters: int
    dtypes: list[str]
    action: str
    iterations: int
    peers: list[str]
    goal: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"case {self.name}: action is {self.action!r}")


def read() -> list[Case]:
    """Return the cases."""
    document = tomllib.loads((HERE / "kmeans.toml").read_text(encoding="utf-8"))
    return [Case(**(document["defaults"] | entry)) for entry in document["case"]]


def grid() -> list[Case]:
    """Return the cases of the grid."""
    document = tomllib.loads((HERE / "kmeans.toml").read_text(encoding="utf-8"))
    shared, cases = document["grid"], []
    for n, d, k in itertools.product(shared["n_samples"], shared["n_features"], shared["n_clusters"]):
        blobs = {"make": "make_blobs", "n_samples": n, "n_features": d, "centers": 10, "random_state": 0}
        action, iterations = ("iterate", 4) if n * d * k > shared["large"] else ("whole", 20)
        name = f"grid {n} {d} {k}"
        cases.append(Case(name, blobs, k, shared["dtypes"], action, iterations, shared["peers"]))
    return cases


def rows(case: Case, dtype: str) -> Path:
    """Return the file with the rows of a case, made if there is none."""
    words = "-".join(str(value) for value in case.data.values())
    path = data.FOLDER / f"{words}-{dtype}.npy"
    if not path.exists():
        data.FOLDER.mkdir(exist_ok=True)
        np.save(path, data.make(case.data, dtype)[0])
    return path


class Workers:
    """A process for each library, for all cases."""

    def __init__(self, stack: ExitStack, threads: int | None) -> None:
        self._stack, self._cores = stack, machine.cores(threads) if threads else None
        self._started: dict[str, Remote] = {}

    def prepare(self, case: Case, data: Path) -> tuple[dict[str, Remote], dict[str, str]]:
        """Return those that a case needs, ready for it, and their versions."""
        versions = {}
        for name in (OURS, *case.peers):
            if name not in self._started:
                remote = Remote(cores=self._cores, module="benchmarks.kmeans_worker")
                self._started[name] = self._stack.enter_context(remote)
            versions[name] = self._started[name].ask(
                "prepare",
                peer=name,
                n_clusters=case.n_clusters,
                action=case.action,
                iterations=case.iterations,
                data=str(data),
            )["version"]
        return {name: self._started[name] for name in (OURS, *case.peers)}, versions


def measure(case: Case, dtype: str, options: Options, workers: Workers, judged: bool) -> dict[str, Any]:
    """Return the record of a case for the results file."""
    path = rows(case, dtype)
    with tempfile.TemporaryDirectory() as folder:
        remotes, versions = workers.prepare(case, path)
        timed = take_turns(remotes, options, print)
        if case.action == "iterate":
            for name, remote in remotes.items():
                made = remote.ask("iterations_made")["iterations"]
                timed["seconds"][name] = [seconds / made for seconds in timed["seconds"][name]]
                timed["processor"][name] /= made
        solutions = {}
        for name, remote in remotes.items():
            if judged and timed["seconds"][name]:
                saved = Path(folder, f"{name}.npz")
                remote.ask("solution", path=str(saved))
                with np.load(saved) as arrays:
                    solutions[name] = dict(arrays)
    checks, problems = judge(case, np.load(path), solutions) if judged else ({}, [])
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": machine.commit(),
        "versions": versions,
        "limit": options.limit,
        **timed,
        "checks": checks,
        "problems": problems,
    }


def judge(
    case: Case, X: np.ndarray[Any, Any], solutions: dict[str, dict[str, Any]]
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Check every solution in float64; return the figures of each, and what is wrong with ours."""
    if case.action == "seed":
        found = {name: float(_potential(X, arrays["seeds"])) for name, arrays in solutions.items()}
        # Draws fall on other rows where sums differ in their last digits; one such choice is worth some percent.
        worse = [name for name, theirs in found.items() if not found[OURS] <= 1.2 * theirs]
        return {name: {"objective": value} for name, value in found.items()}, [
            f"the inertia is {found[OURS]:.9g}, that of {name} is {found[name]:.9g}" for name in worse
        ]
    reports = {
        name: clusters.report(X, **(arrays | {"inertia": float(arrays["inertia"])}))
        for name, arrays in solutions.items()
    }
    ours, problems = reports[OURS], []
    if ours.wrong:
        problems.append(f"{ours.wrong} rows are nearer to another centre")
    if not ours.inertia_off <= 1e-6:
        problems.append(f"the inertia is {ours.inertia_off:.3g} off")
    problems += [
        f"the inertia is {ours.objective:.9g}, that of {name} is {theirs.objective:.9g}"
        for name, theirs in reports.items()
        if not ours.objective <= theirs.objective * 1.01
    ]
    return {name: report.as_dict() for name, report in reports.items()}, problems


def _potential(X: np.ndarray[Any, Any], seeds: np.ndarray[Any, Any]) -> float:
    labels = clusters.nearest(X, seeds)
    return clusters.report(X, seeds, labels, 0.0, 0).objective


def line(case: Case, dtype: str, record: dict[str, Any]) -> str:
    """Say in a line what was measured."""
    peers = "; ".join(f"{peer} {table.time_of(record, peer)}, {table.times(record, peer)}" for peer in case.peers)
    goal = f"; goal {case.goal[dtype]:g}{table.TIMES}" if dtype in case.goal else ""
    others = f"; others used {record['others']:.0%} of the CPUs" if record["others"] > table.NOISE else ""
    return f"{OURS} {table.time_of(record, OURS)}; {peers}{goal}{others}"


def markdown(results: dict[str, Any]) -> str:
    """Write the table."""
    lines = [["", "X", "clusters", OURS, "beside it", "goal"], ["---", "---", "---:", "---:", "---:", "---:"]]
    for case in read():
        for dtype in case.dtypes:
            record = results["cases"].get(f"{case.name} {dtype}")
            if record is None:
                continue
            blobs = " of separated blobs" if case.name.endswith("separated") else ""
            size = f"{case.data['n_samples']:,} {table.TIMES} {case.data.get('n_features', 784)}"
            wrong = "**wrong** " if record["problems"] else ""
            lines.append(
                [
                    ACTIONS[case.action] + blobs,
                    f"{size}, {dtype}",
                    f"{case.n_clusters:,}",
                    wrong + table.time_of(record, OURS),
                    ", ".join(
                        f"{peer} {table.time_of(record, peer)} ({table.times(record, peer)})" for peer in case.peers
                    ),
                    f"{case.goal[dtype]:g}{table.TIMES}" if dtype in case.goal else "",
                ]
            )
    here, records = results["machine"], list(results["cases"].values())
    versions: dict[str, str] = {}
    for record in records:
        versions |= record["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    commits = ", ".join(dict.fromkeys(record["commit"] for record in records))
    caption = (
        f"{machine.count(here['cores'])} of {here['cpu']}, {here['simd']}, Python {here['python']}; {named}; "
        f"{max(record['date'] for record in records)}, commit {commits}."
    )
    if not all(record["checks"] for record in records):
        caption += " Clusterings were not judged in this run."
    return f"{caption}\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def fill(document: str) -> str:
    """Return a document with its tables written anew."""
    return table.fill_sections(document, "kmeans", markdown)


def keep(path: Path, here: dict[str, Any], name: str, record: dict[str, Any]) -> None:
    """Put a record into the results file, in place of an older one."""
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cases": {}}
    results["machine"] = here
    results["cases"][name] = record
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the cases, or write the table; return 1 if a clustering of ours was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kmeans", description="Measure clusterings.")
    parser.add_argument("case", nargs="*", help="names from kmeans.toml; none means all")
    parser.add_argument("--dtype", choices=["float32", "float64"], help="only this type")
    parser.add_argument("--iterations", type=int, help="of the cases that iterate (as they say)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each library (%(default)s)")
    parser.add_argument("--turn", type=float, default=Options.turn, help="seconds of a turn (%(default)g)")
    parser.add_argument("--grid", action="store_true", help="the grid instead of the cases")
    parser.add_argument("--threads", type=int, help="CPUs for each library (all that this process may use)")
    parser.add_argument("--unjudged", action="store_true", help="do not check the clusterings")
    parser.add_argument("--results", type=Path, help="the file to update (results/, named after the machine)")
    parser.add_argument("--prepare", action="store_true", help="make the data, measure nothing")
    parser.add_argument("--write", action="store_true", help="measure nothing, write the table of README.md here")
    given = parser.parse_args(arguments)
    readme = HERE / "README.md"
    if given.write:
        readme.write_text(fill(readme.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    here = machine.describe(given.threads)
    path = given.results or HERE / "results" / f"kmeans-{machine.label(here)}.json"
    options = Options(rounds=given.rounds, threads=given.threads, turn=given.turn)
    wrong = False
    with ExitStack() as stack:
        workers = Workers(stack, given.threads)
        for case, dtype in chosen(given):
            if given.prepare:
                rows(case, dtype)
                continue
            fewer = {"iterations": given.iterations} if given.iterations and case.action == "iterate" else {}
            record = measure(Case(**(vars(case) | fewer)), dtype, options, workers, not given.unjudged)
            keep(path, here, f"{case.name} {dtype}", record)
            print(f"{case.name} {dtype}: {line(case, dtype, record)}", flush=True)
            for problem in record["problems"]:
                wrong = True
                print(f"  WRONG: {problem}")
    return int(wrong)


def chosen(given: argparse.Namespace) -> list[tuple[Case, str]]:
    """Return the cases that were asked for, with their types."""
    cases = grid() if given.grid else read()
    return [
        (case, dtype)
        for case in cases
        for dtype in case.dtypes
        if given.dtype in (None, dtype) and (not given.case or case.name in given.case)
    ]


if __name__ == "__main__":
    sys.exit(main())
