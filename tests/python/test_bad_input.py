"""Input that makes no sense is refused with scikit-learn's exceptions, and the process goes on."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.svm
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import NotFittedError

from dask_go import _lib, _marshal
from dask_go.svm import SVC

X, y = make_classification(40, 4, random_state=0)
IRIS = load_iris(return_X_y=True)


def with_value(value: float) -> np.ndarray:
    bad = X.copy()
    bad[17, 2] = value
    return bad


BAD_FITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "NaN": ({}, {"X": with_value(np.nan)}),
    "infinity": ({}, {"X": with_value(np.inf)}),
    "f32 infinity": ({}, {"X": with_value(-np.inf).astype(np.float32)}),
    "no rows": ({}, {"X": X[:0], "y": y[:0]}),
    "no columns": ({}, {"X": X[:, :0]}),
    "one dimension": ({}, {"X": X[:, 0]}),
    "three dimensions": ({}, {"X": X[None]}),
    "scalar": ({}, {"X": 3.0}),
    "strings": ({}, {"X": np.full((40, 2), "a")}),
    "objects": ({}, {"X": np.full((40, 2), object())}),
    "complex": ({}, {"X": X + 1j}),
    "ragged": ({}, {"X": [[1.0, 2.0], [3.0]], "y": [0, 1]}),
    "sparse NaN": ({}, {"X": scipy.sparse.csr_matrix(with_value(np.nan))}),
    "sparse lengths": ({}, {"X": scipy.sparse.csr_matrix(X), "y": y[:-1]}),
    "lengths": ({}, {"y": y[:-1]}),
    "no y": ({}, {"y": None}),
    "one class": ({}, {"y": np.zeros(40)}),
    "one row": ({}, {"X": X[:1], "y": y[:1]}),
    "y is NaN": ({}, {"y": np.where(y, np.nan, 0)}),
    "y is continuous": ({}, {"y": y + 0.5 * np.arange(40)}),
    "y is mixed": ({}, {"y": np.array([1, "a"] * 20, dtype=object)}),
    "y has two columns": ({}, {"y": np.column_stack([y, y])}),
    "weights too short": ({}, {"sample_weight": np.ones(39)}),
    "weights have two columns": ({}, {"sample_weight": np.ones((40, 2))}),
    "weights zero": ({}, {"sample_weight": np.zeros(40)}),
    "weights negative": ({}, {"sample_weight": -np.ones(40)}),
    "weights of one class": ({}, {"sample_weight": y}),
    "weights are words": ({}, {"sample_weight": ["a"] * 40}),
    "C negative": ({"C": -1}, {}),
    "C zero": ({"C": 0.0}, {}),
    "C is NaN": ({"C": np.nan}, {}),
    "C is a word": ({"C": "1"}, {}),
    "tol zero": ({"tol": 0.0}, {}),
    "tol infinite": ({"tol": np.inf}, {}),
    "gamma negative": ({"gamma": -0.1}, {}),
    "gamma infinite": ({"gamma": np.inf}, {}),
    "gamma unknown": ({"gamma": "small"}, {}),
    "kernel unknown": ({"kernel": "rbg"}, {}),
    "kernel a number": ({"kernel": 2}, {}),
    "max_iter": ({"max_iter": -2}, {}),
    "max_iter is real": ({"max_iter": 2.5}, {}),
    "cache_size": ({"cache_size": 0}, {}),
    "degree": ({"degree": -1}, {}),
    "degree is real": ({"kernel": "poly", "degree": 2.5}, {}),
    "coef0 infinite": ({"kernel": "poly", "coef0": np.inf}, {}),
    "coef0 is NaN": ({"kernel": "sigmoid", "coef0": np.nan}, {}),
    "shape of decisions": ({"decision_function_shape": "one"}, {}),
    "break_ties": ({"break_ties": "yes"}, {}),
    "class_weight unknown class": ({"class_weight": {7: 1.0}}, {}),
    "class_weight zero": ({"class_weight": {0: 0.0}}, {}),
    "class_weight negative": ({"class_weight": {0: -2.0}}, {}),
    "class_weight unknown word": ({"class_weight": "auto"}, {}),
    "random_state": ({"random_state": "x"}, {}),
}


def outcome(svc: Any, name: str) -> type[BaseException] | None:
    params, data = BAD_FITS[name]
    try:
        svc(**params).fit(**{"X": X, "y": y, **data})
    except Exception as error:  # noqa: BLE001
        return type(error)
    return None


@pytest.mark.parametrize("name", BAD_FITS)
@pytest.mark.filterwarnings("ignore")
def test_fit_refuses_as_scikit_learn_does(name: str) -> None:
    ours, theirs = outcome(SVC, name), outcome(sklearn.svm.SVC, name)
    if name == "class_weight unknown class":
        # scikit-learn raises too, unless every class has a weight of its own.
        assert ours is theirs is ValueError
    else:
        assert ours is not None
        assert issubclass(ours, (ValueError, TypeError))
        assert issubclass(ours, theirs or object)
        assert issubclass(theirs or object, (ValueError, TypeError)) or theirs is None


@pytest.mark.parametrize(
    "keywords, sentence",
    [
        ({"X": with_value(np.nan)}, "Input X contains NaN"),
        ({"X": with_value(np.inf)}, "Input X contains infinity"),
        ({"X": scipy.sparse.csr_matrix(with_value(np.nan))}, "Input X contains NaN"),
        ({"y": np.zeros(40)}, "number of classes has to be greater than one; got 1 class"),
        ({"y": y[:-1]}, r"inconsistent numbers of samples: \[40, 39\]"),
        ({"sample_weight": np.ones(39)}, "sample_weight and X have incompatible shapes"),
        ({"sample_weight": np.full(40, np.nan)}, "Input sample_weight contains NaN"),
        ({"sample_weight": np.zeros(40)}, "Invalid input - all samples have zero or negative weights."),
        ({"sample_weight": y}, "Invalid input - all samples with positive weights belong to the same class."),
    ],
)
def test_sentences_of_fit(keywords: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        SVC().fit(**{"X": X, "y": y, **keywords})


def test_class_without_weight_is_named() -> None:
    X3, y3 = IRIS
    names = np.array(["ape", "bee", "cat"])[y3]
    with pytest.raises(ValueError, match=r"all samples of the classes \['bee'\] have zero or negative weights"):
        SVC().fit(X3, names, sample_weight=names != "bee")


def test_verbose_without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"SVC\(verbose=True\) needs tqdm: pip install tqdm"):
        SVC(verbose=True).fit(X, y)
    SVC().fit(X, y)


@pytest.mark.parametrize("method", ["predict", "decision_function"])
def test_predict_refuses(method: str) -> None:
    with pytest.raises(NotFittedError):
        getattr(SVC(), method)(X)
    model = SVC().fit(X, y)
    for bad, sentence in [
        (X[:, :3], "X has 3 features, but SVC is expecting 4 features as input"),
        (with_value(np.nan), "Input X contains NaN"),
        (X[0], "Expected 2D array, got 1D array instead"),
        (X[:0], "minimum of 1 is required"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            getattr(model, method)(bad)
    with pytest.raises(ValueError, match="cannot use sparse input in 'SVC' trained on dense data"):
        getattr(model, method)(scipy.sparse.csr_matrix(X))


def test_values_too_large_for_a_model() -> None:
    huge = np.finfo(np.float64).max * np.random.default_rng(0).uniform(size=(10, 2))
    for params in ({}, {"gamma": 1.0}, {"kernel": "linear"}, {"kernel": "poly"}, {"kernel": "sigmoid", "gamma": 1.0}):
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"large values|scale the data"):
            SVC(**params).fit(huge, np.arange(10) % 2)


@pytest.mark.parametrize(
    "params", [{"kernel": "poly", "degree": 5, "gamma": 1e8}, {"kernel": "sigmoid", "gamma": 1e38}], ids=str
)
def test_overflow_of_a_kernel_asks_for_scaling(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"overflow.*; scale the data, or lower gamma"):
        SVC(**params).fit(X, y)


def test_degree_has_32_bits() -> None:
    with pytest.raises(ValueError, match="degree must be below"):
        SVC(kernel="poly", degree=2**31).fit(X, y)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_infinite_C_is_a_hard_margin(kernel: str) -> None:
    separable = X[:, :2] * 0.1 + np.where(y, 3.0, -3.0)[:, None]
    hard, large = SVC(C=np.inf, kernel=kernel).fit(separable, y), SVC(C=1e10, kernel=kernel).fit(separable, y)
    np.testing.assert_array_equal(hard.predict(separable), y)
    np.testing.assert_allclose(hard.decision_function(separable), large.decision_function(separable), atol=5e-3)


def test_fit_after_refusals() -> None:
    model = SVC()
    for bad in (with_value(np.nan), X[:0], X[:, :0]):
        with pytest.raises(ValueError):
            model.fit(bad, y)
    expected = sklearn.svm.SVC().fit(X, y)
    np.testing.assert_array_equal(model.fit(X, y).support_, expected.support_)


def test_no_memory_left() -> None:
    program = """
