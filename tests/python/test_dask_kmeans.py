"""KMeans on dask collections against KMeans in memory, on the threaded scheduler."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.cluster
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning

from dask_go.cluster import KMeans

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")


def blobs(n: int = 5000, d: int = 6, k: int = 7, dtype: Any = np.float64, seed: int = 0) -> np.ndarray:
    X, _ = make_blobs(n, d, centers=k, random_state=seed)
    return X.astype(dtype)


CHUNKS = {"one": (5000,), "seven": (715,) * 6 + (710,), "uneven": (1, 17, 4000, 982), "empty": (0, 1200, 0, 3800, 0)}


def cut(X: np.ndarray, chunks: tuple[int, ...]) -> Any:
    ends = np.cumsum(chunks)
    graph = {("cut", i, 0): X[e - n : e] for i, (e, n) in enumerate(zip(ends, chunks, strict=True))}
    return da.Array(graph, "cut", (chunks, X.shape[1:]), X.dtype)


def same(model: KMeans, other: KMeans, X: np.ndarray, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(model.cluster_centers_, other.cluster_centers_, rtol=tolerance, atol=tolerance)
    assert model.cluster_centers_.dtype == other.cluster_centers_.dtype
    np.testing.assert_array_equal(np.asarray(model.labels_), other.labels_)
    assert model.inertia_ == pytest.approx(other.inertia_, rel=1e-9)
    assert model.n_iter_ == other.n_iter_
    assert model.n_features_in_ == X.shape[1]


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_chunks_change_nothing(chunks: str, dtype: Any, weighted: bool) -> None:
    X = blobs(dtype=dtype)
    w = np.random.default_rng(1).random(len(X)) * (np.arange(len(X)) % 5 > 0) if weighted else None
    expected = KMeans(7, init="k-means||", random_state=3).fit(X, sample_weight=w)
    model = KMeans(7, random_state=3).fit(
        cut(X, CHUNKS[chunks]), sample_weight=None if w is None else da.from_array(w, chunks=999)
    )
    same(model, expected, X)
    assert model.labels_.chunks == (CHUNKS[chunks],)
    assert model.labels_.dtype == np.int32


@pytest.mark.parametrize("seed", range(4))
def test_overlapping_blobs_converge_as_in_memory(seed: int) -> None:
    X = np.random.default_rng(seed).normal(size=(3000, 4))
    start = X[:9]
    a = da.from_array(X, chunks=(411, 4))
    for max_iter in 1, 3, 300:
        # The last one converges, strictly or by tol.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs = sklearn.cluster.KMeans(
                9, init=start, n_init=1, max_iter=max_iter, tol=0 if seed % 2 else 1e-4
            ).fit(X)
        ours = KMeans(9, init=start, n_init=1, max_iter=max_iter, tol=0 if seed % 2 else 1e-4).fit(a)
        same(ours, theirs, X)
        expected = KMeans(9, init=start, n_init=1, max_iter=max_iter, tol=0 if seed % 2 else 1e-4).fit(X)
        same(ours, expected, X)


def test_predict_transform_and_score_are_lazy_and_right() -> None:
    X = blobs()
    a = da.from_array(X, chunks=(1300, 6))
    model = KMeans(7, random_state=0).fit(a)
    expected = KMeans(7, init="k-means||", random_state=0).fit(X)
    for result in model.predict(a), model.fit_predict(a):
        assert isinstance(result, da.Array)
        assert result.chunks == (a.chunks[0],)
        np.testing.assert_array_equal(result.compute(), expected.predict(X))
    for result in model.transform(a), model.fit_transform(a):
        assert isinstance(result, da.Array)
        assert result.chunks == (a.chunks[0], (7,))
        np.testing.assert_allclose(result.compute(), expected.transform(X), rtol=1e-9)
    assert model.score(a) == pytest.approx(expected.score(X), rel=1e-12)
    w = np.arange(5000.0)
    assert model.score(a, sample_weight=w) == pytest.approx(expected.score(X, sample_weight=w), rel=1e-12)
    # In memory, too.
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    assert list(model.get_feature_names_out()) == [f"kmeans{i}" for i in range(7)]


def test_the_result_does_not_depend_on_how_many_work() -> None:
    a = da.from_array(np.random.default_rng(0).normal(size=(20_000, 5)), chunks=(700, 5))
    fits = []
    for workers in 1, 2, 5:
        with dask.config.set(num_workers=workers):
            fits.append(KMeans(8, random_state=1, max_iter=20).fit(a))
    with dask.config.set(scheduler="synchronous"):
        fits.append(KMeans(8, random_state=1, max_iter=20).fit(a))
    for other in fits[1:]:
        np.testing.assert_array_equal(fits[0].cluster_centers_, other.cluster_centers_)
        assert (fits[0].inertia_, fits[0].n_iter_) == (other.inertia_, other.n_iter_)


@pytest.mark.parametrize("init", ["random", "k-means++", "k-means||"])
@pytest.mark.parametrize("weighted", [False, True])
def test_starts(init: str, weighted: bool) -> None:
    X = blobs()
    w = np.random.default_rng(1).random(len(X)) if weighted else None
    a = da.from_array(X, chunks=(1300, 6))
    model = KMeans(7, init=init, n_init=3, random_state=2).fit(a, sample_weight=w)
    expected = KMeans(7, init="k-means++", n_init=3, random_state=2).fit(X, sample_weight=w)
    # Of three runs one finds the blobs.
    assert model.inertia_ == pytest.approx(expected.inertia_, rel=1 if init == "random" else 1e-9)
    if init != "random":
        in_memory = KMeans(7, init=init, n_init=3, random_state=2).fit(X, sample_weight=w)
        same(model, in_memory, X)
    # How rows are cut does not matter.
    other = KMeans(7, init=init, n_init=3, random_state=2).fit(cut(X, CHUNKS["uneven"]), sample_weight=w)
    np.testing.assert_allclose(other.cluster_centers_, model.cluster_centers_, rtol=1e-9)


def test_random_starts_are_rows_of_weight() -> None:
    X = np.arange(100.0)[:, None]
    w = np.where(np.arange(100) % 10 == 3, 1.0, 0.0)
    seen: list[Any] = []

    def init(Z: Any, k: int, random_state: Any) -> np.ndarray:  # noqa: ARG001
        seen.append(Z)
        return X[:k]

    a = da.from_array(X, chunks=(7, 1))
    model = KMeans(10, init="random", n_init=1, random_state=0, max_iter=1).fit(a, sample_weight=w)
    assert sorted(model.cluster_centers_[:, 0]) == list(range(3, 100, 10))
    KMeans(3, init=init, n_init=2).fit(a)
    assert seen == [a, a]
    with pytest.raises(ValueError, match="fewer than n_clusters=11"):
        KMeans(11, init="random", n_init=1).fit(a, sample_weight=w)


def test_given_centres() -> None:
    X = blobs()
    a = da.from_array(X, chunks=(1300, 6))
    expected = KMeans(7, init=X[:7]).fit(X)
    same(KMeans(7, init=X[:7]).fit(a), expected, X)
    same(KMeans(7, init=a[:7]).fit(a), expected, X)
    with pytest.warns(RuntimeWarning, match="performing only one init"):
        same(KMeans(7, init=X[:7], n_init=3).fit(a), expected, X)
    with pytest.raises(ValueError, match=r"initial centers \(6, 6\) does not match the number of clusters 7"):
        KMeans(7, init=X[:6]).fit(a)
    with pytest.raises(ValueError, match="does not match the number of features of the data 6"):
        KMeans(7, init=X[:7, :3]).fit(a)


def test_empty_clusters_get_the_farthest_rows() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(300, 2)), [[50.0, 50], [60, 60], [70, 70]]])
    start = np.concatenate([X[:3], [[1e3, 1e3], [2e3, 2e3]]])
    w = rng.random(len(X)) + 0.5
    for weights in None, w:
        theirs = sklearn.cluster.KMeans(5, init=start, n_init=1).fit(X, sample_weight=weights)
        ours = KMeans(5, init=start).fit(da.from_array(X, chunks=(50, 2)), sample_weight=weights)
        same(ours, theirs, X)


def test_fewer_different_rows_than_clusters() -> None:
    X = np.repeat(np.arange(3.0), 20)[:, None]
    with pytest.warns(ConvergenceWarning, match=r"distinct clusters \(3\) found smaller than n_clusters \(5\)"):
        model = KMeans(5, random_state=0).fit(da.from_array(X, chunks=(7, 1)))
    assert model.inertia_ == 0


def test_unknown_chunks() -> None:
    X = blobs()
    keep = np.arange(5000) % 3 > 0
    a = da.from_array(X, chunks=(1300, 6))[da.from_array(keep, chunks=1300)].persist()
    w = da.from_array(np.arange(5000.0), chunks=1300)[da.from_array(keep, chunks=1300)]
    assert np.isnan(a.shape[0])
    for weights, in_memory in (None, None), (w, np.arange(5000.0)[keep]), (in_memory_w := np.arange(5000.0)[keep],) * 2:
        model = KMeans(7, random_state=0).fit(a, sample_weight=weights)
        same(model, KMeans(7, init="k-means||", random_state=0).fit(X[keep], sample_weight=in_memory), X)
    assert len(in_memory_w) == len(model.labels_.compute())
    with pytest.raises(ValueError, match="4 chunks of unknown length, and X has 7"):
        KMeans(7).fit(da.from_array(X, chunks=(715, 6)), sample_weight=w)


def test_many_chunks_of_columns() -> None:
    X = blobs()
    with pytest.warns(da.PerformanceWarning) as record:
        model = KMeans(7, random_state=0).fit(da.from_array(X, chunks=(1300, 2)))
    # To bring them together is work that is done again and again.
    assert [str(warning.message)[:34] for warning in record] == [
        "the columns of X lie in 3 chunks a",
        "X is not in memory, so that every ",
    ]
    assert {warning.filename for warning in record} == {__file__}
    same(model, KMeans(7, init="k-means||", random_state=0).fit(X), X)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.float16, bool])
def test_other_types_are_worked_in_float64(dtype: Any) -> None:
    X = (np.maximum(blobs(), 0) * 3).astype(dtype)
    model = KMeans(3, init=X[:3]).fit(da.from_array(X, chunks=(1300, 6)))
    same(model, KMeans(3, init=X[:3]).fit(X.astype(np.float64)), X)


@pytest.mark.parametrize("init", ["k-means||", "k-means++", "random"])
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_blocks(kind: Any, init: str) -> None:
    joined = da.core.concatenate_lookup.dispatch
    if joined(kind) is not joined(sparse.csr_matrix):
        pytest.skip("this dask puts sparse matrices together for predict, and not sparse arrays")
    X = blobs() * (np.random.default_rng(0).random((5000, 6)) < 0.5)
    a = da.from_array(X, chunks=(1300, 6)).map_blocks(kind).persist()
    w = np.random.default_rng(1).random(5000)
    # Of dense blocks, since draws for 'random' are not those of memory.
    dense = da.from_array(X, chunks=(1300, 6))
    for weights in None, w:
        model = KMeans(7, init=init, n_init=1, random_state=0, max_iter=10).fit(a, sample_weight=weights)
        expected = KMeans(7, init=init, n_init=1, random_state=0, max_iter=10).fit(dense, sample_weight=weights)
        np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(model.labels_.compute(), expected.labels_.compute())
    far = np.concatenate([X[:5], X[:2] + 1e6])  # two centres without rows
    ours, theirs = KMeans(7, init=far).fit(a), KMeans(7, init=far).fit(X)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-9, atol=1e-9)
    Y = kind(X)
    Y.data[100] = np.nan
    with pytest.raises(ValueError, match=r"row \d+, column \d is NaN"):
        KMeans(7).fit(da.from_array(Y, chunks=(2500, 6), asarray=False))


def test_sparse_blocks_are_not_made_dense() -> None:
    columns = np.random.default_rng(0).integers(0, 300_000, 60_000)
    rows = sparse.csr_matrix((np.ones(60_000), columns, np.arange(20_001) * 3), (20_000, 300_000))
    parts = [da.from_array(rows[i : i + 5000], asarray=False, chunks=(5000, -1)) for i in range(0, 20_000, 5000)]
    model = KMeans(2, init="random", n_init=1, max_iter=2, random_state=0).fit(da.concatenate(parts).persist())
    assert model.cluster_centers_.shape == (2, 300_000)  # X is 48 GB, if dense


def test_dataframes() -> None:
    dd = pytest.importorskip("dask.dataframe")
    pd = pytest.importorskip("pandas")
    X = blobs()
    names = list("abcdef")
    frame = dd.from_pandas(pd.DataFrame(X, columns=names), npartitions=3)
    expected = KMeans(7, init="k-means||", random_state=0).fit(X)
    model = KMeans(7, random_state=0).fit(frame)
    same(model, expected, X)
    assert list(model.feature_names_in_) == names
    np.testing.assert_array_equal(model.predict(frame).compute(), expected.labels_)
    np.testing.assert_allclose(model.transform(frame).compute(), expected.transform(X), rtol=1e-9)
    assert model.score(frame) == pytest.approx(expected.score(X))
    w = pd.Series(np.arange(5000.0))
    weighted = KMeans(7, random_state=0).fit(frame, sample_weight=dd.from_pandas(w, npartitions=3))
    same(weighted, KMeans(7, init="k-means||", random_state=0).fit(X, sample_weight=w.to_numpy()), X)
    with pytest.raises(ValueError, match="feature names should match"):
        model.score(frame.rename(columns={"a": "z"}))
    with pytest.raises(TypeError, match="real numbers are needed"):
        KMeans(2).fit(dd.from_pandas(pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), npartitions=1))


def lazy(X: np.ndarray, chunk: int, reads: list[int]) -> Any:
    @dask.delayed
    def read(i: int) -> np.ndarray:
        reads.append(i)
        return X[i : i + chunk]

    parts = [da.from_delayed(read(i), (min(chunk, len(X) - i), X.shape[1]), X.dtype) for i in range(0, len(X), chunk)]
    return da.concatenate(parts)


def test_data_that_are_not_in_memory_are_read_again_and_that_is_said_once() -> None:
    X = blobs()
    reads: list[int] = []
    with pytest.warns(da.PerformanceWarning, match="not in memory") as record:
        model = KMeans(7, random_state=0).fit(lazy(X, 1300, reads))
    assert len(record) == 1
    same(model, KMeans(7, init="k-means||", random_state=0).fit(X), X)
    assert reads.count(0) >= 4
    reads.clear()
    persisted = lazy(X, 1300, reads).persist()
    model = KMeans(7, random_state=0).fit(persisted)
    assert len(reads) == 4


@pytest.mark.parametrize("kind", ["npy", "npy, mapped", "zarr"])
def test_blocks_on_disk(tmp_path: Any, kind: str) -> None:
    X = blobs()
    a, path = da.from_array(X, chunks=(1300, 6)), str(tmp_path / "X")
    if kind == "zarr":
        pytest.importorskip("zarr")
        da.to_zarr(a, path)
        stored = da.from_zarr(path)
    else:
        da.to_npy_stack(path, a)
        stored = da.from_npy_stack(path, mmap_mode="r" if "mapped" in kind else None)
    with pytest.warns(da.PerformanceWarning, match="not in memory"):
        model = KMeans(7, random_state=0).fit(stored)
    same(model, KMeans(7, init="k-means||", random_state=0).fit(X), X)


def test_labels_at_once() -> None:
    X = blobs()
    model = KMeans(7, random_state=0, compute_labels=True).fit(da.from_array(X, chunks=(1300, 6)))
    assert isinstance(model.labels_, np.ndarray)
    np.testing.assert_array_equal(model.labels_, KMeans(7, random_state=0).fit(da.from_array(X)).labels_.compute())


def test_fitted_models_pickle() -> None:
    X = blobs()
    reads: list[int] = []
    with pytest.warns(da.PerformanceWarning):
        model = KMeans(7, random_state=0).fit(lazy(X[:50], 10, reads))
    copy = pickle.loads(pickle.dumps(KMeans(7, random_state=0, compute_labels=True).fit(da.from_array(X))))
    assert isinstance(copy.labels_, np.ndarray)
    big = np.concatenate([X] * 20)
    model = KMeans(7, random_state=0).fit(da.from_array(big, chunks=(50_000, 6)))
    data = pickle.dumps(model)
    assert len(data) < 10_000
    copy = pickle.loads(data)
    np.testing.assert_array_equal(copy.cluster_centers_, model.cluster_centers_)
    np.testing.assert_array_equal(copy.predict(big), model.labels_.compute())
    with pytest.raises(AttributeError, match="left out when this model was pickled"):
        _ = copy.labels_
    assert not hasattr(KMeans(), "labels_")


@pytest.mark.parametrize(
    ("parameter", "value"), [("n_jobs", 1), ("precompute_distances", "auto"), ("algorithm", "full")]
)
def test_parameters_of_dask_ml_without_effect(parameter: str, value: Any) -> None:
    X = blobs()
    expected = KMeans(7, init="k-means||", random_state=0).fit(X)
    with pytest.warns(FutureWarning, match=parameter):
        same(KMeans(7, random_state=0, **{parameter: value}).fit(da.from_array(X)), expected, X)
    with pytest.warns(FutureWarning, match=parameter):
        same(KMeans(7, init="k-means||", random_state=0, **{parameter: value}).fit(X), expected, X)


def test_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    X = blobs()
    KMeans(7, init=X[:7], verbose=1).fit(X)
    expected = capsys.readouterr().out
    KMeans(7, init=X[:7], verbose=1).fit(da.from_array(X))
    lines, wanted = capsys.readouterr().out.splitlines(), expected.splitlines()
    assert len(lines) == len(wanted) > 2
    for line, want in zip(lines, wanted, strict=True):
        assert line.split(".")[0].rstrip("0123456789") == want.split(".")[0].rstrip("0123456789")


def refused(X: Any, match: str, error: type[Exception] = ValueError, **fit: Any) -> None:
    with pytest.raises(error, match=match):
        KMeans(3, random_state=0).fit(X, **fit)


def test_what_is_refused() -> None:
    X = blobs(100)
    a = da.from_array(X, chunks=(30, 6))
    refused(a[:2], r"n_samples=2 should be >= n_clusters=3")
    refused(a[:, 0], "Expected 2D array, got 1D array")
    refused(da.from_array(X.astype(complex)), "dtype complex128", TypeError)
    refused(pytest.importorskip("dask.bag").from_sequence([1, 2]), "type Bag", TypeError)
    refused(a, "sample_weight.shape", sample_weight=np.ones(99))
    refused(a, "Sample weights must be 1D", sample_weight=np.ones((100, 1)))
    refused(a, "all weights are zero", sample_weight=np.zeros(100))
    refused(a, "block . has weights that are negative", sample_weight=-np.ones(100))
    for value in np.nan, np.inf:
        Y = X.copy()
        Y[71, 2] = value
        with pytest.raises(ValueError, match="row 11, column 2") as caught:
            KMeans(3).fit(da.from_array(Y, chunks=(30, 6)))
        assert "block 2" in caught.value.__notes__[0]
    model = KMeans(3, random_state=0).fit(a)
    with pytest.raises(ValueError, match="X has 5 features, but KMeans is expecting 6"):
        model.predict(a[:, :5])
    with pytest.raises(ValueError, match="X has 5 features, but KMeans is expecting 6"):
        model.score(a[:, :5])
    with pytest.raises(sklearn.exceptions.NotFittedError):
        KMeans().predict(a)


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    from dask.diagnostics import ProgressBar

    with ProgressBar():
        KMeans(7, random_state=0).fit(da.from_array(blobs(), chunks=(1300, 6)))
    assert "Completed" in capsys.readouterr().out


def test_task_names() -> None:
    from dask.callbacks import Callback
    from dask.utils import key_split

    names = set()

    class Names(Callback):
        def _pretask(self, key: Any, dsk: Any, state: Any) -> None:  # noqa: ARG002
            names.add(key_split(key))

    with Names():
        KMeans(7, random_state=0).fit(da.from_array(blobs(), chunks=(1300, 6))).labels_.compute()
    assert {"kmeans-survey", "kmeans-meet", "kmeans-assign", "KMeans-predict"} <= names


def test_small_blocks_share_a_task() -> None:
    from dask.callbacks import Callback

    counts: list[int] = []

    class Count(Callback):
        def _start(self, dsk: Any) -> None:
            counts.append(sum("assign" in str(key) for key in dsk))

    X = blobs()
    a = da.from_array(X, chunks=(50, 6))  # a hundred blocks
    with Count():
        small = KMeans(7, init=X[:7], max_iter=3).fit(a)
    assert 0 < max(counts) < 10
    counts.clear()
    with pytest.MonkeyPatch.context() as patch, Count():
        patch.setattr("dask_go._dask_rows._SMALL", 0)
        large = KMeans(7, init=X[:7], max_iter=3).fit(a)
    assert max(counts) > 100
    np.testing.assert_array_equal(small.cluster_centers_, large.cluster_centers_)  # not a bit differs
    assert small.inertia_ == large.inertia_
