"""Past one machine: training images on the workers of a Dask cluster, asked as one model (extra ``dask``)."""

from lookalike.cluster.fitting import connected, fit, spread, spread_over

__all__ = ["connected", "fit", "spread", "spread_over"]
