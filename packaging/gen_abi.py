"""Writes cffi's out-of-line module from include/gocluster.h: python packaging/gen_abi.py OUT.

The header keeps everything between "binding: begin" and "binding: end" free of the
preprocessor, so what is read is that part and the integer constants.
"""

import re
import sys
from pathlib import Path

import cffi

HEADER = Path(__file__).parent.parent / "include" / "gocluster.h"


def declarations(header: str) -> str:
    """Return what cffi parses: the marked part of the header and its `#define NAME integer` lines."""
    marked = re.search(r"/\* binding: begin \*/(.*)/\* binding: end \*/", header, flags=re.DOTALL)
    if marked is None:
        sys.exit(f"{HEADER}: no part between 'binding: begin' and 'binding: end'")
    constants = re.findall(r"^#define GOCLUSTER_\w+ +-?\d+$", header, flags=re.MULTILINE)
    return "\n".join([*constants, marked.group(1)])


if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef(declarations(HEADER.read_text()))
    ffi.set_source("dask_go._abi", None)
    ffi.emit_python_code(sys.argv[1])
