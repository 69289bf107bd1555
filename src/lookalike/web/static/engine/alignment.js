// Elastic alignment: one image is bent, smoothly and as a whole, to look like another
// (Python: lookalike.distance.deformation.definition; here in the order of its compiled loops).

import { clip, rint } from "./numbers.js";

const POINTS = 8;
const GRAIN = 2 ** -30;
const STIFF = 0.002;
const SMOOTH = 0.0005;
const TURNS = [12, 8, 8];

/**
 * Aligns images of one size. `tables` are Python's own numbers, for exponentials differ in their last bits:
 * `bells_down` (3, h, h) and `bells_across` (3, w, w), `splines_down` (8, h) and `splines_across` (8, w), and
 * `decays` (2, turns).
 */
export class Alignment {
  constructor(height, width, tables) {
    this.height = height;
    this.width = width;
    this.tables = tables;
    this.parameters = 3 + POINTS * POINTS;
    const pixels = height * width;
    this.places = [new Float64Array(pixels), new Float64Array(pixels)];
    this.slopes = [new Float64Array(pixels), new Float64Array(pixels)];
    this.seen = new Float64Array(pixels);
    this.lines = new Float64Array(POINTS * width);
  }

  /** Return an image as each level of blur shows it. */
  levels(data) {
    return TURNS.map((_, level) => this.blurred(data, level));
  }

  /** Return an image blurred, scaled to a root mean square of 1, and rounded. */
  blurred(data, level) {
    const { height, width } = this;
    const down = this.tables.bells_down.subarray(level * height * height);
    const across = this.tables.bells_across.subarray(level * width * width);
    const out = new Float64Array(height * width);
    const line = new Float64Array(width);
    let total = 0;
    for (let y = 0; y < height; y++) {
      line.fill(0);
      for (let other = 0; other < height; other++) {
        for (let x = 0; x < width; x++) line[x] += down[y * height + other] * data[other * width + x];
      }
      for (let x = 0; x < width; x++) {
        let value = 0;
        for (let other = 0; other < width; other++) value += across[x * width + other] * line[other];
        out[y * width + x] = value;
        total += value * value;
      }
    }
    const scale = total > 0 ? 1 / Math.sqrt(total / (height * width)) : 0;
    return out.map((value) => rint((value * scale) / GRAIN) * GRAIN);
  }

  /** Return the bytes of an image bent to look like another; both come with their levels of blur. */
  aligned(fixed, moving, data) {
    this.align(fixed, moving);
    this.sample(data);
    return Uint8Array.from(this.seen, rint);
  }

  /** Work out where each pixel is taken from: `places`, down and across. */
  align(fixed, moving) {
    const { parameters, places, seen, slopes } = this;
    const motion = [new Float64Array(parameters), new Float64Array(parameters)];
    const moments = [0, 1].map(() => [new Float64Array(parameters), new Float64Array(parameters)]);
    const gradient = [new Float64Array(parameters), new Float64Array(parameters)];
    let turn = 0;
    TURNS.forEach((turns, level) => {
      for (let i = 0; i < turns; i++, turn++) {
        this.place(motion);
        this.sample(moving[level]);
        for (let at = 0; at < seen.length; at++) {
          const difference = ((seen[at] - fixed[level][at]) * 2) / seen.length;
          slopes[0][at] *= difference;
          slopes[1][at] *= difference;
        }
        this.writeGradient(gradient);
        addRoughness(motion, gradient);
        this.move(motion, gradient, moments, turn);
      }
    });
    this.place(motion);
    return places;
  }

  place(motion) {
    const { height, width, lines } = this;
    const { splines_down: down, splines_across: across } = this.tables;
    for (let axis = 0; axis < 2; axis++) {
      const moved = motion[axis];
      lines.fill(0);
      for (let i = 0; i < POINTS; i++) {
        for (let j = 0; j < POINTS; j++) {
          const value = moved[3 + i * POINTS + j];
          for (let x = 0; x < width; x++) lines[i * width + x] += value * across[j * width + x];
        }
      }
      const places = this.places[axis];
      for (let y = 0; y < height; y++) {
        const start = moved[2] + moved[0] * (y - (height - 1) / 2) + (axis === 0 ? y : 0);
        for (let x = 0; x < width; x++) {
          places[y * width + x] = start + moved[1] * (x - (width - 1) / 2) + (axis === 1 ? x : 0);
        }
        for (let i = 0; i < POINTS; i++) {
          const weight = down[i * height + y];
          if (weight === 0) continue;
          for (let x = 0; x < width; x++) places[y * width + x] += weight * lines[i * width + x];
        }
      }
    }
  }

