"""scikit-learn estimators on a library written in Go.

`dask_go.svm` holds the estimators. Importing the package loads no Go: the library
`libgocluster` is opened by the first call that needs it.
"""

from ._lib import get_num_threads, set_num_threads

__version__ = "0.1.0"

__all__ = ["__version__", "get_num_threads", "set_num_threads"]
