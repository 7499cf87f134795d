"""Fits of an SVC that share their work, as data: what is to be made, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _marshal

IntArray = npt.NDArray[np.int32]


class Spec(NamedTuple):
    """Fits of one data set: all that the library needs to know but X, y and the weights. It pickles."""

    params: list[dict[str, Any]]  # of each fit, as in gocluster_svc_params
    split: IntArray  # of each fit
    class_weight: npt.NDArray[np.float64]  # (n_fits, n_classes)
    train: list[IntArray]
    test: list[IntArray]
    decision: bool  # whether decision values are wanted
    probability: bool  # whether probabilities are, of the fits whose parameters say so

    def groups(self) -> list[npt.NDArray[np.intp]]:
        """Return the fits of each kernel: they share nothing with those of others, and can be made elsewhere."""
        kernels = [tuple(p[name] for name in ("kernel", "gamma", "degree", "coef0")) for p in self.params]
        return [np.array([f for f, k in enumerate(kernels) if k == kernel]) for kernel in dict.fromkeys(kernels)]

    def part(self, fits: npt.NDArray[np.intp]) -> Spec:
        """Return the spec of some of the fits."""
        return self._replace(
            params=[self.params[f] for f in fits], split=self.split[fits], class_weight=self.class_weight[fits]
        )


class Outcome(NamedTuple):
    """What came of the fits of a spec: for each, arrays over its test rows."""

    predicted: list[IntArray]  # indexes into the classes of y
    decision: list[npt.NDArray[np.float64]] | None  # (n_test, n_pairs)
    probability: list[npt.NDArray[np.float64]] | None  # (n_test, n_classes)
    seconds: npt.NDArray[np.float64]
    converged: npt.NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[tuple[npt.NDArray[np.intp], Outcome]]) -> Outcome:
        """Put the outcomes of parts of a spec together."""
        order = np.argsort(np.concatenate([fits for fits, _ in parts]))

        def gathered(name: str) -> Any:
            lists = [getattr(outcome, name) for _, outcome in parts]
            if lists[0] is None:
                return None
            flat = [item for items in lists for item in items]
            return [flat[k] for k in order]

        return cls(
            gathered("predicted"),
            gathered("decision"),
            gathered("probability"),
            np.concatenate([outcome.seconds for _, outcome in parts])[order],
            np.concatenate([outcome.converged for _, outcome in parts])[order],
        )


def run(X: Any, y: npt.NDArray[np.int64], sample_weight: npt.NDArray[np.float64] | None, spec: Spec) -> Outcome:
    """Make the fits of a spec. A pure function of its arguments.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        float32 or float64, finite.
    y : ndarray of shape (n_samples,)
        Class indexes, of which every one occurs.
    sample_weight : ndarray of shape (n_samples,) or None
    spec : Spec

    Returns
    -------
    Outcome
    """
    predicted, decision, probability, report = _marshal.svc_search(
        spec.params,
        spec.split,
        X,
        y,
        sample_weight,
        spec.class_weight,
        spec.train,
        spec.test,
        decision=spec.decision,
        probability=spec.probability,
    )
    ends = np.cumsum([len(spec.test[s]) for s in spec.split])[:-1]
    return Outcome(
        np.split(predicted, ends),
        None if decision is None else np.split(decision, ends),
        None if probability is None else np.split(probability, ends),
        report[:, 0],
        report[:, 2] == 1,
    )
