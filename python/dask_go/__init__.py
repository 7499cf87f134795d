"""scikit-learn estimators, and a backend for joblib, on a library written in Go.

`dask_go.svm` holds the estimators. Importing the package registers joblib's backend
"gocluster", and loads no Go: the library `libgocluster` is opened by the first call that
needs it.
"""

from . import backend
from ._lib import get_num_threads, set_num_threads
from ._memory import shared_array
from ._progress import progress

backend.register()

__version__ = "0.1.0"

__all__ = ["__version__", "get_num_threads", "progress", "set_num_threads", "shared_array"]
