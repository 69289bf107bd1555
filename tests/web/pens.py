"""Pen paths as real writers moved: digits thinned to one pixel, and followed."""

import numpy as np
from PIL import Image

SIDE = 112
REACH = 4
APART = 8
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def strokes(image, threshold=128):
    """Return a light digit's pen strokes: lists of (x, y); the longer side of their box spans 0 to 1."""
    enlarged = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    lines = followed(thinned(np.pad(np.asarray(enlarged) > threshold, 1)))
    lines = [
        smoothed(np.array(line, float)[:, ::-1]) for line in lines if len(line) > 2 * REACH or len(lines) == 1
    ]
    everything = np.concatenate(lines)
    low, span = everything.min(0), np.ptp(everything, 0).max()
    # A mouse tells of fewer places than there are pixels.
    told = [np.concatenate([line[:-1:APART], line[-1:]]) for line in lines]
    return [((line - low) / span).round(4).tolist() for line in told]


def thinned(ink):
    """Take ink away from borders until lines are one pixel wide (Zhang and Suen, 1984, CACM 27:236)."""
    ink = ink.copy()
    while True:
        before = ink.sum()
        for step in (0, 1):
            p = [np.roll(ink, (-y, -x), (0, 1)) for y, x in AROUND]
            neighbours = sum(one.astype(int) for one in p)
            turns = sum((~p[i] & p[(i + 1) % 8]).astype(int) for i in range(8))
            n, e, s, w = p[0], p[2], p[4], p[6]
            open_sides = ~(n & e & s) & ~(e & s & w) if step == 0 else ~(n & e & w) & ~(n & s & w)
            ink &= ~((neighbours >= 2) & (neighbours <= 6) & (turns == 1) & open_sides)
        if ink.sum() == before:
            return ink


def followed(lines):
    """Return paths of pixels over all of a thinned drawing: from ends first, straight on at crossings."""
    left = {tuple(place) for place in np.argwhere(lines)}
    paths = []
    while left:
        ends = [place for place in left if len(near(place, left)) == 1]
        place = min(ends or left)
        path = [place]
        left.discard(place)
        while options := near(path[-1], left):
            path.append(max(options, key=lambda option: straightness(path, option)))
            left.discard(path[-1])
        paths.append(path)
    return paths


def near(place, among):
    return [(place[0] + y, place[1] + x) for y, x in AROUND if (place[0] + y, place[1] + x) in among]


def straightness(path, option):
    """Say how little a path turns when it goes on to a place."""
    came = np.subtract(path[-1], path[max(-len(path), -REACH - 1)])
    goes = np.subtract(option, path[-1])
    return float(came @ goes) / float(np.hypot(*goes))


def smoothed(line, reach=REACH):
    """Take the steps of pixels out of a path, as the hand that drew it made none."""
    if len(line) < 3:
        return line
    padded = np.concatenate([[line[0]] * reach, line, [line[-1]] * reach])
    kernel = np.ones(2 * reach + 1) / (2 * reach + 1)
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], 1)
