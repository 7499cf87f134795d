"""A grid search on a cluster of worker processes beside the same on the machine itself.

`benchmarks/.venv-dask/bin/python -m benchmarks.cluster_search [case]`, a case of searches.toml. They take turns; the
figure is the fastest of each, kept with the results of blocks.py.
"""

from __future__ import annotations

import argparse
import json
import time
import tomllib
import warnings

import numpy as np
from distributed import Client
from sklearn.model_selection import GridSearchCV as Theirs

from benchmarks import blocks, data, machine, search
from benchmarks.peers import OURS
from dask_go.model_selection import GridSearchCV


def main() -> int:
    """Measure; return 1 if the scores are not the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster_search", description=__doc__.partition("\n")[0])
    parser.add_argument("case", nargs="?", default="notebook-large", help="a name from searches.toml (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes, of one thread each (%(default)s)")
    parser.add_argument("--calls", type=int, default=3, help="turns of both (%(default)s)")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    (case,) = (
        one for one in tomllib.loads(search.CASES.read_text(encoding="utf-8"))["case"] if one["name"] == given.case
    )
    X, y = data.make(case["data"], "float64")
    seconds: dict[str, list[float]] = {"machine": [], "cluster": []}
    fitted: dict[str, Theirs] = {}
    with Client(n_workers=given.workers, threads_per_worker=1, dashboard_address=None, set_as_default=False) as client:
        client.wait_for_workers(given.workers)
        for _ in range(given.calls):
            for where in seconds:
                one = GridSearchCV(search.estimator(case, OURS), search.grid(case), cv=case["cv"], n_jobs=-1)
                start = time.perf_counter()
                if where == "cluster":
                    with client.as_current():
                        fitted[where] = one.fit(X, y)
                else:
                    fitted[where] = one.fit(X, y)
                seconds[where].append(time.perf_counter() - start)
    scores = [one.cv_results_["mean_test_score"] for one in fitted.values()]
    same = bool(np.array_equal(*scores))
    here = machine.describe(None)
    path = blocks.results(here)
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cases": {}, "machine": here}
    kept.setdefault("searches", {})[given.case] = {
        "commit": machine.commit(),
        "workers": given.workers,
        "same": same,
        "seconds": seconds,
    }
    blocks.store(path, kept)
    print(seconds, "same scores" if same else "other scores")
    return int(not same)


if __name__ == "__main__":
    raise SystemExit(main())
