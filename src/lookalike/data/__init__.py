"""Labelled images in: readers, the catalogue of known sets, downloads."""
