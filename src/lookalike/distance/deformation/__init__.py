"""Distances after bending: pixels may move a little (``matching``), a smooth bend first (``alignment``).

``definition`` says both in plain NumPy and is the oracle of the kernels.
"""
