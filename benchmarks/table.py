"""Writes the tables of README.md and benchmarks/README.md from results/*.json.

`python -m benchmarks.table` fills the text between the markers
`<!-- benchmarks: NAME -->` and `<!-- end of benchmarks -->`, where NAME is that of a results
file, and "NAME in full" asks for the long form. With --check it only says whether it would.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import cases
from benchmarks.machine import count
from benchmarks.peers import OURS

HERE = Path(__file__).parent
DOCUMENTS = (HERE.parent / "README.md", HERE / "README.md")
SECTION = re.compile(
    r"(?P<begin><!-- benchmarks: (?P<name>[\w.-]+)(?P<full> in full)? -->\n)"
    r".*?"
    r"(?P<end><!-- end of benchmarks -->)",
    re.DOTALL,
)

# The share of the CPUs that other programs may use before a measurement means little.
NOISE = 0.1

TIMES = "\N{MULTIPLICATION SIGN}"


def least(record: dict[str, Any], name: str) -> float | None:
    """Return the fastest call of a peer in seconds; None if it was given up."""
    calls: list[float] = record["seconds"].get(name, [])
    return min(calls, default=None)


def ratio(record: dict[str, Any], peer: str) -> tuple[float, bool]:
    """Return how many times as fast as a peer we are, and whether that is only a lower bound."""
    ours = least(record, OURS)
    assert ours is not None
    theirs = least(record, peer)
    return (record["limit"] / ours, True) if theirs is None else (theirs / ours, False)


def seconds(value: float) -> str:
    """Write a time with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= 0.9995 * size:
            return f"{digits(value / size)} {unit}"
    return f"{digits(value / 1e-6)} µs"


def digits(value: float) -> str:
    """Write a number of any size with about three digits."""
    return f"{value:,.2f}" if value < 9.995 else f"{value:,.1f}" if value < 99.95 else f"{value:,.0f}"


def times(record: dict[str, Any], peer: str) -> str:
    """Write a ratio, with a decimal below 10."""
    value, bound = ratio(record, peer)
    return ("> " if bound else "") + (f"{value:.1f}" if value < 9.95 else f"{value:.0f}") + TIMES


def time_of(record: dict[str, Any], peer: str) -> str:
    """Write a peer's time, or that it was given up."""
    value = least(record, peer)
    return f"> {record['limit']:g} s" if value is None else seconds(value)


def line(case: cases.Case, record: dict[str, Any]) -> str:
    """Say in a line what was measured, for the terminal."""
    peers = "; ".join(f"{peer} {time_of(record, peer)}, {times(record, peer)}" for peer in case.peers)
    goal = f"; goal {case.goal:g}{TIMES}" if case.goal else ""
    check = record["checks"][OURS]
    text = f"{OURS} {time_of(record, OURS)}; {peers}{goal}; {_summary(check)}"
    if record["others"] > NOISE:
        processor = ", ".join(f"{name} {seconds(value)}" for name, value in record["processor"].items())
        text += f"; measure again: others used {record['others']:.0%} of the CPUs (processor time: {processor})"
    return text


def _summary(check: dict[str, Any]) -> str:
    """Say what the judge found, in a few words."""
    if "gap" in check:
        return f"gap {check['gap']:.2g}, {check['support']} vectors"
    return f"inertia {check['objective']:.6g}, {check['iterations']} iterations"


def markdown(results: dict[str, Any], of: list[cases.Case], full: bool) -> str:
    """Write the table of a results file, a row for each case that it has."""
    rows = [(case, results["cases"][case.name]) for case in of if case.name in results["cases"]]
    if not rows:
        raise ValueError("none of the cases was measured")
    peers = list(dict.fromkeys(peer for case, _ in rows for peer in case.peers))
    header = ["", "data", OURS, *peers]
    if full:
        header += ["goal", "KKT gap", "objective above the best", "support vectors, or iterations, of each"]
    lines = [header, ["---", "---", *["---:"] * (len(header) - 2)]]
    lines += [_row(case, record, peers, full) for case, record in rows]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{_caption(results['machine'], [record for _, record in rows])}\n\n{text}\n"


def _row(case: cases.Case, record: dict[str, Any], peers: list[str], full: bool) -> list[str]:
    size = f" {record['rows']:,} {TIMES} {record['features']:,}"
    wrong = "**wrong** " if record["problems"] else ""
    cells = [f"`{case.call}`", case.data["make"] + size + case.source.removeprefix(case.data["make"])]
    cells.append(wrong + time_of(record, OURS))
    cells += [f"{time_of(record, peer)} ({times(record, peer)})" if peer in case.peers else "" for peer in peers]
    if full:
        checks = record["checks"]
        ours = checks[OURS]
        others = [checks[peer] for peer in case.peers if peer in checks]
        best = min((check["objective"] for check in others), default=ours["objective"])
        cells += [
            f"{case.goal:g}{TIMES}" if case.goal else "",
            f"{ours['gap']:.1e}" if "gap" in ours else "",
            f"{(ours['objective'] - best) / abs(best):+.0e}",
            " / ".join(f"{check['support'] if 'gap' in check else check['iterations']:,}" for check in (ours, *others)),
        ]
    return cells


def _caption(machine: dict[str, Any], records: list[dict[str, Any]]) -> str:
    versions: dict[str, str] = {}
    for record in records:
        versions |= record["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    dates = sorted(record["date"] for record in records)
    commits = dict.fromkeys(record["commit"] for record in records)
    text = (
        f"{count(machine['cores'])} of {machine['cpu']}, {machine['simd']}, {machine['system']}, "
        f"Python {machine['python']}; {named}; {' to '.join(dict.fromkeys((dates[0], dates[-1])))}, "
        f"commit {', '.join(commits)}. X is float64 unless it says float32."
    )
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def fill(document: str, results: Path, of: list[cases.Case]) -> str:
    """Return a document with the text between its markers written anew."""

    def section(match: re.Match[str]) -> str:
        path = results / f"{match['name']}.json"
        written = markdown(json.loads(path.read_text(encoding="utf-8")), of, full=match["full"] is not None)
        return f"{match['begin']}{written}{match['end']}"

    return SECTION.sub(section, document)


def fill_sections(document: str, kind: str, markdown: Callable[[dict[str, Any]], str]) -> str:
    """Return a document with the text between `<!-- kind: NAME -->` and `<!-- end of kind -->` written anew.

    It is what `markdown` makes of results/NAME.json.
    """

    def section(match: re.Match[str]) -> str:
        results = json.loads((HERE / "results" / f"{match[2]}.json").read_text(encoding="utf-8"))
        return match[1] + markdown(results) + match[3]

    pattern = rf"(<!-- {kind}: ([\w.-]+) -->\n).*?(<!-- end of {kind} -->)"
    return re.sub(pattern, section, document, flags=re.DOTALL)


def main(arguments: list[str] | None = None) -> int:
    """Write the tables; with --check return 1 if a document is not what its results say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description="Write the tables.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a table is out of date")
    check = parser.parse_args(arguments).check
    stale = False
    for path in DOCUMENTS:
        before = path.read_text(encoding="utf-8")
        after = fill(before, HERE / "results", cases.read())
        if after != before:
            stale = True
            print(f"{path.relative_to(HERE.parent)} {'is out of date' if check else 'written'}")
            if not check:
                path.write_text(after, encoding="utf-8")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
