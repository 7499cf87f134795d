"""The cases of cases.toml, checked as they are read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
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

    def __post_init__(self) -> None:
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"case {self.name}: dtype is {self.dtype!r}, and has to be float32 or float64")
        if self.action not in ("fit", "predict"):
            raise ValueError(f"case {self.name}: action is {self.action!r}, and has to be fit or predict")
        if "make" not in self.data:
            raise ValueError(f"case {self.name}: data names no generator: make = ...")

    @property
    def call(self) -> str:
        """What is timed, as one would write it."""
        params = ", ".join(f"{key}={value!r}" for key, value in self.params.items())
        return f"{self.estimator}({params}).{self.action}"

    @property
    def source(self) -> str:
        """Where the data is from, and what was done to it."""
        standardised = ", standardised" if self.data.get("standardise") else ""
        return str(self.data["make"]) + standardised + ", float32" * (self.dtype == "float32")


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
