"""What a measurement was made on, and of."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

# What the library is built from; changes to anything else do not change what is measured.
SOURCES = ("core", "capi", "include", "packaging", "python", "go.mod")

AVX512 = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "fma"}
AVX2 = {"avx2", "fma"}


def describe(threads: int | None) -> dict[str, Any]:
    """Return the machine's CPU, the cores that are used and their widest SIMD instructions."""
    model, flags = _cpu()
    simd = "AVX-512" if flags >= AVX512 else "AVX2" if flags >= AVX2 else "generic"
    return {
        "cpu": model,
        "cores": len(cores(threads)),
        "simd": os.environ.get("GOCLUSTER_CPU") or simd,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def label(machine: dict[str, Any]) -> str:
    """Return a name for a machine's results: avx512-2-cores."""
    simd = machine["simd"].lower().replace("-", "")
    return f"{simd}-{count(machine['cores']).replace(' ', '-')}"


def count(number: int) -> str:
    """Write a number of cores."""
    return f"{number} core{'s' if number > 1 else ''}"


def cores(threads: int | None) -> Sequence[int]:
    """Return the CPUs to run on: those this process may use, or the first `threads` of them."""
    usable = sorted(os.sched_getaffinity(0))
    if threads is not None and not 1 <= threads <= len(usable):
        raise ValueError(f"threads is {threads}, and this process may use {len(usable)} CPUs")
    return usable[:threads]


class Others:
    """A stopwatch for the share of the machine's CPUs that other programs use."""

    def __init__(self) -> None:
        self.own = 0.0  # seconds of processor time that are not others'
        self._start = time.monotonic()
        self._busy = _busy_seconds()

    def share(self) -> float:
        """Return the share since the start, 0 where the system does not tell."""
        of = (time.monotonic() - self._start) * (os.cpu_count() or 1)
        return max(0.0, (_busy_seconds() - self._busy - self.own) / of)


def _busy_seconds() -> float:
    try:
        first = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()
    except OSError:
        return 0.0
    user, nice, system, _idle, _wait, irq, soft, steal = (int(ticks) for ticks in first[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def commit() -> str:
    """Return the commit that the installed wheel was built from, with a + if its sources had been changed."""
    installed = Path(sys.prefix, ".commit")  # written by run.sh as it installs
    return installed.read_text(encoding="utf-8").strip() if installed.exists() else commit_of_sources()


def commit_of_sources() -> str:
    """Return the commit of the sources, with a + if they were changed since."""
    try:
        head = _git("rev-parse", "--short=10", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--", *SOURCES) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _cpu() -> tuple[str, set[str]]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor(), set()
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    return fields.get("model name", platform.processor()), set(fields.get("flags", "").split())


def peak_kb(process: str = "self") -> int:
    """Return the most memory that a process has had, in KiB; 0 for one that has ended and is not waited for."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    return int(found[1]) if found is not None else 0
