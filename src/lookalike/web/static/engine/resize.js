// Another size by a triangle filter, as Pillow computes it: weights of 22 bits, and bytes in between.

import { grayImage } from "./look.js";

const ONE = 1 << 22;

/** Return a gray image at another size, one side after the other. */
export function resized(image, height, width, downFirst) {
  const across = (one) => (width === one.width ? one : turned(resizedDown(turned(one), width)));
  const down = (one) => (height === one.height ? one : resizedDown(one, height));
  return downFirst ? across(down(image)) : down(across(image));
}

function turned({ width, height, data }) {
  const out = grayImage(height, width);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) out.data[x * height + y] = data[y * width + x];
  return out;
}

function resizedDown({ width, height, data }, size) {
  const scale = height / size;
  const support = Math.max(scale, 1);
  const out = grayImage(width, size);
  for (let row = 0; row < size; row++) {
    const centre = (row + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const after = Math.min(Math.trunc(centre + support + 0.5), height);
    const weights = [];
    for (let y = first; y < after; y++) {
      weights.push(Math.max(1 - Math.abs((y - centre + 0.5) * (1 / support)), 0));
    }
    const total = weights.reduce((added, weight) => added + weight, 0);
    const whole = weights.map((weight) => Math.trunc((total ? weight / total : weight) * ONE + 0.5));
    for (let x = 0; x < width; x++) {
      let value = ONE / 2;
      whole.forEach((weight, i) => (value += weight * data[(first + i) * width + x]));
      out.data[row * width + x] = Math.min(Math.floor(value / ONE), 255);
    }
  }
  return out;
}
