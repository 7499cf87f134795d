"""Runs cases and keeps their results: `./build.sh bench [case…]`, or `python -m benchmarks.run --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import cases, data, machine, table
from benchmarks.measure import Options, measure

RESULTS = Path(__file__).with_name("results")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="./build.sh bench", description="Measure dask_go beside its peers.")
    parser.add_argument("case", nargs="*", help="names from cases.toml; none means all")
    parser.add_argument("--list", action="store_true", help="say which cases there are, and stop")
    parser.add_argument(
        "--again", action="store_true", help="of these cases only those without a record from a quiet machine"
    )
    parser.add_argument("--rounds", type=int, default=Options.rounds, help="turns of each peer (%(default)s)")
    parser.add_argument("--threads", type=int, help="CPUs for each peer (all that this process may use)")
    parser.add_argument("--limit", type=float, default=Options.limit, help="seconds a call may take (%(default)g)")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PEER=PYTHON",
        help="the interpreter of a peer that has an environment of its own",
    )
    parser.add_argument("--cases", type=Path, default=cases.CASES, help="another file of cases")
    parser.add_argument("--results", type=Path, help="the file to update (results/, named after the machine)")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.limit <= 0:
        parser.error("--rounds has to be at least 1, and --limit more than 0")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the cases; return 1 if a solution of ours was wrong."""
    given = parse(arguments)
    chosen = cases.choose(cases.read(given.cases), given.case)
    if given.list:
        for case in chosen:
            print(f"{case.name:<14}{case.call}, {case.source}")
        return 0
    options = Options(
        rounds=given.rounds,
        threads=given.threads,
        limit=given.limit,
        pythons=dict(pair.split("=", 1) for pair in given.python),
    )
    here = machine.describe(given.threads)
    path = given.results or RESULTS / f"{machine.label(here)}.json"
    print(f"{here['cpu']}, {machine.count(here['cores'])}, {here['simd']}")
    if given.again:
        chosen = [case for case in chosen if not quiet(path, case)]
    wrong = False
    for case in chosen:
        print(f"{case.name}: {case.call}, {case.source}", flush=True)
        try:
            record = measure(case, options)
        except data.Unavailable as reason:
            print(f"  skipped: {reason}")
            continue
        keep(path, here, case, record)
        print(f"  {table.line(case, record)}")
        for problem in record["problems"]:
            wrong = True
            print(f"  WRONG: {problem}")
        sys.stdout.flush()
    return int(wrong)


def quiet(path: Path, case: cases.Case) -> bool:
    """Say whether a results file has a record of a case that was not disturbed."""
    record = read(path)["cases"].get(case.name)
    return record is not None and record["others"] <= table.NOISE


def read(path: Path) -> dict[str, Any]:
    """Return the contents of a results file, if there is one."""
    if not path.exists():
        return {"cases": {}}
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results


def keep(path: Path, here: dict[str, Any], case: cases.Case, record: dict[str, Any]) -> None:
    """Put the record of a case into a results file, in place of an older one."""
    results = read(path)
    results["machine"] = here
    results["cases"][case.name] = record
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        sys.exit(f"bench: {error}")
