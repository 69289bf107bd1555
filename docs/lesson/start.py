"""What every chapter starts with: the images, and two helpers."""

import matplotlib.pyplot as plt
import numpy as np

import lookalike
from lookalike.data.known import known_set, where


def show(images, titles, cmap="gray", limit=None):
    """Draw images side by side; with a limit, colours stand for -limit to limit."""
    figure, axes = plt.subplots(1, len(images), figsize=(1.7 * len(images), 2.1), squeeze=False)
    figure.patch.set_facecolor("white")
    for axis, image, title in zip(axes[0], images, titles, strict=True):
        axis.imshow(image, cmap=cmap, vmin=None if limit is None else -limit, vmax=limit)
        axis.set_title(title, fontsize=9)
        axis.axis("off")


def mnist(command, classes=None):
    """Return both parts of MNIST where it is on this machine; else name the command that fetches it."""
    if where(known_set("mnist")):
        return lookalike.load("mnist", classes=classes)
    print(f"MNIST is not on this machine: `{command}` fetches it and answers the same question.")
    return None


train, valid = lookalike.load("digits", classes=[3, 7])
threes, sevens = (train.images[train.labels == digit] / 255 for digit in (3, 7))
