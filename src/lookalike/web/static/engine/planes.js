// What deformable matching compares of an image: small signed whole numbers, mostly gradients
// (Python: lookalike.distance.deformation.planes).

import { bell, blurLines, mirrored, repeated, rint } from "./numbers.js";
import { blurred } from "./prepare.js";

/** How large a plane's value is where a full step from black to white is 1. */
export const UNITS = { sobel: 30, "double-angle": 39, values: 126 };

/**
 * Planes in a frame of zeros, so that whatever a displaced patch reaches is there.
 * `stride` numbers lie between two rows, `size` between two planes.
 */
export class Planes {
  constructor(values, height, width, margin) {
    this.height = height;
    this.width = width;
    this.margin = margin;
    this.count = values.length;
    this.stride = width + 2 * margin;
    this.size = this.stride * (height + 2 * margin);
    this.data = new Int8Array(this.size * this.count);
    values.forEach((plane, number) => {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          this.data[number * this.size + (y + margin) * this.stride + x + margin] = plane[y * width + x];
        }
      }
    });
  }
}

/** Return what is compared of an image as it is. */
export function planesOf(image, comparison) {
  return sharpPlanesOf(comparison.blur ? blurred(image, comparison.blur) : image, comparison);
}

/** Return what is compared of an aligned image. */
export function sharpPlanesOf(image, { planes, warp, context, window }) {
  const { width, height } = image;
  const values = [];
  for (const channel of channelsOf(image)) {
    if (planes === "values") values.push(channel.map((value) => rint(value * (126 / 255) - 63)));
    else if (planes === "sobel") values.push(...sobel(channel, height, width).map(inSteps));
    else values.push(...doubleAngle(sobel(channel, height, width), height, width, window));
  }
  return new Planes(values, height, width, Math.max(...warp) + context);
}

/** Return each channel of an image as float64. */
export function channelsOf({ channels, data }) {
  return Array.from({ length: channels }, (_, channel) =>
    Float64Array.from({ length: data.length / channels }, (_, i) => data[i * channels + channel]),
  );
}

const inSteps = (gradient) => gradient.map((value) => rint(Math.fround(value / 34)));

/** Return how much brighter a channel becomes downwards, and to the right; its border is repeated. */
export function sobel(channel, height, width) {
  const down = new Float64Array(channel.length);
  const across = new Float64Array(channel.length);
  for (let y = 0; y < height; y++) {
    const [above, here, below] = [Math.max(y - 1, 0) * width, y * width, Math.min(y + 1, height - 1) * width];
    for (let x = 0; x < width; x++) {
      const [left, right] = [Math.max(x - 1, 0), Math.min(x + 1, width - 1)];
      const corners = channel[below + right] - channel[above + left];
      const others = channel[below + left] - channel[above + right];
      down[here + x] = corners + others + 2 * (channel[below + x] - channel[above + x]);
      across[here + x] = corners - others + 2 * (channel[here + right] - channel[here + left]);
    }
  }
  return [down, across];
}

/** Return how much each pixel of an axis counts: less towards the border. */
export function windowWeights(size, share) {
  return Float64Array.from({ length: size }, (_, place) => {
    if (!share) return 1;
    const away = Math.min(place, size - 1 - place) + 0.5;
    return Math.sin((Math.PI / 2) * Math.min(1, away / (share * size))) ** 2;
  });
}

/** Return gradients over their local root mean square, with their angle doubled. */
function doubleAngle([down, across], height, width, window) {
  const squares = down.map((value, i) => value * value + across[i] * across[i]);
  const local = blurLines(squares, height, width, bell(4, 16), repeated);
  const scale = squares.map((square, i) => {
    const strength = Math.min(Math.sqrt(square) / Math.max(Math.sqrt(local[i]), 16), 3);
    return (strength * (39 / 3)) / Math.max(square, 1);
  });
  const doubled = [
    scale.map((factor, i) => (across[i] ** 2 - down[i] ** 2) * factor),
    scale.map((factor, i) => 2 * across[i] * down[i] * factor),
  ];
  const rows = windowWeights(height, window);
  const columns = windowWeights(width, window);
  return doubled.map((plane) =>
    blurLines(plane, height, width, bell(1, 4), mirrored).map((value, i) =>
      rint(value * (rows[Math.floor(i / width)] * columns[i % width])),
    ),
  );
}
