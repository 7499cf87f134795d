"""joblib's backends beside each other: `python -m benchmarks.backends [case…]`, in the environment of run.sh.

Each backend works in a process of its own, and they take turns; the figure is the fastest call.
With --write the table goes into README.md here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine, table
from benchmarks.backend_worker import PEERS
from benchmarks.remote import Remote

HERE = Path(__file__).parent
OURS = ("gocluster", "gocluster, processes")
TURN_SECONDS = 1.0
MOST_CALLS = 20


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    title: str
    work: dict[str, Any]
    fresh: bool = False
    goal: float | None = None


def read() -> list[Case]:
    """Return the cases."""
    return [Case(**entry) for entry in tomllib.loads((HERE / "backends.toml").read_text(encoding="utf-8"))["case"]]


def start(stack: ExitStack, case: Case, peer: str, n_jobs: int) -> tuple[Remote, dict[str, Any]]:
    """Start a process in which a backend is ready for a case."""
    remote = stack.enter_context(Remote(module="benchmarks.backend_worker"))
    return remote, remote.ask("prepare", peer=peer, work=case.work, n_jobs=n_jobs)


def measure(case: Case, rounds: int, n_jobs: int) -> dict[str, Any]:
    """Return the seconds of every call of each backend, and the memory that one took."""
    seconds: dict[str, list[float]] = {peer: [] for peer in PEERS}
    megabytes: dict[str, float] = {}
    versions: dict[str, str] = {}
    with ExitStack() as stack:
        if case.fresh:
            for _ in range(rounds):
                for peer in PEERS:
                    with ExitStack() as once:
                        remote, versions = start(once, case, peer, n_jobs)
                        seconds[peer] += remote.ask("time", calls=1)["seconds"]
        else:
            remotes = {}
            for peer in PEERS:
                remotes[peer], versions = start(stack, case, peer, n_jobs)
            first = max(remote.ask("time", calls=1)["seconds"][0] for remote in remotes.values())
            calls = int(min(MOST_CALLS, max(1.0, TURN_SECONDS / first)))
            for _ in range(rounds):
                for peer, remote in remotes.items():
                    seconds[peer] += remote.ask("time", calls=calls)["seconds"]
            megabytes = {peer: remote.ask("memory")["megabytes"] for peer, remote in remotes.items()}
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    return {
        "date": date, "commit": machine.commit(), "versions": versions, "seconds": seconds, "megabytes": megabytes,
    }  # fmt: skip


def least(record: dict[str, Any], peer: str) -> float:
    """Return the fastest call of a backend."""
    calls: list[float] = record["seconds"][peer]
    return min(calls)


def markdown(results: dict[str, Any]) -> str:
    """Write the table."""
    rows = [["", *PEERS, "over the best other", "over loky"], ["---", *["---:"] * (len(PEERS) + 2)]]
    for case in read():
        record = results["cases"].get(case.name)
        if record is None:
            continue
        cells = [case.title]
        for peer in PEERS:
            memory = record["megabytes"].get(peer, 0.0)
            cells.append(table.seconds(least(record, peer)) + (f", {memory:,.0f} MB" if memory >= 50 else ""))
        ours = min(least(record, peer) for peer in OURS)
        best = min(least(record, peer) for peer in PEERS if peer not in OURS)
        cells += [f"{value / ours:.1f}{table.TIMES}" for value in (best, least(record, "loky"))]
        rows.append(cells)
    dates = sorted({record["date"] for record in results["cases"].values()})
    commits = ", ".join(dict.fromkeys(record["commit"] for record in results["cases"].values()))
    here = results["machine"]
    caption = (
        f"{machine.count(here['cores'])} of {here['cpu']}, Python {here['python']}; {dates[-1]}, commit {commits}."
    )
    return f"{caption}\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in rows) + "\n"


def fill(document: str) -> str:
    """Return a document with its tables written anew."""
    return table.fill_sections(document, "backends", markdown)


def main() -> int:
    """Run the cases, or write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backends", description="Measure joblib's backends.")
    parser.add_argument("case", nargs="*", help="names from backends.toml; none means all")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each backend (%(default)s)")
    parser.add_argument("--write", action="store_true", help="measure nothing, write the table of README.md here")
    given = parser.parse_args()
    readme = HERE / "README.md"
    if given.write:
        readme.write_text(fill(readme.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    here = machine.describe(None)
    path = HERE / "results" / f"backends-{machine.label(here)}.json"
    for case in read():
        if given.case and case.name not in given.case:
            continue
        record = measure(case, given.rounds, here["cores"])
        results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cases": {}}
        results["machine"] = here
        results["cases"][case.name] = record
        path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        shown = "; ".join(
            f"{peer} {table.seconds(least(record, peer))} {record['megabytes'].get(peer, 0):.0f} MB" for peer in PEERS
        )
        print(f"{case.name}: {shown}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
