"""The process in which one library clusters: started by kmeans.py, spoken to as worker.py is."""

from __future__ import annotations

import importlib
import time
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.peers import PEERS
from benchmarks.worker import serve


class Worker:
    """One library with one case."""

    seeds: Any
    predicted: Any

    def prepare(self, peer: str, n_clusters: int, action: str, iterations: int, data: str) -> dict[str, Any]:
        """Load the data, and the library by a small call."""
        self.peer, self.action, self.n_clusters, self.iterations = PEERS[peer], action, n_clusters, iterations
        self.X = np.load(data)
        few = self.X[np.linspace(0, len(self.X) - 1, min(len(self.X), max(500, 2 * n_clusters))).astype(int)]
        small = self._estimator(few, 2).fit(few)
        if len(few) > n_clusters:  # else scikit-learn-intelex has scikit-learn fit, and cannot predict
            small.predict(few)
            self.peer.check_own_work(small)
        if action == "predict":
            self.fitted = self._estimator(self.X, 3).fit(self.X)
        return {"version": version(self.peer.distribution)}

    def _estimator(self, X: np.ndarray[Any, Any], iterations: int) -> Any:
        rows = np.random.RandomState(0).choice(len(X), self.n_clusters, replace=False)
        if self.action == "whole":
            return self.peer.estimator(
                "KMeans", {"n_clusters": self.n_clusters, "n_init": 1, "max_iter": iterations, "random_state": 0}
            )
        # Where labels stay the same a fit ends in any case.
        tol = 0.0 if self.action == "iterate" else 1e-4
        params = {"n_clusters": self.n_clusters, "init": X[rows], "n_init": 1, "max_iter": iterations, "tol": tol}
        return self.peer.estimator("KMeans", params)

    def time(self, calls: int) -> dict[str, Any]:
        """Do the action so many times; return the seconds of each, on the clock and of processors."""
        seconds, processor = [], []
        for _ in range(calls):
            call = self._call()
            start, start_processor = time.perf_counter(), time.process_time()
            call()
            seconds.append(time.perf_counter() - start)
            processor.append(time.process_time() - start_processor)
        return {"seconds": seconds, "processor": processor}

    def iterations_made(self) -> dict[str, Any]:
        """Return those of the last call."""
        return {"iterations": int(self.fitted.n_iter_)}

    def _call(self) -> Any:
        if self.action == "seed":
            seed = importlib.import_module(self.peer.modules["KMeans"]).kmeans_plusplus
            return lambda: setattr(self, "seeds", seed(self.X, self.n_clusters, random_state=0)[0])
        if self.action == "predict":
            return lambda: setattr(self, "predicted", self.fitted.predict(self.X))
        estimator = self._estimator(self.X, self.iterations)
        return lambda: setattr(self, "fitted", estimator.fit(self.X))

    def solution(self, path: str) -> dict[str, Any]:
        """Save what came of it, as arrays."""
        if self.action == "seed":
            np.savez(path, seeds=self.seeds)
            return {}
        labels = self.predicted if self.action == "predict" else self.fitted.labels_
        np.savez(
            path,
            centers=self.fitted.cluster_centers_,
            labels=labels,
            inertia=self.fitted.inertia_,
            iterations=self.fitted.n_iter_,
        )
        return {}


if __name__ == "__main__":
    serve(Worker())
