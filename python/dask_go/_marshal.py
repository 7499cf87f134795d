"""NumPy arrays and estimators as the structs of gocluster.h, and back.

Arrays go down as views of the same memory. What comes up is copied out of the library at
once, so a fitted estimator holds plain NumPy arrays and no handle.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ._abi import ffi
from ._lib import call, run_job

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int32]
Array: TypeAlias = npt.NDArray[Any]


def _enum(name: str) -> dict[str, int]:
    """Return the constants of an enum of the header, without loading the library."""
    return dict(ffi.typeof(f"enum {name}").relements)


_DTYPES = {
    np.dtype(np.float32): _enum("gocluster_dtype")["GOCLUSTER_F32"],
    np.dtype(np.float64): _enum("gocluster_dtype")["GOCLUSTER_F64"],
    np.dtype(np.int32): _enum("gocluster_dtype")["GOCLUSTER_I32"],
    np.dtype(np.int64): _enum("gocluster_dtype")["GOCLUSTER_I64"],
}
_CSR = _enum("gocluster_dtype")["GOCLUSTER_CSR"]
_ATTRIBUTES = _enum("gocluster_svc_attribute")
KERNELS = {name.removeprefix("GOCLUSTER_KERNEL_").lower(): number for name, number in _enum("gocluster_kernel").items()}
KMEANS_INITS = {
    name.removeprefix("GOCLUSTER_INIT_").lower(): number for name, number in _enum("gocluster_kmeans_init").items()
}

# A struct of the header that points into arrays or another struct keeps those alive.
_owners: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def array(a: Array) -> Any:
    """Return a gocluster_array over the memory of `a`.

    Nothing is copied: `a` is of native byte order, one of the four dtypes, and has one or two
    dimensions. Its strides may be anything. (But for one that lies askew, as an input that was
    unpickled from a message may: the view is of a copy.)
    """
    if not a.flags.aligned:
        a = a.copy()
    view = ffi.new("gocluster_array *")
    view.data = ffi.cast("void *", a.__array_interface__["data"][0])
    view.dtype = _DTYPES[a.dtype]
    view.ndim = a.ndim
    for axis in range(a.ndim):
        view.shape[axis] = a.shape[axis]
        view.strides[axis] = a.strides[axis]
    _owners[view] = a
    return view


def matrix(X: Any) -> Any:
    """Return a gocluster_array over the memory of `X`, an array or a csr_matrix or csr_array.

    Nothing is copied, as in `array`, unless the arrays of a sparse matrix are not contiguous,
    or its row pointers and column indices differ in type.
    """
    if isinstance(X, np.ndarray):
        return array(X)
    index = np.result_type(X.indices, X.indptr)
    parts = {
        "data": array(np.require(X.data, requirements=["C", "A"])),
        "indices": array(np.require(X.indices, index, ["C", "A"])),
        "indptr": array(np.require(X.indptr, index, ["C", "A"])),
    }
    csr = ffi.new("gocluster_csr *", {name: part.data for name, part in parts.items()})
    csr.dtype = parts["data"].dtype
    csr.index_dtype = parts["indptr"].dtype
    csr.n_elements = min(len(X.data), len(X.indices))
    view = ffi.new("gocluster_array *", {"data": csr, "dtype": _CSR, "ndim": 2, "shape": X.shape})
    _owners[view] = (csr, parts)
    return view


def _optional(a: Array | None) -> Any:
    return ffi.NULL if a is None else array(a)


def params(struct: str, source: object, **given: Any) -> Any:
    """Return a params struct of the header, filled by the names of its fields.

    A field's value is the one in `given`, else the attribute of that name of `source`.
    """
    filled = ffi.new(f"{struct} *")
    call(f"{struct}_init", filled, ffi.sizeof(struct))
    for name, _ in ffi.typeof(struct).fields:
        if name != "struct_size":
            setattr(filled, name, given[name] if name in given else getattr(source, name))
    return filled


class FittedSVC(NamedTuple):
    """What a fit learned, in libsvm's signs and order. See gocluster_svc_attribute in the header."""

    support: IntArray
    n_support: IntArray
    support_vectors: Any  # FloatArray, or the csr_matrix of a model of sparse data
    dual_coef: FloatArray
    intercept: FloatArray
    n_iter: IntArray
    prob_a: FloatArray  # empty without probability
    prob_b: FloatArray
    converged: bool