  /** Write the image's values at the places, between pixels in proportion, and how steep it is there. */
  sample(image) {
    const { height, width, seen, slopes } = this;
    const [rows, columns] = this.places;
    for (let at = 0; at < seen.length; at++) {
      const row = Math.min(Math.max(rows[at], 0), height - 1);
      const column = Math.min(Math.max(columns[at], 0), width - 1);
      const top = Math.floor(row);
      const left = Math.floor(column);
      const bottom = Math.min(top + 1, height - 1) * width;
      const right = Math.min(left + 1, width - 1);
      const below = row - top;
      const beside = column - left;
      const corner = image[top * width + left];
      const low = image[bottom + left];
      const first = image[top * width + right] - corner;
      const second = image[bottom + right] - low;
      const above = corner + beside * first;
      const under = low + beside * second;
      seen[at] = above + below * (under - above);
      slopes[0][at] = row === rows[at] ? under - above : 0;
      slopes[1][at] = column === columns[at] ? first + below * (second - first) : 0;
    }
  }

  writeGradient(gradient) {
    const { height, width, lines } = this;
    const { splines_down: down, splines_across: across } = this.tables;
    for (let axis = 0; axis < 2; axis++) {
      const forces = this.slopes[axis];
      const out = gradient[axis];
      lines.fill(0);
      out.fill(0);
      for (let y = 0; y < height; y++) {
        let whole = 0;
        let turned = 0;
        for (let x = 0; x < width; x++) {
          const force = forces[y * width + x];
          whole += force;
          turned += force * (x - (width - 1) / 2);
        }
        out[0] += whole * (y - (height - 1) / 2);
        out[1] += turned;
        out[2] += whole;
        for (let i = 0; i < POINTS; i++) {
          const weight = down[i * height + y];
          if (weight === 0) continue;
          for (let x = 0; x < width; x++) lines[i * width + x] += weight * forces[y * width + x];
        }
      }
      for (let i = 0; i < POINTS; i++) {
        for (let j = 0; j < POINTS; j++) {
          let total = 0;
          for (let x = 0; x < width; x++) total += lines[i * width + x] * across[j * width + x];
          out[3 + i * POINTS + j] = total;
        }
      }
    }
  }

  /** Take a step of Adam. */
  move(motion, gradient, moments, turn) {
    const { decays } = this.tables;
    const [first, second] = [decays[turn], decays[decays.length / 2 + turn]];
    for (let axis = 0; axis < 2; axis++) {
      const [mean, square] = [moments[0][axis], moments[1][axis]];
      for (let k = 0; k < this.parameters; k++) {
        const slope = rint(gradient[axis][k] / GRAIN) * GRAIN;
        mean[k] = 0.9 * mean[k] + 0.1 * slope;
        square[k] = 0.999 * square[k] + 0.001 * slope * slope;
        const spread = Math.sqrt(square[k] / second);
        motion[axis][k] -= ((k < 2 ? 0.03 : 0.3) * (mean[k] / first)) / (spread + 1e-8);
      }
    }
  }
}

/** Add what being bent costs: a linear part, and neighbouring points of the grid that move apart. */
function addRoughness(motion, gradient) {
  for (let axis = 0; axis < 2; axis++) {
    const [moved, out] = [motion[axis], gradient[axis]];
    for (let k = 0; k < 2; k++) out[k] += 2 * STIFF * moved[k];
    for (let i = 0; i < POINTS; i++) {
      for (let j = 0; j < POINTS; j++) {
        const at = 3 + i * POINTS + j;
        let apart = 0;
        if (i > 0) apart += moved[at] - moved[at - POINTS];
        if (i < POINTS - 1) apart += moved[at] - moved[at + POINTS];
        if (j > 0) apart += moved[at] - moved[at - 1];
        if (j < POINTS - 1) apart += moved[at] - moved[at + 1];
        out[at] += 2 * SMOOTH * apart;
      }
    }
  }
}

/**
 * Return where a query's pixels are in the image as it was before alignment: by what was matched after it
 * (`down`, `across`) and by `places`; a match beyond the border is continued from the border's nearest pixel.
 */
export function throughAlignment({ down, across }, places, height, width) {
  const moved = { down: new Int8Array(down.length), across: new Int8Array(down.length) };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const [row, column] = [y + down[at], x + across[at]];
      const [inRow, inColumn] = [clip(row, 0, height - 1), clip(column, 0, width - 1)];
      const source = inRow * width + inColumn;
      moved.down[at] = clip(rint(places[0][source] + row - inRow) - y, -127, 127);
      moved.across[at] = clip(rint(places[1][source] + column - inColumn) - x, -127, 127);
    }
  }
  return moved;
}
