"""What each room of the repository may touch. ARCHITECTURE.md says why."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A package of the module, and the ones that it may import. Imports point one way.
LEAVES = {"core/simd", "core/parallel", "core/arena"}
MAY_IMPORT: dict[str, set[str]] = {
    "core/simd": set(),
    "core/parallel": {"core/simd"},  # to pause while it spins
    "core/arena": set(),
    "core/dense": LEAVES,
    "core/sparse": LEAVES,
    "core/kernel": LEAVES | {"core/dense", "core/sparse"},
    "core/svm": LEAVES | {"core/dense", "core/sparse", "core/kernel"},
    "core/kmeans": LEAVES | {"core/dense", "core/sparse", "core/kernel"},
    "core/search": LEAVES | {"core/dense", "core/sparse", "core/kernel", "core/svm", "core/kmeans"},
}
MAY_IMPORT["capi"] = set(MAY_IMPORT)

UNSAFE = {"core/simd", "core/arena", "capi"}
MODULES = {
    "core/simd": {"golang.org/x/sys/cpu"},
    "core/arena": {"golang.org/x/sys/unix"},
    "core/parallel": {"golang.org/x/sys/unix"},
    "core/dense": {"golang.org/x/sys/unix", "github.com/sbinet/npyio/npy"},
    "core/svm": {"gonum.org/v1/gonum"},
    "core/search": {"gonum.org/v1/gonum"},
}
NOT_IN_CORE = {"C", "log", "log/slog", "net", "net/http", "os/exec", "os/signal"}


def packages() -> dict[str, list[Path]]:
    """The Go files of each package; generators have a module of their own."""
    found: dict[str, list[Path]] = {}
    for top in ("core", "capi"):
        for file in sorted((ROOT / top).rglob("*.go")):
            if not any(part.startswith("_") for part in file.relative_to(ROOT).parts):
                found.setdefault(str(file.parent.relative_to(ROOT)), []).append(file)
    return found


PACKAGES = packages()


def imports(file: Path) -> set[str]:
    text = file.read_text()
    blocks = re.findall(r"^import \((.*?)^\)", text, flags=re.DOTALL | re.MULTILINE)
    single = re.findall(r'^import (?:\w+ )?"([^"]+)"', text, flags=re.MULTILINE)
    return {path for block in blocks for path in re.findall(r'"([^"]+)"', block)} | set(single)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    assert package in MAY_IMPORT, "a new package needs a line in the policy above"
    for file in PACKAGES[package]:
        own = {path.removeprefix("gocluster/") for path in imports(file) if path.startswith("gocluster/")}
        foreign = {path for path in imports(file) if "." in path.split("/")[0]}
        if not file.name.endswith("_test.go"):
            assert own <= MAY_IMPORT[package], file
            allowed = tuple(MODULES.get(package, ()))
            assert all(path.startswith(allowed) if allowed else False for path in foreign), (file, foreign)


@pytest.mark.parametrize("package", PACKAGES)
def test_unsafe_has_few_homes(package: str) -> None:
    for file in PACKAGES[package]:
        if package not in UNSAFE and not file.name.endswith("_test.go"):
            assert "unsafe" not in imports(file), file


@pytest.mark.parametrize("package", [p for p in PACKAGES if p.startswith("core/")])
def test_core_knows_nothing_of_c_and_does_not_speak(package: str) -> None:
    for file in PACKAGES[package]:
        if not file.name.endswith("_test.go"):
            assert not imports(file) & NOT_IN_CORE, file
            assert not re.search(r"\bfmt\.Print|\bprintln\(|os\.Std(out|err)", file.read_text()), file


def test_assembly_lives_in_simd() -> None:
    homes = {str(file.parent.relative_to(ROOT)) for top in ("core", "capi") for file in (ROOT / top).rglob("*.s")}
    assert homes == {"core/simd"}


def test_every_package_says_what_it_is() -> None:
    for package in PACKAGES:
        assert (ROOT / package / "doc.go").exists(), package


def test_only_two_python_modules_touch_the_library() -> None:
    for file in (ROOT / "python/dask_go").glob("*.py"):
        if file.name in {"_lib.py", "_marshal.py", "_abi.py"}:
            continue
        tree = ast.parse(file.read_text())
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
        assert not {n for n in names if n.split(".")[0] in {"_abi", "cffi", "_cffi_backend", "ctypes"}}, file
        assert not {n for n in names if n.endswith("._abi") or n == "None._abi"}, file