def _precomputed(prm: Any) -> bool:
    return bool(prm.kernel == KERNELS["precomputed"])


def svc_fit(
    prm: Any,
    X: Array,
    y: Array,
    sample_weight: Array | None,
    class_weight: Array | None,
    report: Callable[[int, float], None] | None = None,
) -> FittedSVC:
    """Train; `y` holds class indexes, of which every one occurs."""
    model = ffi.new("gocluster_svc *")
    run_job(
        "gocluster_svc_fit_start",
        prm,
        matrix(X),
        array(y),
        _optional(sample_weight),
        _optional(class_weight),
        result=("gocluster_svc_fit_result", model),
        report=report,
    )
    try:
        shape = ffi.new("gocluster_svc_shape *", {"struct_size": ffi.sizeof("gocluster_svc_shape")})
        call("gocluster_svc_get_shape", model[0], shape)
        k, n_sv = shape.n_classes, shape.n_support_vectors
        fitted = FittedSVC(
            support=np.empty(n_sv, np.int32),
            n_support=np.empty(k, np.int32),
            support_vectors=_sparse_support_vectors(model[0], shape)
            if shape.n_support_elements >= 0
            else np.empty((0, 0) if _precomputed(prm) else (n_sv, shape.n_features), np.float64),
            dual_coef=np.empty((k - 1, n_sv), np.float64),
            intercept=np.empty(shape.n_pairs, np.float64),
            n_iter=np.empty(shape.n_pairs, np.int32),
            prob_a=np.empty(shape.n_pairs if prm.probability else 0, np.float64),
            prob_b=np.empty(shape.n_pairs if prm.probability else 0, np.float64),
            converged=bool(shape.converged),
        )
        for name, out in fitted._asdict().items():
            if isinstance(out, np.ndarray) and not (name == "support_vectors" and _precomputed(prm)):
                call("gocluster_svc_get", model[0], _ATTRIBUTES[f"GOCLUSTER_SVC_{name.upper()}"], array(out))
        return fitted
    finally:
        call("gocluster_svc_free", model[0])


def _sparse_support_vectors(model: Any, shape: Any) -> Any:
    n = shape.n_support_elements
    index = np.int32 if n < 2**31 else np.int64
    out = SimpleNamespace(
        data=np.empty(n, np.float64),
        indices=np.empty(n, index),
        indptr=np.zeros(shape.n_support_vectors + 1, index),
        shape=(shape.n_support_vectors, shape.n_features),
    )
    call("gocluster_svc_get", model, _ATTRIBUTES["GOCLUSTER_SVC_SUPPORT_VECTORS"], matrix(out))
    return sparse.csr_matrix((out.data, out.indices, out.indptr), out.shape)


def _svc_apply(start: str, prm: Any, model: FittedSVC, X: Array, out: Array) -> None:
    handle = ffi.new("gocluster_svc *")
    call(
        "gocluster_svc_from_arrays",
        prm,
        array(np.arange(len(model.n_support), dtype=np.int32)),
        array(model.n_support),
        matrix(model.support if _precomputed(prm) else model.support_vectors),
        array(model.dual_coef),
        array(model.intercept),
        _optional(model.prob_a if model.prob_a.size else None),
        _optional(model.prob_b if model.prob_b.size else None),
        handle,
    )
    try:
        run_job(start, handle[0], matrix(X), array(out))
    finally:
        call("gocluster_svc_free", handle[0])


def svc_decision_function(prm: Any, model: FittedSVC, X: Array) -> FloatArray:
    """Return one column per pair of classes; a positive value votes for the first class of the pair."""
    out = np.empty((X.shape[0], len(model.intercept)), np.float64)
    _svc_apply("gocluster_svc_decision_function_start", prm, model, X, out)
    return out


