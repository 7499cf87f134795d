"""The process in which a library clusters a dask array: started by blocks.py, spoken to as worker.py is."""

from __future__ import annotations

import time
import warnings
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
from sklearn.datasets import make_blobs

from benchmarks import clusters, machine
from benchmarks.worker import serve

CLUSTERS, FEATURES = 12, 20
PARAMS = {"init_max_iter": 3, "oversampling_factor": 10, "random_state": 0}


def centers() -> Any:
    """Return the middles of the blobs, as Dask's notebook finds them."""
    X, y = make_blobs(n_samples=1000, centers=CLUSTERS, n_features=FEATURES, random_state=0)
    return np.array([X[y == i].mean(0) for i in range(CLUSTERS)])


def rows_of(blocks: int, rows: int) -> da.Array:
    """Return the notebook's dask array, made of delayed blocks."""
    where = centers()
    parts = [
        dask.delayed(make_blobs)(n_samples=rows, centers=where, n_features=FEATURES, random_state=i)[0]
        for i in range(blocks)
    ]
    return da.concatenate([da.from_delayed(part, shape=(rows, FEATURES), dtype=float) for part in parts])


def stored(blocks: int, rows: int, source: str, folder: Path) -> da.Array:
    """Return the same from disk, where it is written if it is not there yet."""
    path = folder / f"{source}-{blocks}-{rows}"
    if not path.exists():
        X = rows_of(blocks, rows)
        begun = path.with_name(f"{path.name}-begun")
        if source == "npy":
            da.to_npy_stack(str(begun), X)
        else:
            da.to_zarr(X, str(begun))
        begun.rename(path)
    return da.from_npy_stack(str(path), mmap_mode=None) if source == "npy" else da.from_zarr(str(path))


def judge(block: Any, where: Any, labels: Any) -> tuple[float, int]:
    """Return the sum of squared distances of rows from the centres of their labels, and how many labels are wrong."""
    found = clusters.report(np.asarray(block), where, np.asarray(labels), 0.0, 0)
    return found.objective, found.wrong


class Worker:
    """One library with one case."""

    def prepare(
        self, peer: str, blocks: int, rows: int, source: str, persist: bool, workers: int, folder: str
    ) -> dict[str, Any]:
        """Start workers if there are to be any, and make the data."""
        warnings.simplefilter("ignore")
        self._estimator = import_module(f"{peer.replace('-', '_')}.cluster").KMeans
        if workers:
            from distributed import Client

            self._client = Client(n_workers=workers, threads_per_worker=1, dashboard_address=None)
            self._client.wait_for_workers(workers)
        self._X = rows_of(blocks, rows) if source == "made" else stored(blocks, rows, source, Path(folder))
        if persist:
            self._X = self._X.persist()
            self._X.sum().compute()
        return {"versions": {name: version(name) for name in (peer, "dask", "scikit-learn")}}

    def time(self, params: dict[str, Any]) -> dict[str, Any]:
        """Fit once and compute the labels; return the seconds of both and what a block cost in an iteration."""
        params = PARAMS | params
        if params.get("init") == "first":
            params["init"] = np.asarray(self._X[:CLUSTERS])
        start = time.perf_counter()
        self._model = self._estimator(CLUSTERS, **params).fit(self._X)
        fitted = time.perf_counter()
        self._labels = np.asarray(self._model.labels_)
        done = time.perf_counter()
        passes = self._model.n_iter_ + 1
        return {
            "seconds": done - start,
            "iterations": int(self._model.n_iter_),
            "block_ms": (fitted - start) / self._X.numblocks[0] / passes * 1e3,
        }

    def judge(self) -> dict[str, Any]:
        """Judge the last clustering."""
        where = np.asarray(self._model.cluster_centers_, np.float64)
        ends = np.cumsum(self._X.chunks[0])[:-1]
        parts = [
            dask.delayed(judge)(block, where, labels)
            for block, labels in zip(self._X.to_delayed().ravel(), np.split(self._labels, ends), strict=True)
        ]
        found = dask.compute(*parts)
        objective = sum(one for one, _ in found)
        return {
            "objective": objective,
            "wrong": sum(wrong for _, wrong in found),
            "inertia_off": abs(float(self._model.inertia_) - objective) / objective,
        }

    def memory(self) -> dict[str, Any]:
        """Return the most megabytes that this process and its children have had each, added up."""
        total, processes = 0, ["self"]
        for process in processes:
            with suppress(OSError):
                total += machine.peak_kb(process)
                for task in Path(f"/proc/{process}/task").iterdir():
                    processes += (task / "children").read_text(encoding="ascii").split()
        return {"megabytes": total / 1000}


if __name__ == "__main__":
    serve(Worker())
