"""The cases of cases.toml, checked as they are read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CASES = Path(__file__).with_name("cases.toml")


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    data: dict[str, Any]
    dtype: str
    estimator: str
    params: dict[str, Any]
    action: str
    peers: list[str]
    goal: float | None = None
    title: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"case {self.name}: dtype is {self.dtype!r}, and has to be float32 or float64")
        if self.action not in ("fit", "predict"):
            raise ValueError(f"case {self.name}: action is {self.action!r}, and has to be fit or predict")
        if "make" not in self.data:
            raise ValueError(f"case {self.name}: data names no generator: make = ...")
        if not self.title:
            object.__setattr__(self, "title", describe(self))


def describe(case: Case) -> str:
    """Say in a line what a case runs."""
    params = ", ".join(f"{key}={value!r}" for key, value in case.params.items())
    data = dict(case.data)
    make = data.pop("make")
    standardised = ", standardised" if data.pop("standardise", False) else ""
    data.pop("random_state", None)
    size = ", ".join(f"{data.pop(key):,}" for key in ("n_samples", "n_features", "n_columns") if key in data)
    rest = "".join(f", {key}={value}" for key, value in data.items() if key == "noise")
    single = ", float32" if case.dtype == "float32" else ""
    source = f"{make}({size}{rest}){standardised}{single}" if size else f"{make}{standardised}{single}"
    return f"`{case.estimator}({params}).{case.action}`, {source}"


def read(path: Path = CASES) -> list[Case]:
    """Return all cases of a file, in its order."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    cases = [Case(**(document.get("defaults", {}) | entry)) for entry in document["case"]]
    names = [case.name for case in cases]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name}: two cases have the same name")
    return cases


def choose(cases: list[Case], names: Iterable[str]) -> list[Case]:
    """Return the cases with these names, or all of them if there are no names."""
    by_name = {case.name: case for case in cases}
    wanted = list(names)
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise ValueError(f"no such case: {', '.join(unknown)}; there are {', '.join(by_name)}")
    return [by_name[name] for name in wanted] if wanted else cases
