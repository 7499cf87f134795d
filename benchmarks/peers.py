"""Who is measured. A peer is data: where its estimators are, and how to see that it is really at work."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Peer:
    """A library with scikit-learn's interface."""

    name: str
    distribution: str
    modules: dict[str, str]
    # An attribute that a fitted estimator has only if it did not hand the work to scikit-learn.
    own_work: str | None = None

    def estimator(self, name: str, params: dict[str, Any]) -> Any:
        """Return a new estimator."""
        return getattr(importlib.import_module(self.modules[name]), name)(**params)

    def check_own_work(self, fitted: Any) -> None:
        """Raise if the estimator fell back on scikit-learn, which is measured for itself."""
        if self.own_work is not None and not hasattr(fitted, self.own_work):
            raise RuntimeError(f"{self.name} handed {type(fitted).__name__} to scikit-learn")


OURS = "dask_go"

PEERS = {
    peer.name: peer
    for peer in (
        Peer(OURS, "dask-go", {"SVC": "dask_go.svm", "KMeans": "dask_go.cluster"}),
        Peer(
            "scikit-learn-intelex",
            "scikit-learn-intelex",
            {"SVC": "sklearnex.svm", "KMeans": "sklearnex.cluster"},
            own_work="_onedal_estimator",
        ),
        Peer("scikit-learn", "scikit-learn", {"SVC": "sklearn.svm", "KMeans": "sklearn.cluster"}),
    )
}
