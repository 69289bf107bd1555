// How much edge of each direction there is around the points of a coarse grid: by it candidates are found
// (Python: lookalike.distance.deformation.planes.edge_descriptors).

import { rint } from "./numbers.js";
import { channelsOf, sobel, windowWeights } from "./planes.js";
import { normalised } from "./prepare.js";

const SPACING = 4;
const SIGMA = 2;
const PARTS = 256;
const STRONGEST = 2 ** 27;
const DIRECTIONS = 8;

/** Return the coarse description of an image, as bytes. */
export function describe(image, { planes, window }) {
  if (planes === "values") return image.data;
  if (planes === "sobel") return edges(image);
  const evened = edges(normalised(image));
  const half = evened.length / 2;
  const rows = windowWeights(Math.ceil(image.height / SPACING), window);
  const columns = windowWeights(Math.ceil(image.width / SPACING), window);
  const grid = rows.length * columns.length;
  return Uint8Array.from({ length: half }, (_, i) => {
    const at = i % grid;
    const weight = rows[Math.floor(at / columns.length)] * columns[at % columns.length];
    return rint(Math.min(evened[i] + evened[i + half], 255) * weight);
  });
}

function edges(image) {
  const { height, width, channels } = image;
  const [down, across] = [weights(height), weights(width)];
  const [rows, columns] = [down.length, across.length];
  const sums = new Float64Array(DIRECTIONS * rows * columns);
  for (const channel of channelsOf(image)) {
    const [downwards, sideways] = sobel(channel, height, width);
    for (let y = 0; y < height; y++) {
      const line = new Float64Array(DIRECTIONS * columns);
      for (let x = 0; x < width; x++) {
        const [gy, gx] = [downwards[y * width + x], sideways[y * width + x]];
        if (!gy && !gx) continue;
        const [straight, diagonal] = directions(gy, gx);
        const [long, short] = [Math.max(Math.abs(gx), Math.abs(gy)), Math.min(Math.abs(gx), Math.abs(gy))];
        for (let column = 0; column < columns; column++) {
          line[straight * columns + column] += 5 * (long - short) * across[column][x];
          line[diagonal * columns + column] += 7 * short * across[column][x];
        }
      }
      for (let row = 0; row < rows; row++) {
        const weight = down[row][y];
        for (let i = 0; i < line.length; i++) {
          const direction = Math.floor(i / columns);
          sums[(direction * rows + row) * columns + (i % columns)] += weight * line[i];
        }
      }
    }
  }
  const scale = 65025 / STRONGEST / channels;
  return Uint8Array.from(sums, (sum) => rint(Math.min(Math.sqrt(sum * scale), 255)));
}

/** Return the straight and the diagonal direction that a gradient lies between, in eighths of a turn. */
function directions(down, across) {
  const sideways = across > 0 ? 0 : 4;
  const downwards = down > 0 ? 2 : 6;
  const straight = Math.abs(across) >= Math.abs(down) ? sideways : downwards;
  if (down > 0) return [straight, across > 0 ? 1 : 3];
  return [straight, across > 0 ? 7 : 5];
}

/** Return for each point of the grid how much each pixel of an axis weighs. */
function weights(length) {
  const points = Math.ceil(length / SPACING);
  const first = (length - 1 - SPACING * (points - 1)) / 2;
  return Array.from({ length: points }, (_, point) =>
    Float64Array.from({ length }, (_, pixel) => {
      const apart = (first + SPACING * point - pixel) / SIGMA;
      return rint((PARTS * Math.exp(-0.5 * apart * apart)) / (SIGMA * Math.sqrt(2 * Math.PI)));
    }),
  );
}
