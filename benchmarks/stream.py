"""KMeans on a file that does not fit in memory: python -m benchmarks.stream [--rows N] [--folder DIR].

Writes N rows of 20 float64 features (100,000,000 of them are 16 GB) in twelve blobs to a `.npy` file, clusters it
in a process whose address space is limited, and compares the speed with that of two threads which only read the
file. Prints one line of JSON, and removes what it wrote; `--file` names a file to use, and to write and keep where
there is none.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine

FEATURES, CLUSTERS = 20, 12
_BLOCK = 4 << 20


def write(path: Path, rows: int) -> None:
    """Write the blobs."""
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=4, size=(CLUSTERS, FEATURES))
    X = np.lib.format.open_memmap(path, "w+", np.float64, (rows, FEATURES))
    step = 500_000
    for low in range(0, rows, step):
        part = X[low : low + step]
        rng.standard_normal(out=part)
        part += centers[rng.integers(0, CLUSTERS, len(part))]
        if low % (8 * step) == 0:
            X.flush()  # or the pages wait for the disk while the fit runs
    X.flush()


def forget(path: Path) -> None:
    """Have the system drop what it keeps of the file."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def read(path: Path) -> float:
    """Return the seconds that two threads take to read the file."""
    fd, size = os.open(path, os.O_RDONLY), os.path.getsize(path)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    offsets = iter(range(0, size, _BLOCK))
    lock = threading.Lock()

    def work() -> None:
        buffer = bytearray(_BLOCK)
        while True:
            with lock:
                at = next(offsets, None)
            if at is None:
                return
            os.preadv(fd, [buffer], at)

    threads = [threading.Thread(target=work) for _ in range(2)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(fd)
    return time.perf_counter() - start


def fit(path: Path, labels: Path, iterations: int) -> dict[str, Any]:
    """Cluster the file, and tell what it took; for a process of its own."""
    from dask_go.cluster import KMeans

    model = KMeans(CLUSTERS, random_state=0, max_iter=iterations, labels_out=labels)
    before = os.times()
    start = time.perf_counter()
    model.fit(path)
    seconds = time.perf_counter() - start
    after = os.times()
    return {
        "seconds": seconds,
        "cpu_seconds": after.user + after.system - before.user - before.system,
        "passes": model.n_passes_,
        "iterations": model.n_iter_,
        "inertia": model.inertia_,
        "peak_rss_mb": machine.peak_kb() / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    parser.add_argument("--limit", type=int, default=4 << 30, help="bytes of address space for the process that fits")
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--file", type=Path, help="points to cluster, which stay")
    parser.add_argument("--fit", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fit is not None:
        path, labels = given.fit
        print(json.dumps(fit(path, labels, given.iterations)))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = given.file or Path(folder) / "points.npy"
        if not path.exists():
            write(path, given.rows)
        size = os.path.getsize(path)
        forget(path)
        plain = [read(path)]
        forget(path)
        command = [sys.executable, "-m", "benchmarks.stream", "--iterations", str(given.iterations)]
        done = subprocess.run(
            ["prlimit", f"--as={given.limit}", *command, "--fit", str(path), str(Path(folder) / "labels.npy")],
            check=True,
            capture_output=True,
            text=True,
        )
        forget(path)
        plain.append(read(path))
    result = {"gigabytes": size / 1e9, "plain_gb_per_second": size / min(plain) / 1e9, **json.loads(done.stdout)}
    result["gb_per_second"] = size * result["passes"] / result["seconds"] / 1e9
    result["of_plain"] = result["gb_per_second"] / result["plain_gb_per_second"]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
