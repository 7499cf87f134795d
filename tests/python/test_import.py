"""Importing starts no Go, and a parameter is the same in Python, in the header and in Go."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import dask_go
from dask_go import _lib, _marshal
from dask_go._abi import ffi
from dask_go.svm import SVC


def test_import_does_not_load_the_library() -> None:
    program = """
def loaded():
    return "libgocluster" in open("/proc/self/maps").read()
import dask_go
import dask_go.svm
from sklearn.base import clone
model = clone(dask_go.svm.SVC(C=2)).set_params(C=3)
repr(model), model.get_params(), hasattr(model, "coef_")
assert not loaded()
dask_go.get_num_threads()
assert loaded()
"""
    subprocess.run([sys.executable, "-P", "-c", program], check=True, timeout=60)


def test_installed_package_is_under_test() -> None:
    assert "site-packages" in dask_go.__file__
    assert version("dask-go") == dask_go.__version__


def defaults() -> dict[str, Any]:
    return {name: p.default for name, p in inspect.signature(SVC).parameters.items()}


def test_defaults_are_those_of_the_header() -> None:
    params = ffi.new("gocluster_svc_params *")
    _lib.call("gocluster_svc_params_init", params, ffi.sizeof("gocluster_svc_params"))
    fields = [name for name, _ in ffi.typeof("gocluster_svc_params").fields]
    assert fields[0] == "struct_size"
    assert params.struct_size == ffi.sizeof("gocluster_svc_params")
    for name in fields[1:]:
        if name == "kernel":
            assert params.kernel == _marshal.KERNELS[defaults()["kernel"]]
        elif name == "gamma":
            assert params.gamma < 0  # "scale" and "auto" are resolved before the call
        elif name == "random_state":
            assert params.random_state == 0  # a number is drawn before the call
        else:
            assert getattr(params, name) == defaults()[name], name


def test_every_field_is_filled_from_the_estimator() -> None:
    model = SVC(C=3.5, tol=0.25, cache_size=17.0, max_iter=9, kernel="poly", gamma=0.125, degree=5, coef0=-0.5)
    model._gamma = model.gamma
    params = model._params(random_state=7)
    assert (params.C, params.tol, params.cache_size, params.max_iter) == (3.5, 0.25, 17.0, 9)
    assert (params.kernel, params.gamma, params.degree, params.coef0) == (1, 0.125, 5, -0.5)
    assert (params.probability, params.random_state) == (0, 7)


def test_parameters_are_documented() -> None:
    documented = inspect.getdoc(SVC) or ""
    for name in defaults():
        assert f"\n{name} : " in documented, name


def test_kernels_are_numbered_as_in_libsvm() -> None:
    assert list(_marshal.KERNELS.values()) != []
    assert {k: _marshal.KERNELS[k] for k in ("linear", "poly", "rbf", "sigmoid", "precomputed")} == {
        "linear": 0,
        "poly": 1,
        "rbf": 2,
        "sigmoid": 3,
        "precomputed": 4,
    }


def test_every_error_code_has_an_exception_or_is_a_runtime_error() -> None:
    codes = {name for name, number in _marshal._enum("gocluster_code").items() if number < 0}
    assert set(_lib._EXCEPTIONS) <= codes
    assert {name.rpartition("ERROR_")[2] for name in codes - set(_lib._EXCEPTIONS)} == {
        "STRUCT_SIZE",
        "HANDLE",
        "NOT_READY",
        "FORKED",
        "PANIC",
        "POISONED",
    }


def test_library_is_named_by_its_soname() -> None:
    assert _lib._PATH.name == f"libgocluster.so.{_lib.library().GOCLUSTER_ABI_VERSION}"
    assert [p.name for p in Path(dask_go.__file__).parent.glob("libgocluster*")] == [_lib._PATH.name]


def test_other_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        GOCLUSTER_ABI_VERSION, GOCLUSTER_ABI_MINOR = 1, 3

        def gocluster_abi_version(self) -> int:
            return 1

        def gocluster_abi_minor(self) -> int:
            return 2

    class Loader:
        def dlopen(self, _: str) -> Other:
            return Other()

    monkeypatch.setattr(_lib, "_loaded", None)
    monkeypatch.setattr(_lib, "ffi", Loader())
    with pytest.raises(RuntimeError, match=r"has ABI 1\.2, and this dask_go was made for 1\.3: reinstall"):
        _lib.library()
