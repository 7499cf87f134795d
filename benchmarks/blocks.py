"""KMeans on dask arrays beside dask-ml: `benchmarks/.venv-dask/bin/python -m benchmarks.blocks [case…]`.

Each library works in a process of its own, with the same parameters, and they take turns; the figure is the
fastest call, labels included. With --write the table goes into README.md here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine, table
from benchmarks.peers import OURS
from benchmarks.remote import Remote

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    title: str
    blocks: int
    rows: int = 200_000
    source: str = "made"
    persist: bool = True
    workers: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    peers: list[str] = field(default_factory=list)
    goal: float | None = None
    most: float | None = None
    calls: int = 3


def read() -> list[Case]:
    """Return the cases."""
    return [Case(**entry) for entry in tomllib.loads((HERE / "blocks.toml").read_text(encoding="utf-8"))["case"]]


def results(here: dict[str, Any]) -> Path:
    """Return the file that holds what was measured on a machine."""
    return HERE / "results" / f"blocks-{machine.label(here)}.json"


def store(path: Path, measured: dict[str, Any]) -> None:
    """Write it."""
    path.write_text(json.dumps(measured, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def measure(case: Case, folder: Path, calls: int) -> dict[str, Any]:
    """Return what each library took, and what its last clustering is worth."""
    libraries = [OURS, *case.peers]
    found: dict[str, dict[str, Any]] = {library: {"seconds": [], "block_ms": []} for library in libraries}
    versions: dict[str, str] = {}
    with ExitStack() as stack:
        remotes = {}
        for library in libraries:
            remote = stack.enter_context(Remote(module="benchmarks.blocks_worker"))
            data: dict[str, Any] = {
                "blocks": case.blocks,
                "rows": case.rows,
                "source": case.source,
                "persist": case.persist,
            }
            ready = remote.ask("prepare", peer=library, workers=case.workers, folder=str(folder), **data)
            versions |= ready["versions"]
            remotes[library] = remote
        for _ in range(calls):
            for library, remote in remotes.items():
                told = remote.ask("time", params=case.params)
                found[library]["iterations"] = told["iterations"]
                for key in "seconds", "block_ms":
                    found[library][key].append(told[key])
                print(f"{case.name}: {library} {table.seconds(told['seconds'])}", flush=True)
        for library, remote in remotes.items():
            found[library] |= remote.ask("memory")
        for library, remote in remotes.items():
            found[library] |= remote.ask("judge")
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    return {"date": date, "commit": machine.commit(), "versions": versions, "found": found}


def faults(record: dict[str, Any]) -> list[str]:
    """Say what is wrong with our clustering."""
    ours = record["found"][OURS]
    said = [f"{ours['wrong']} labels"] if ours["wrong"] else []
    if ours["inertia_off"] > 1e-9:
        said.append(f"inertia_ by {ours['inertia_off']:.1e}")
    for peer, theirs in record["found"].items():
        if ours["objective"] > theirs["objective"] * (1 + 1e-6):
            said.append(f"the objective {ours['objective']:.9g}, {peer}'s is {theirs['objective']:.9g}")
    return said


def markdown(measured: dict[str, Any]) -> str:
    """Write the table."""
    heads = ["", "dask_go", "dask-ml", "goal", "iterations of each", "a block in an iteration", "peak memory"]
    rows = [[*heads, "inertia over dask-ml's"], ["---", *["---:"] * len(heads)]]
    for case in read():
        record = measured["cases"].get(case.name)
        if record is None:
            continue
        found = record["found"]
        ours, theirs = found[OURS], found.get("dask-ml")
        best = min(ours["seconds"])
        ratio = "" if theirs is None else f"{min(theirs['seconds']) / best:.1f}{table.TIMES}"
        rows.append(
            [
                case.title,
                table.seconds(best) + (" wrong" if faults(record) else ""),
                "" if theirs is None else f"{table.seconds(min(theirs['seconds']))} ({ratio})",
                f"{case.goal:g}{table.TIMES}" if case.goal else f"{case.most:g} ms" if case.most else "",
                " / ".join(str(one["iterations"]) for one in found.values()),
                f"{min(ours['block_ms']):.2f} ms" if case.most else "",
                " / ".join(f"{one['megabytes'] / 1000:.1f} GB" for one in found.values()),
                "" if theirs is None else f"{ours['objective'] / theirs['objective'] - 1:+.0e}",
            ]
        )
    records = measured["cases"].values()
    here = measured["machine"]
    versions = {name: number for record in records for name, number in record["versions"].items()}
    caption = (
        f"{machine.count(here['cores'])} of {here['cpu']}, Python {here['python']}; "
        f"{', '.join(f'{name} {number}' for name, number in versions.items())}; "
        f"{max(record['date'] for record in records)}, commit "
        f"{', '.join(dict.fromkeys(record['commit'] for record in records))}."
    )
    text = f"{caption}\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in rows) + "\n"
    for name, search in measured.get("searches", {}).items():
        least = {where: min(calls) for where, calls in search["seconds"].items()}
        text += (
            f"\nThe search {name} of searches.toml: {table.seconds(least['machine'])} on the machine, "
            f"{table.seconds(least['cluster'])} on a cluster of {search['workers']} processes with one thread each "
            f"({least['cluster'] / least['machine']:.2f}{table.TIMES}), "
            f"{'the same' if search['same'] else 'other'} scores; "
            f"commit {search['commit']}.\n"
        )
    return text


def fill(document: str) -> str:
    """Return a document with its tables written anew."""
    return table.fill_sections(document, "blocks", markdown)


def main() -> int:
    """Run the cases, or write the table; return 1 if a clustering of ours is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.blocks", description="Measure KMeans on dask arrays.")
    parser.add_argument("case", nargs="*", help="names from blocks.toml; none means all")
    parser.add_argument("--calls", type=int, help="turns of each library; the case says how many if this does not")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="for data on disk, kept (%(default)s)")
    parser.add_argument("--write", action="store_true", help="measure nothing, write the table of README.md here")
    given = parser.parse_args()
    readme = HERE / "README.md"
    if given.write:
        readme.write_text(fill(readme.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    here = machine.describe(None)
    path = results(here)
    wrong = False
    for case in read():
        if given.case and case.name not in given.case:
            continue
        record = measure(case, given.folder, given.calls or case.calls)
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cases": {}}
        kept["machine"] = here
        kept["cases"][case.name] = record
        store(path, kept)
        for fault in faults(record):
            wrong = True
            print(f"{case.name}: wrong: {fault}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
