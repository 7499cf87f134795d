"""The header, the library's symbols and the generated binding say the same."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dask_go import _abi, _lib

HEADER = Path(__file__).parents[2] / "include" / "gocluster.h"
TEXT = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)


def numbers(pattern: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(pattern, TEXT, flags=re.MULTILINE)}


# A prototype begins a line; the inline functions at the end begin with `static`.
FUNCTIONS = set(re.findall(r"^(?:int32_t|const char \*)\s*(gocluster_\w+)\(", TEXT, flags=re.MULTILINE))
DEFINES = numbers(r"^#define (GOCLUSTER_\w+) (-?\d+)$")
ENUMS = numbers(r"^\s+(GOCLUSTER_\w+) = (-?\d+),?[ \t]*$")
STRUCTS = set(re.findall(r"^typedef struct (gocluster_\w+) \{", TEXT, flags=re.MULTILINE))


def output(*command: str | Path) -> str:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is missing")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_this_test_reads_the_header() -> None:
    assert len(FUNCTIONS) >= 19
    assert {"gocluster_error_name", "gocluster_job_wait", "gocluster_npy_read"} <= FUNCTIONS
    assert {"gocluster_error", "gocluster_array", "gocluster_svc_params", "gocluster_job"} <= STRUCTS
    assert DEFINES["GOCLUSTER_ABI_VERSION"] == 1
    assert ENUMS["GOCLUSTER_ERROR_SHAPE"] == -3


def test_the_library_shows_the_functions_of_the_header_and_nothing_else() -> None:
    symbols = output("nm", "-D", "--defined-only", "--format=posix", _lib._PATH)
    assert {line.split()[0] for line in symbols.splitlines()} == FUNCTIONS


def test_the_soname_is_the_abi_version() -> None:
    dynamic = output("readelf", "-dW", _lib._PATH)
    assert re.findall(r"SONAME.*\[(.*)\]", dynamic) == [f"libgocluster.so.{DEFINES['GOCLUSTER_ABI_VERSION']}"]


def test_the_binding_has_the_functions_and_constants_of_the_header() -> None:
    library = _lib.library()
    bound = {name for name in dir(library) if name.startswith("gocluster_")}
    assert bound == FUNCTIONS
    constants = {name: getattr(library, name) for name in dir(library) if name.startswith("GOCLUSTER_")}
    assert constants == DEFINES | ENUMS
    assert library.gocluster_abi_version() == DEFINES["GOCLUSTER_ABI_VERSION"]
    assert library.gocluster_abi_minor() == DEFINES["GOCLUSTER_ABI_MINOR"]


def test_the_binding_lays_structs_out_as_a_compiler_does(tmp_path: Path) -> None:
    bound = {name for name in _abi.ffi.list_types()[0] if name.startswith("gocluster_")}
    assert bound == STRUCTS
    layout = {
        f"{struct}.{name}": (field.offset, _abi.ffi.sizeof(field.type))
        for struct in STRUCTS
        for name, field in _abi.ffi.typeof(struct).fields
    }
    layout |= {struct: (0, _abi.ffi.sizeof(struct)) for struct in STRUCTS}
    lines = [
        f'printf("{key} %zu %zu\\n", offsetof({struct}, {name}), sizeof(({struct} *)0)->{name});'
        if name
        else f'printf("{key} 0 %zu\\n", sizeof({struct}));'
        for key in layout
        for struct, _, name in [key.partition(".")]
    ]
    source = tmp_path / "layout.c"
    includes = f'#include <stddef.h>\n#include <stdio.h>\n#include "{HEADER}"\n'
    source.write_text(f"{includes}int main(void) {{ {' '.join(lines)} return 0; }}\n")
    output("gcc", "-o", tmp_path / "layout", source)
    compiled = {
        name: (int(offset), int(size))
        for name, offset, size in (line.split() for line in output(tmp_path / "layout").splitlines())
    }
    assert layout == compiled


@pytest.mark.parametrize("compiler", [("gcc", "c", "c99"), ("g++", "c++", "c++98"), ("g++", "c++", "c++17")])
def test_the_header_compiles_alone(compiler: tuple[str, str, str], tmp_path: Path) -> None:
    command, language, standard = compiler
    source = tmp_path / "alone.c"
    source.write_text(f'#include "{HEADER}"\n#include "{HEADER}"\n')
    warnings = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-Wno-long-long"]
    output(command, f"-std={standard}", *warnings, "-fsyntax-only", "-x", language, source)
