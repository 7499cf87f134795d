"""The process in which one peer works: started by remote.py, spoken to in lines of JSON.

A request is {"do": name, ...}; the reply is a line, {"error": text} if the request failed. What
libraries print goes to stderr. The requests are the methods of Worker.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.sparse import issparse

from benchmarks.data import load
from benchmarks.peers import PEERS

# Rows for the first, untimed, fit: enough to load libraries and start their threads.
WARM_UP_ROWS = 500


class Worker:
    """One peer with one case."""

    def prepare(self, peer: str, estimator: str, params: dict[str, Any], action: str, data: str) -> dict[str, Any]:
        """Load the data, and the peer's library by a small fit."""
        self.peer = PEERS[peer]
        self.arguments = (estimator, params)
        self.action = action
        self.X, self.y = load(data)
        few = np.linspace(0, len(self.y) - 1, min(len(self.y), max(WARM_UP_ROWS, params.get("n_clusters", 0)))).astype(
            int
        )
        small = self.peer.estimator(*self.arguments).fit(self.X[few], self.y[few])
        small.predict(self.X[few])
        self.peer.check_own_work(small)
        if action == "predict":
            self.fitted = self.peer.estimator(*self.arguments).fit(self.X, self.y)
        return {"version": version(self.peer.distribution), "numpy": np.__version__}

    def time(self, calls: int) -> dict[str, Any]:
        """Do the action so many times; return the seconds of each, on the clock and of processors."""
        seconds, processor = [], []
        for _ in range(calls):
            estimator = self.peer.estimator(*self.arguments)
            start, start_processor = time.perf_counter(), time.process_time()
            if self.action == "fit":
                self.fitted = estimator.fit(self.X, self.y)
            else:
                self.predicted = self.fitted.predict(self.X)
            seconds.append(time.perf_counter() - start)
            processor.append(time.process_time() - start_processor)
        return {"seconds": seconds, "processor": processor}

    def solution(self, path: str) -> dict[str, Any]:
        """Save the fitted model, and what it predicted, as arrays."""
        arrays = getattr(self, f"_{self.arguments[0].lower()}")()
        if self.action == "predict":
            arrays["predicted"] = self.predicted
        np.savez(path, **arrays)
        return {}

    def _kmeans(self) -> dict[str, Any]:
        return {
            "centers": self.fitted.cluster_centers_,
            "labels": self.fitted.labels_,
            "inertia": self.fitted.inertia_,
            "iterations": self.fitted.n_iter_,
        }

    def _svc(self) -> dict[str, Any]:
        dual_coef = self.fitted.dual_coef_
        return {
            "support": self.fitted.support_,
            "dual_coef": dual_coef.toarray() if issparse(dual_coef) else dual_coef,
            "intercept": self.fitted.intercept_,
            "gamma": self.fitted._gamma,  # noqa: SLF001 -- all peers keep the resolved gamma there
        }


def serve(worker: object) -> None:
    """Answer requests, which are methods of `worker`, until there are no more."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # noqa: BLE001 -- the runner reports it
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    serve(Worker())
