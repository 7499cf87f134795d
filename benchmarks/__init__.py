"""Measurements of dask_go beside its peers; see README.md in this folder."""
