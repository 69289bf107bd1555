"""Labelled images in: readers, known sets and their downloads, splits."""
