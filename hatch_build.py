"""Builds the Go library and the cffi binding into the package, and tags the wheel for this platform.

An sdist carries the sources of both; a wheel and an editable install carry what is made here.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeBuild(BuildHookInterface):
    """The step between the sources and the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Make _abi.py and libgocluster.so.N, named as its soname, beside the Python sources."""
        root = Path(self.root)
        package = root / "python" / "dask_go"
        if shutil.which("go") is None or shutil.which("gcc") is None:
            sys.exit("dask-go is built from Go sources: install Go 1.26 or newer and gcc, then run this again.")
        build = ". packaging/build-lib.sh && build_library build"
        subprocess.run(["bash", "-euc", build], cwd=root, env={**os.environ, "ROOT": str(root)}, check=True)
        for old in package.glob("libgocluster.so*"):
            old.unlink()
        for soname in (root / "build" / "lib").glob("libgocluster.so.[0-9]"):
            shutil.copyfile(soname, package / soname.name)
        subprocess.run([sys.executable, "packaging/gen_abi.py", package / "_abi.py"], cwd=root, check=True)
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
