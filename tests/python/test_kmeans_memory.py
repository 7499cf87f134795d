"""What a fit takes beside X: neither a copy of it nor a number for each row and centre."""

import subprocess
import sys

import pytest

pytest.importorskip("resource")

CODE = """
import resource
import numpy as np
from dask_go.cluster import KMeans

ROWS, FEATURES, CLUSTERS = 400_000, 32, 100
X = np.empty((ROWS, FEATURES), np.{dtype})
rng = np.random.default_rng(0)
for part in np.array_split(X, 50):
    part[:] = rng.standard_normal(part.shape)
KMeans(CLUSTERS, init={init!r}, n_init=1, max_iter=2, random_state=0).fit(X[:2000])  # what is loaded and kept
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = KMeans(CLUSTERS, init={init!r}, n_init=1, max_iter=12, random_state=0).fit(X)
model.predict(X)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units")
@pytest.mark.parametrize("init", ["random", "k-means++"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_copy_and_no_matrix_of_distances(dtype: str, init: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(dtype=dtype, init=init)], check=True, capture_output=True, text=True
    )
    # X has 49 or 98 MB, a matrix of rows and centres 153 or more; labels, bounds and distances to the
    # nearest centre are a few numbers a row, and the sums of the chunks 7 MB.
    assert float(done.stdout) < 45
