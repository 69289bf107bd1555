// The image distortion model: each pixel of the query takes the best match in the reference within a few
// pixels, judged by the patch around it (Python: lookalike.distance.deformation.definition).

/** Return every displacement within `warp`: the shortest first, then upwards, then left. */
export function displacements([down, across]) {
  const every = [];
  for (let y = -down; y <= down; y++) for (let x = -across; x <= across; x++) every.push([y, x]);
  return every.sort((a, b) => a[0] ** 2 + a[1] ** 2 - b[0] ** 2 - b[1] ** 2 || a[0] - b[0] || a[1] - b[1]);
}

/** Compares planes of one shape: what is worked out once, and room for the sums. */
export class Deformation {
  constructor({ warp, context }, { height, width, stride, size, count }) {
    this.context = context;
    this.steps = displacements(warp);
    this.offsets = Int32Array.from(this.steps, ([y, x]) => y * stride + x);
    this.shape = { height, width, stride, size, count };
    const columns = width + 2 * context;
    this.ring = new Int32Array((2 * context + 1) * this.steps.length * columns);
    this.running = new Int32Array(this.steps.length * columns);
    this.best = new Int32Array(width);
    this.found = new Uint16Array(width);
  }

  /**
   * Return the sum of what the pixels still differ by, or infinity once it is above `limit`. `each(y, x0, best,
   * found)` is told of each row: the costs from column x0 on, and which displacement each pixel took.
   */
  distance(query, reference, limit = Infinity, each = null) {
    const { height, width } = this.shape;
    const { context, steps, ring, running } = this;
    // Where both are plain around a pixel, it costs nothing.
    const top = Math.max(Math.min(query.box.top, reference.box.top) - context, 0);
    const bottom = Math.min(Math.max(query.box.bottom, reference.box.bottom) + context, height);
    const left = Math.max(Math.min(query.box.left, reference.box.left) - context, 0);
    const right = Math.min(Math.max(query.box.right, reference.box.right) + context, width);
    if (top >= bottom || left >= right) return 0;
    const columns = right - left + 2 * context;
    const block = steps.length * columns;
    ring.fill(0, 0, (2 * context + 1) * block);
    running.fill(0, 0, block);
    let total = 0;
    for (let y = top - context; y < bottom + context; y++) {
      const slot = (y - top + context) % (2 * context + 1);
      this.addRow(query, reference, y, left, columns, slot * block);
      if (y < top + context) continue;
      total += this.rowCosts(columns, right - left);
      if (each) each(y - context, left, this.best, this.found);
      if (total > limit) return Infinity;
    }
    return total;
  }

  /** Put a row's squared differences in the place of those that are no longer near, for each displacement. */
  addRow(query, reference, y, left, columns, slot) {
    const { stride, size, count } = this.shape;
    const { ring, running, offsets } = this;
    const [first, second] = [query.data, reference.data];
    const start = (y + query.margin) * stride + left - this.context + query.margin;
    for (let step = 0; step < offsets.length; step++) {
      const at = step * columns;
      const offset = offsets[step];
      for (let x = 0; x < columns; x++) {
        let square = 0;
        for (let plane = 0, place = start + x; plane < count; plane++, place += size) {
          const apart = first[place] - second[place + offset];
          square += apart * apart;
        }
        running[at + x] += square - ring[slot + at + x];
        ring[slot + at + x] = square;
      }
    }
  }

  /** Return the sum of a row's least costs over the displacements. */
  rowCosts(columns, width) {
    const { running, best, found } = this;
    const reach = 2 * this.context;
    for (let step = 0; step < this.offsets.length; step++) {
      const at = step * columns;
      let patch = 0;
      for (let x = 0; x < reach; x++) patch += running[at + x];
      for (let x = 0; x < width; x++) {
        patch += running[at + x + reach];
        if (step === 0 || patch < best[x]) {
          best[x] = patch;
          found[x] = step;
        }
        patch -= running[at + x];
      }
    }
    let total = 0;
    for (let x = 0; x < width; x++) total += best[x];
    return total;
  }

  /** Return where each pixel of the query was found: {costs, down, across}, each (h, w). */
  field(query, reference) {
    const { height, width } = this.shape;
    const costs = new Int32Array(height * width);
    const down = new Int8Array(height * width);
    const across = new Int8Array(height * width);
    const right = Math.min(Math.max(query.box.right, reference.box.right) + this.context, width);
    this.distance(query, reference, Infinity, (y, left, best, found) => {
      for (let x = left; x < right; x++) {
        costs[y * width + x] = best[x - left];
        [down[y * width + x], across[y * width + x]] = this.steps[found[x - left]];
      }
    });
    return { costs, down, across };
  }
}
