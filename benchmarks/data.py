"""The data sets that cases name. Each generator returns X in float64, dense or CSR, and y."""

from __future__ import annotations

import gzip
import importlib
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.datasets import load_iris, make_blobs, make_classification, make_moons

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FOLDER = Path(__file__).with_name(".data")
FASHION_MNIST = "dataset-fashion-mnist"


class Unavailable(Exception):  # noqa: N818 -- not an error: the case is skipped
    """The data cannot be had here, for the reason given."""


def make(data: dict[str, Any], dtype: str) -> tuple[Any, IntArray]:
    """Return the data set that a case describes: X, C-contiguous or CSR in its dtype, and y."""
    arguments = dict(data)
    name = arguments.pop("make")
    standardise = arguments.pop("standardise", False)
    if name not in GENERATORS:
        raise ValueError(f"no such data set: {name}; there are {', '.join(GENERATORS)}")
    X, y = GENERATORS[name](**arguments)
    if standardise:
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = np.ascontiguousarray(y, dtype=np.int64)
    return X.astype(dtype) if sparse.issparse(X) else np.ascontiguousarray(X, dtype=dtype), y


def save(path: str, X: Any, y: IntArray) -> None:
    """Write a data set for other processes."""
    if sparse.issparse(X):
        np.savez(path, y=y, data=X.data, indices=X.indices, indptr=X.indptr, shape=np.array(X.shape))
    else:
        np.savez(path, y=y, X=X)


def load(path: str) -> tuple[Any, IntArray]:
    """Read what `save` wrote."""
    with np.load(path) as saved:
        if "X" in saved:
            return saved["X"], saved["y"]
        parts = tuple(saved[name] for name in ("data", "indices", "indptr"))
        return sparse.csr_matrix(parts, shape=tuple(saved["shape"])), saved["y"]


def documents(n_samples: int, n_features: int, density: float, skew: float, random_state: int) -> tuple[Any, IntArray]:
    """Rows of few elements as CSR, with labels by a noisy direction.

    With skew 1 every column is as likely; the larger it is, the more stands in the first ones, as
    words do in texts.
    """
    rng = np.random.RandomState(random_state)
    nonzero = round(n_features * density)
    columns = (n_features * rng.random_sample((n_samples, nonzero)) ** skew).astype(np.int32)
    rows = np.arange(n_samples + 1, dtype=np.int32) * nonzero
    X = sparse.csr_matrix((rng.random_sample(columns.size), columns.ravel(), rows), (n_samples, n_features))
    X.sum_duplicates()
    score = X @ rng.standard_normal(n_features)
    return X, (score + 0.5 * score.std() * rng.standard_normal(n_samples) > 0).astype(np.int64)


def one_hot(n_samples: int, n_columns: int, random_state: int) -> tuple[FloatArray, IntArray]:
    """Categorical columns of 4 to 20 levels as 0/1 columns, with noisy labels.

    Every level has an effect, neighbouring columns interact, and the logistic model of the two
    gives the probability of class 1, so that the classes overlap.
    """
    rng = np.random.RandomState(random_state)
    levels = np.linspace(4, 20, n_columns).round().astype(int)
    codes = np.stack([rng.randint(n, size=n_samples) for n in levels], axis=1)
    score = np.zeros(n_samples)
    for k, n in enumerate(levels):
        score += 0.6 * rng.standard_normal(n)[codes[:, k]]
        if k > 0:
            score += 0.4 * rng.standard_normal((levels[k - 1], n))[codes[:, k - 1], codes[:, k]]
    y = rng.uniform(size=n_samples) < 1 / (1 + np.exp(-2 * score))
    X = np.hstack([np.eye(n)[codes[:, k]] for k, n in enumerate(levels)])
    return X, y.astype(np.int64)


def fashion_mnist(n_samples: int) -> tuple[FloatArray, IntArray]:
    """The first images of the training set, 784 values in [0, 1] each, ten classes.

    The files are those of the Debian package dataset-fashion-mnist, if it is installed, or else
    fetched once by apt-get and unpacked beside this file.
    """
    folder = next((place for place in _fashion_mnist_folders() if place.is_dir()), None)
    if folder is None:
        _fetch(FASHION_MNIST, "Fashion-MNIST")
        folder = _fashion_mnist_folders()[-1]
    images = _idx(folder / "train-images-idx3-ubyte.gz", header=16).reshape(-1, 784)
    labels = _idx(folder / "train-labels-idx1-ubyte.gz", header=8)
    return images[:n_samples] / 255.0, labels[:n_samples].astype(np.int64)


def _fashion_mnist_folders() -> list[Path]:
    below = Path("usr/share/datasets/fashion-mnist")
    return [Path("/") / below, FOLDER / below]


def _fetch(package: str, name: str) -> None:
    """Fetch a Debian package and unpack it beside this file."""
    reason = f"{name} needs the Debian package {package}, and "
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable(reason + "there is no apt-get and dpkg-deb here to fetch it")
    FOLDER.mkdir(exist_ok=True)
    fetched = subprocess.run(["apt-get", "download", package], cwd=FOLDER, capture_output=True, text=True)
    archive = next(FOLDER.glob(f"{package}_*.deb"), None)
    if fetched.returncode != 0 or archive is None:
        lines = fetched.stderr.strip().splitlines()
        raise Unavailable(reason + f"apt-get download failed: {lines[-1] if lines else 'it says nothing'}")
    subprocess.run(["dpkg-deb", "-x", archive, FOLDER], check=True)


def _idx(path: Path, header: int) -> npt.NDArray[np.uint8]:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


def mlbench(name: str, label: str) -> tuple[FloatArray, IntArray]:
    """A data set of the R package mlbench, from Debian's r-cran-mlbench; it is read by the package rdata."""
    try:
        rdata = importlib.import_module("rdata")
    except ImportError:
        raise Unavailable(f"{name} needs the Python package rdata") from None
    path = FOLDER / "usr/lib/R/site-library/mlbench/data" / f"{name}.rda"
    if not path.exists():
        _fetch("r-cran-mlbench", name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of R's types that have no equal in Python
        frame = rdata.read_rda(path)[name]
    y = frame[label].astype("category").cat.codes.to_numpy()
    return frame.drop(columns=label).to_numpy(np.float64), y.astype(np.int64)


GENERATORS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "Fashion-MNIST": fashion_mnist,
    "documents": documents,
    "LetterRecognition": lambda: mlbench("LetterRecognition", "lettr"),
    "Shuttle": lambda: mlbench("Shuttle", "Class"),
    "iris": lambda: load_iris(return_X_y=True),
    "make_blobs": make_blobs,
    "make_classification": make_classification,
    "make_moons": make_moons,
    "one-hot": one_hot,
}
