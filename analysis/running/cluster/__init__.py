"""Cells on the workers of a Dask cluster: several machines on one folder."""
