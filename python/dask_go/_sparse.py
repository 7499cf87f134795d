"""Sparse matrices in scikit-learn's types."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config

from ._marshal import FloatArray


def aligned(X: Any) -> Any:
    """Return a csr_matrix, or a csr_array where scikit-learn (1.9 and newer) is configured so."""
    return sparse.csr_array(X) if get_config().get("sparse_interface") == "sparray" else sparse.csr_matrix(X)


def variance(X: Any) -> float:
    """Return the variance of all values of a CSR matrix, its zeros included."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    data = X.data.astype(np.float64, copy=False)
    size: int = X.shape[0] * X.shape[1]
    mean = float(data.sum()) / size
    squares = float(np.vdot(data, data)) / size
    return squares - mean * mean


def dual_coef(values: FloatArray) -> Any:
    """Return the dual coefficients as a CSR matrix that stores all of them, as scikit-learn's does."""
    rows, columns = values.shape
    indices = np.tile(np.arange(columns), rows)
    return aligned(sparse.csr_array((values.ravel(), indices, np.arange(rows + 1) * columns), values.shape))


def dense(values: Any) -> FloatArray:
    """Return an array with all the values of a matrix, sparse or not."""
    full: FloatArray = values.toarray() if sparse.issparse(values) else values
    return full
