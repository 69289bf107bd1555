// What an answer rests on, as the page draws it: ideal images, differences, nearest images, moves.

import { grayImage } from "./look.js";
import { median, rint } from "./numbers.js";

// At most so many arrows along an edge; ink that is fainter, and moves that are shorter, have none.
const MOST_ARROWS = 16;
const FAINT = 1 / 8;
const SHORTEST = 0.3;

/** Return the evidence for what a recogniser made of an image. */
export function evidenceOf(recogniser, { seen, matches, code }) {
  const { matcher, classes, ids } = recogniser;
  const kept = matcher.keepsImages;
  return {
    seen,
    classes: classes.flatMap((label, at) => {
      const ideal = recogniser.meanImage(at);
      return ideal ? [beside(seen, label, ideal)] : [];
    }),
    nearest: matches.places.filter(() => kept).map((place, at) => ({
      id: ids[place],
      label: classes[matcher.codes[place]],
      distance: matches.distances[at],
      image: { ...seen, data: matcher.images[place] },
    })),
    moves: matcher.field ? movesOf(matcher, seen, matches.classPlaces[code]) : null,
  };
}

function beside(seen, label, ideal) {
  const differences = ideal.map((value, i) => seen.data[i] / 255 - value / 255);
  const count = differences.length;
  return {
    label,
    ideal: { ...seen, data: Uint8Array.from(ideal, rint) },
    difference: { ...seen, signed: true, data: Int16Array.from(differences, (value) => rint(value * 255)) },
    l1: differences.reduce((total, value) => total + Math.abs(value), 0) / count,
    l2: Math.sqrt(differences.reduce((total, value) => total + value * value, 0) / count),
  };
}

/** Return where pixels were found: `from` in the image that is seen, `to` in what answered. */
function movesOf(matcher, seen, place) {
  const { height, width } = seen;
  const { down, across } = matcher.field(seen, place);
  const step = Math.ceil(Math.max(height, width) / MOST_ARROWS);
  const inked = inkOf(warpedBy(matcher.image(place), down, across));
  const most = inked.reduce((largest, value) => Math.max(largest, value), 0);
  const moves = { step, from: [], to: [] };
  for (let top = 0; top < height; top += step) {
    for (let left = 0; left < width; left += step) {
      const block = { down: 0, across: 0, count: 0, ink: 0 };
      const [bottom, right] = [Math.min(top + step, height), Math.min(left + step, width)];
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          block.down += down[y * width + x];
          block.across += across[y * width + x];
          block.ink = Math.max(block.ink, inked[y * width + x]);
          block.count += 1;
        }
      }
      const [moved, aside] = [block.down / block.count, block.across / block.count];
      if (block.ink <= FAINT * most || Math.hypot(moved, aside) < SHORTEST) continue;
      const [y, x] = [(top + bottom) / 2, (left + right) / 2];
      moves.from.push([y, x]);
      moves.to.push([y + moved, x + aside]);
    }
  }
  return moves;
}

/** Return an image bent by a field: a pixel from beyond the border is the nearest one. */
function warpedBy(image, down, across) {
  const { height, width, channels, data } = image;
  const out = { ...grayImage(width, height, new Uint8Array(data.length)), channels };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const row = Math.min(Math.max(y + down[at], 0), height - 1);
      const column = Math.min(Math.max(x + across[at], 0), width - 1);
      for (let channel = 0; channel < channels; channel++) {
        out.data[at * channels + channel] = data[(row * width + column) * channels + channel];
      }
    }
  }
  return out;
}

/** Return how much each pixel differs from the paper, in the channel where it differs most. */
function inkOf({ height, width, channels, data }) {
  const ink = new Float64Array(height * width);
  for (let channel = 0; channel < channels; channel++) {
    const value = (y, x) => data[(y * width + x) * channels + channel];
    const border = [];
    for (let x = 0; x < width; x++) border.push(value(0, x), value(height - 1, x));
    for (let y = 0; y < height; y++) border.push(value(y, 0), value(y, width - 1));
    const paper = median(border);
    for (let at = 0; at < ink.length; at++) {
      ink[at] = Math.max(ink[at], Math.abs(data[at * channels + channel] - paper));
    }
  }
  return ink;
}