def svc_predict_proba(prm: Any, model: FittedSVC, X: Array) -> FloatArray:
    """Return the probability of each class."""
    out = np.empty((X.shape[0], len(model.n_support)), np.float64)
    _svc_apply("gocluster_svc_predict_proba_start", prm, model, X, out)
    return out


def svc_predict(prm: Any, model: FittedSVC, X: Array) -> IntArray:
    """Return the index of the class with most votes, the lowest one on a tie."""
    out = np.empty(X.shape[0], np.int32)
    _svc_apply("gocluster_svc_predict_start", prm, model, X, out)
    return out


def svc_search(
    fits: list[dict[str, Any]],
    split: IntArray,
    X: Any,
    y: Array,
    sample_weight: Array | None,
    class_weight: FloatArray,
    train: list[IntArray],
    test: list[IntArray],
    *,
    decision: bool,
    probability: bool,
) -> tuple[IntArray, FloatArray | None, FloatArray | None, FloatArray]:
    """Make fits of splits, and predict their test rows.

    Returns
    -------
    predicted : ndarray of int
        Indexes of the classes, of the test rows of all fits one after the other.
    decision : ndarray of shape (len(predicted), n_pairs) or None
        Their decision values.
    probabilities : ndarray of shape (len(predicted), n_classes) or None
        Their probabilities, of fits that have `probability`.
    report : ndarray of shape (n_fits, 3)
        Seconds, the KKT gap, whether it is within tol.
    """
    structs = ffi.new("gocluster_svc_params[]", len(fits))
    call("gocluster_svc_params_init", structs, ffi.sizeof("gocluster_svc_params"))
    for k, given in enumerate(fits):
        structs[k] = structs[0]
        for name, value in given.items():
            setattr(structs[k], name, KERNELS[value] if name == "kernel" else value)
    n_classes = class_weight.shape[1]
    n_rows = sum(len(test[s]) for s in split)
    predicted = np.empty(n_rows, np.int32)
    values = np.empty((n_rows, n_classes * (n_classes - 1) // 2)) if decision else None
    probabilities = np.empty((n_rows, n_classes)) if probability else None
    report = np.empty((len(fits), 3))
    run_job(
        "gocluster_svc_search_start",
        structs,
        len(fits),
        array(split),
        matrix(X),
        array(y),
        _optional(sample_weight),
        array(class_weight),
        *(
            array(a)
            for rows in (train, test)
            for a in (np.concatenate(rows), np.cumsum([len(part) for part in rows], dtype=np.int64))
        ),
        array(predicted),
        _optional(values),
        _optional(probabilities),
        array(report),
    )
    return predicted, values, probabilities, report


class FittedKMeans(NamedTuple):
    """What a clustering learned. See gocluster_kmeans_fit_start in the header."""

    centers: FloatArray
    labels: IntArray
    inertia: float
    n_iter: int
    n_distinct: int
    n_passes: int = 0


def _kmeans_result() -> Any:
    return ffi.new("gocluster_kmeans_result *", {"struct_size": ffi.sizeof("gocluster_kmeans_result")})


def kmeans_fit(
    prm: Any,
    X: Array,
    sample_weight: Array | None,
    *,
    init: Array | None,
    draws: FloatArray | None,
    trace: FloatArray | None,
    tick: Callable[[], None] | None,
) -> FittedKMeans:
    """Cluster the rows, from `init` or by what `prm` says with `draws`; `trace` is filled meanwhile."""
    centers = np.empty((prm.n_clusters, X.shape[1]), np.float64)
    labels = np.empty(X.shape[0], np.int32)
    result = _kmeans_result()
    run_job(
        "gocluster_kmeans_fit_start",
        prm,
        matrix(X),
        _optional(sample_weight),
        _optional(init),
        _optional(draws),
        array(centers),
        array(labels),
        _optional(trace),
        result,
        tick=tick,
    )
    return FittedKMeans(centers, labels, result.inertia, result.n_iter, result.n_distinct)


class FilePart(NamedTuple):
    """Rows in a file: a .npy file if `offset` is negative, else from there on without a header."""

    path: str
    shape: tuple[int, ...]
    dtype: Any
    offset: int = -1


def npy_part(path: str) -> FilePart:
    """Return what a .npy file says of itself."""
    info = ffi.new("gocluster_array *")
    call("gocluster_npy_info", os.fsencode(path), info)
    dtype = next(dtype for dtype, number in _DTYPES.items() if number == info.dtype)
    return FilePart(path, tuple(info.shape[0 : info.ndim]), dtype)


def file_rows(part: FilePart, low: int, high: int) -> Array:
    """Return some rows."""
    rows = np.empty((high - low, part.shape[1]), part.dtype)
    if part.offset < 0:
        call("gocluster_npy_read", os.fsencode(part.path), low, array(rows))
        return rows
    with open(part.path, "rb") as file:
        file.seek(part.offset + low * rows.strides[0])
        if file.readinto(rows.data) < rows.nbytes:
            raise OSError(f"{part.path}: ends before offset {part.offset + high * rows.strides[0]}")
    return rows


def _files(parts: list[FilePart]) -> tuple[Any, list[Any]]:
    """Return an array of gocluster_file, and what has to live as long as it."""
    files, owners = ffi.new("gocluster_file[]", len(parts)), []
    for file, part in zip(files, parts, strict=True):
        path = ffi.new("char[]", os.fsencode(part.path))
        owners.append(path)
        file.path = path
        if part.offset >= 0:
            layout = ffi.new("gocluster_array *", {"dtype": _DTYPES[part.dtype], "ndim": 2, "shape": part.shape})
            owners.append(layout)
            file.layout, file.offset = layout, part.offset
    return files, owners


def _path(path: str | None) -> Any:
    return ffi.NULL if path is None else ffi.new("char[]", os.fsencode(path))


def kmeans_fit_files(
    prm: Any,
    parts: list[FilePart],
    sample_weight: Array | None,
    *,
    init: Array | None,
    draws: FloatArray | None,
    labels: str | None,
    trace: FloatArray | None,
    tick: Callable[[], None] | None,
    report: Callable[[int, float], None] | None,
) -> FittedKMeans:
    """Cluster the rows of files; `labels` is a file for the labels, which are then read from there."""
    centers = np.empty((prm.n_clusters, parts[0].shape[1]), np.float64)
    in_memory = np.empty(sum(part.shape[0] for part in parts), np.int32) if labels is None else None
    result = _kmeans_result()
    files, _owners = _files(parts)
    run_job(
        "gocluster_kmeans_fit_npy_start",
        prm,
        files,
        len(parts),
        _optional(sample_weight),
        _optional(init),
        _optional(draws),
        array(centers),
        _optional(in_memory),
        _path(labels),
        _optional(trace),
        result,
        tick=tick,
        report=report,
    )
    found: IntArray = np.load(labels, mmap_mode="r") if in_memory is None else in_memory  # type: ignore[arg-type]
    return FittedKMeans(centers, found, result.inertia, result.n_iter, result.n_distinct, result.n_passes)


def kmeans_predict_files(
    parts: list[FilePart], sample_weight: Array | None, centers: Array, labels: IntArray | None, memory_limit: int
) -> float:
    """Store the nearest centre of each row of files in `labels`, and return the inertia."""
    result = _kmeans_result()
    files, _owners = _files(parts)
    run_job(
        "gocluster_kmeans_predict_npy_start",
        files,
        len(parts),
        _optional(sample_weight),
        array(centers),
        _optional(labels),
        ffi.NULL,
        memory_limit,
        result,
    )
    return float(result.inertia)


def kmeans_predict(X: Array, sample_weight: Array | None, centers: Array) -> tuple[IntArray, float]:
    """Return the nearest centre of each row, and the inertia."""
    labels = np.empty(X.shape[0], np.int32)
    result = _kmeans_result()
    run_job(
        "gocluster_kmeans_predict_start", matrix(X), _optional(sample_weight), array(centers), array(labels), result
    )
    return labels, result.inertia


def kmeans_transform(X: Array, centers: Array) -> Array:
    """Return the distance of each row from each centre."""
    out: Array = np.empty((X.shape[0], centers.shape[0]), np.result_type(X.dtype, centers))
    run_job("gocluster_kmeans_transform_start", matrix(X), array(centers), array(out))
    return out


def kmeans_plusplus(X: Array, sample_weight: Array | None, draws: FloatArray, n_clusters: int) -> npt.NDArray[np.int64]:
    """Return the rows that greedy k-means++ chooses."""
    indices = np.empty(n_clusters, np.int64)
    run_job("gocluster_kmeans_plusplus_start", matrix(X), _optional(sample_weight), array(draws), array(indices))
    return indices


class BlockPart(NamedTuple):
    """What the rows of a block contribute to a step. See gocluster_kmeans_block_start in the header."""

    sums: FloatArray
    mass: FloatArray
    counts: npt.NDArray[np.int64]
    inertia: float


def kmeans_survey(X: Any, *, tick: Callable[[], None] | None) -> tuple[FloatArray, float]:
    """Return the mean of the rows, and the mean of the columns' variances."""
    mean, variance = np.empty(X.shape[1]), np.empty(1)
    run_job("gocluster_kmeans_survey_start", matrix(X), array(mean), array(variance), tick=tick)
    return mean, float(variance[0])


def kmeans_block(
    X: Any,
    sample_weight: Array | None,
    centers: Array,
    labels: IntArray | None = None,
    *,
    tick: Callable[[], None] | None,
) -> BlockPart:
    """Assign the rows of a block to the nearest centres, in `labels` if that is given."""
    k, d = centers.shape
    sums, mass, counts = np.empty((k, d)), np.empty(k), np.empty(k, np.int64)
    result = _kmeans_result()
    run_job(
        "gocluster_kmeans_block_start",
        matrix(X),
        _optional(sample_weight),
        array(centers),
        _optional(labels),
        array(sums),
        array(mass),
        array(counts),
        result,
        tick=tick,
    )
    return BlockPart(sums, mass, counts, result.inertia)


def kmeans_farthest(
    X: Any, centers: Array, n: int, *, tick: Callable[[], None] | None
) -> tuple[npt.NDArray[np.int64], FloatArray, IntArray]:
    """Return the `n` rows that are farthest from the nearest centre, how far, squared, and from which."""
    rows, distances, labels = np.empty(n, np.int64), np.empty(n), np.empty(n, np.int32)
    run_job(
        "gocluster_kmeans_farthest_start",
        matrix(X),
        array(centers),
        array(rows),
        array(distances),
        array(labels),
        tick=tick,
    )
    return rows, distances, labels


class Round(NamedTuple):
    """What a round of k-means|| did with a block. See gocluster_kmeans_round_start in the header."""

    cost: float
    rows: npt.NDArray[np.int64]
    draws: FloatArray
    costs: FloatArray
    found: int


def kmeans_round(
    X: Any,
    sample_weight: Array | None,
    fresh: FloatArray | None,
    base: int,
    closest: FloatArray,
    nearest: IntArray,
    *,
    key: float,
    round_: int,
    first_row: int,
    expected: float,
    room: int,
    tick: Callable[[], None] | None,
) -> Round:
    """Let the rows of a block meet fresh candidates, and find those that may become candidates themselves."""
    rows, draws, costs = np.empty(room, np.int64), np.empty(room), np.empty(room)
    found, result = np.zeros(1, np.int64), _kmeans_result()
    run_job(
        "gocluster_kmeans_round_start",
        matrix(X),
        _optional(sample_weight),
        _optional(fresh),
        base,
        array(closest),
        array(nearest),
        key,
        round_,
        first_row,
        expected,
        array(rows),
        array(draws),
        array(costs),
        array(found),
        result,
        tick=tick,
    )
    there = min(int(found[0]), room)
    return Round(result.inertia, rows[:there], draws[:there], costs[:there], int(found[0]))


def kmeans_draws(key: float, round_: int, first_row: int, n: int) -> FloatArray:
    """Return what k-means|| draws for some rows."""
    out = np.empty(n)
    call("gocluster_kmeans_draws", key, round_, first_row, array(out))
    return out
