"""The benchmark of dask collections, on next to nothing; no time is looked at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("dask.array")
sys.path.append(str(Path(__file__).parents[2]))

from benchmarks import blocks


def test_a_case_is_measured_and_judged(tmp_path: Path) -> None:
    case = blocks.Case("tiny", "tiny", blocks=3, rows=40, source="npy", persist=False, calls=2, most=1)
    record = blocks.measure(case, tmp_path, case.calls)
    assert blocks.faults(record) == []
    assert len(record["found"]["dask_go"]["seconds"]) == 2
    ours = record["found"]["dask_go"]
    record["found"]["dask-ml"] = {**ours, "objective": ours["objective"] / 2}
    assert "the objective" in blocks.faults(record)[0]


def test_the_cases_can_be_read_and_their_table_is_what_results_say() -> None:
    assert len({case.name for case in blocks.read()}) == len(blocks.read())
    document = (Path(blocks.__file__).parent / "README.md").read_text(encoding="utf-8")
    assert blocks.fill(document) == document
