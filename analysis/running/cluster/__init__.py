"""Compute cells on the workers of a Dask cluster: several machines that share one folder."""
