// What is done to an image before it is compared (Python: lookalike.prepare). A step takes a gray image and what
// the model's file says of it, and returns a gray image.

import { gray, grayImage, ink, inkBox, paper, sum } from "./look.js";
import { bell, blurLines, clip, repeated, rint } from "./numbers.js";
import { resized } from "./resize.js";

const STEPS = {
  blur: (image, { sigma }) => blurred(image, sigma),
  deskew: deskewed,
  "even-ink": evened,
  "fit-to-ink": fitted,
  gray: (image) => image,
  "normalise-contrast": normalised,
  polarity: (image, { inverted }) => (inverted ? mapped(image, (value) => 255 - value) : image),
  "raise-contrast": raised,
  resize: (image, { height, width, down_first: first }) => resized(image, height, width, first),
};

/** Return an image as a fitted chain of steps leaves it; `chain` is what the model's file says, or null. */
export function prepared(image, chain) {
  if (!chain) return image;
  return chain.steps.reduce((made, step) => STEPS[step.step](made, step), gray(image));
}

function mapped({ width, height, data }, change) {
  return grayImage(width, height, data.map(change));
}

export function blurred(image, sigma) {
  const { width, height, data } = image;
  const reach = Math.floor(4 * sigma + 0.5);
  if (!reach) return image;
  const made = blurLines(Float64Array.from(data), height, width, bell(sigma, reach), repeated);
  return grayImage(width, height, Uint8Array.from(made, (value) => rint(clip(value, 0, 255))));
}

/** Shift each row so that the ink's principal slant becomes vertical. */
function deskewed(image) {
  const { width, height, data } = image;
  const inked = ink(image);
  let [total, sumX, sumY, both, down] = [0, 0, 0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const mass = inked[y * width + x];
      total += mass;
      sumX += mass * x;
      sumY += mass * y;
      both += mass * x * y;
      down += mass * y * y;
    }
  }
  const spreadDown = down * total - sumY * sumY;
  const slant = clip(spreadDown > 0 ? (both * total - sumX * sumY) / spreadDown : 0, -1, 1);
  const middle = total > 0 ? sumY / total : 0;
  const level = paper(image);
  const out = grayImage(width, height);
  for (let y = 0; y < height; y++) {
    const shift = clip(slant * (y - middle), -width, width);
    const whole = Math.floor(shift);
    const part = shift - whole;
    const at = (x) => (x < 0 || x >= width ? level : data[y * width + x]);
    for (let x = 0; x < width; x++) {
      const left = at(x + whole);
      out.data[y * width + x] = rint(left + part * (at(x + whole + 1) - left));
    }
  }
  return out;
}

/** Scale an image's values to one root mean square. */
function evened(image, { level }) {
  const squares = image.data.reduce((total, value) => total + value * value, 0) / image.data.length;
  const gain = squares > 0 ? level / Math.sqrt(squares) : 0;
  return mapped(image, (value) => rint(Math.min(value * gain, 255)));
}

// Weights are whole numbers of this part of 1.
const WHOLE = 2 ** 14;

/** Crop to the ink, scale it, and put it in the middle of a square frame. */
function fitted(image, { box: share, centre, size, stretch }) {
  const { width, height } = image;
  const inked = ink(image);
  const box = inkBox(inked, width, height);
  const sides = [box.bottom - box.top, box.right - box.left];
  const longer = Math.max(...sides);
  const scale = (share * size) / Math.max(longer, 1);
  const scales = sides.map(
    (side) => scale * Math.min(Math.sqrt(Math.max(longer, 1) / Math.max(side, 1)), stretch),
  );
  const values = inked.map((value, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return y >= box.top && y < box.bottom && x >= box.left && x < box.right ? value : 0;
  });
  const mass = [new Float64Array(height), new Float64Array(width)];
  values.forEach((value, i) => {
    mass[0][Math.floor(i / width)] += value;
    mass[1][i % width] += value;
  });
  const down = frameWeights(mass[0], box.top, box.bottom, scales[0], size, centre);
  const across = frameWeights(mass[1], box.left, box.right, scales[1], size, centre);
  const lines = new Float64Array(size * width);
  for (let row = 0; row < size; row++) {
    for (let y = box.top; y < box.bottom; y++) {
      const weight = down[row * height + y];
      if (weight) for (let x = 0; x < width; x++) lines[row * width + x] += weight * values[y * width + x];
    }
  }
  const out = grayImage(size, size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let total = 0;
      for (let x = box.left; x < box.right; x++) total += lines[row * width + x] * across[column * width + x];
      out.data[row * size + column] = rint(total / (WHOLE * WHOLE));
    }
  }
  return out;
}

/** Return what each line of the source gives to each of the frame's. */
function frameWeights(mass, first, after, scale, size, centredBy) {
  const total = sum(mass);
  let centre = (after - first) / 2;
  if (centredBy === "mass" && total > 0) {
    centre = mass.reduce((moment, value, line) => moment + value * (line - first + 0.5), 0) / total;
  }
  const reach = Math.max(1, 1 / scale);
  const weights = new Float64Array(size * mass.length);
  for (let row = 0; row < size; row++) {
    const start = (row + 0.5 - size / 2) / scale + centre - reach / 2;
    const covered = (edge) => rint(clip((edge - first - start) / reach, 0, 1) * WHOLE);
    for (let line = 0; line < mass.length; line++) {
      weights[row * mass.length + line] = covered(line + 1) - covered(line);
    }
  }
  return weights;
}

/** Stretch an image's own range to the whole scale. */
export function normalised(image) {
  const ranked = image.data.slice().sort();
  const low = Math.floor((ranked.length - 1) / 50);
  const [bottom, top] = [ranked[low], ranked[ranked.length - 1 - low]];
  const gain = 255 / Math.max(top - bottom, 32);
  return mapped(image, (value) => rint(clip(127.5 + (value - (bottom + top) / 2) * gain, 0, 255)));
}

/** Raise the contrast by the factor that the training images were given. */
function raised(image, { range }) {
  const least = image.data.reduce((low, value) => Math.min(low, value), 255);
  return mapped(image, (value) => rint(Math.min((value - least) * (255 / range), 255)));
}