import resource
import numpy as np
from dask_go.svm import SVC
rng = np.random.default_rng(0)
X, y = rng.normal(size=(20000, 50)), rng.integers(0, 2, 20000)
SVC().fit(X[:4000], y[:4000])      # starts the threads: one that cannot start is the end of a Go program
few = SVC().fit(X[:100], y[:100])
pages = int(open("/proc/self/statm").read().split()[0])
size = pages * resource.getpagesize()
for extra in (48 << 20, 64 << 20):
    resource.setrlimit(resource.RLIMIT_AS, (size + extra, resource.RLIM_INFINITY))
    try:
        SVC().fit(X, y)
    except MemoryError:
        print("MemoryError")
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
np.testing.assert_array_equal(SVC().fit(X[:100], y[:100]).dual_coef_, few.dual_coef_)
print("goes on")
"""
    result = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=120)
    assert result.stdout.split("\n")[:3] == ["MemoryError", "MemoryError", "goes on"], result.stdout + result.stderr


# ---- what the library itself says, should Python's own checks be passed by --------------


def test_errors_of_the_library_become_exceptions() -> None:
    model = SVC()
    model._gamma = 0.5
    prm = model._params()
    labels = y.astype(np.int64)
    with pytest.raises(ValueError, match="X"):
        _marshal.svc_fit(prm, with_value(np.nan), labels, None, None)
    with pytest.raises(ValueError, match="y"):
        _marshal.svc_fit(prm, X, labels[:-1], None, None)
    with pytest.raises(TypeError, match="y"):
        _marshal.svc_fit(prm, X, y.astype(np.float64), None, None)
    with pytest.raises(ValueError, match="sample_weight"):
        _marshal.svc_fit(prm, X, labels, np.full(40, -1.0), None)
    prm.C = -1.0
    with pytest.raises(ValueError, match="C"):
        _marshal.svc_fit(prm, X, labels, None, None)
    assert not _lib._in_use


def test_stale_handle_is_a_runtime_error() -> None:
    from dask_go._abi import ffi

    with pytest.raises(RuntimeError, match="model"):
        _lib.call("gocluster_svc_free", ffi.new("gocluster_svc *", {"id": 2**63})[0])
