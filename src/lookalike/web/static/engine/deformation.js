// The image distortion model: each pixel of the query takes the best match in the reference within a few
// pixels, judged by the patch around it (Python: lookalike.distance.deformation.definition).
//
// Where the patch around a query's pixel is plain, the pixel costs the least that any patch of the reference within
// reach holds, whatever the query is: that is worked out once for each reference. What is left are the pixels of
// each row that lie between the first and the last that is not plain.

/** More than any pixel costs. */
const MOST = 2 ** 31 - 1;

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
    this.columns = width + 2 * context;
    // The squared differences of the rows of a patch, row by row in turn, for each displacement.
    this.ring = new Int32Array((2 * context + 1) * this.steps.length * this.columns);
    this.upright = new Int32Array(this.columns);
    this.best = new Int32Array(width);
    this.found = new Uint16Array(width);
    this.spans = new WeakMap();
    this.plainCosts = new WeakMap();
  }

  /**
   * Return the sum of what the pixels still differ by, or infinity once it is above `limit`. `each(y, left, right,
   * best, found)` is told of each row: what its pixels between two columns cost, and which displacement they took.
   */
  distance(query, reference, limit = Infinity, each = null) {
    const { context } = this;
    const spans = of(this.spans, query, () => spansOf(query, context));
    const costs = of(this.plainCosts, reference, () => plainCostsOf(reference, context, this.offsets));
    const { left, right, first, last, top, bottom } = spans;
    let total = outside(spans, costs, this.shape);
    if (total > limit) return Infinity;
    for (let y = top - context; y < bottom + context; y++) {
      const row = y - top + context;
      this.writeSquares(query, reference, y, first[row], last[row]);
      const middle = y - context;
      if (middle < top || right[middle] <= left[middle]) continue;
      this.writeCosts(left[middle], right[middle]);
      for (let x = left[middle]; x < right[middle]; x++) total += this.best[x];
      if (each) each(middle, left[middle], right[middle], this.best, this.found);
      if (total > limit) return Infinity;
    }
    return total;
  }

  /** Write the squared differences of a row of pixels, from one column to another, for each displacement. */
  writeSquares(query, reference, y, first, last) {
    const { stride, size, count } = this.shape;
    const { ring, offsets, columns, context } = this;
    const [one, two] = [query.data, reference.data];
    const start = (y + query.margin) * stride + query.margin;
    const slot = this.slotOf(y);
    for (let step = 0; step < offsets.length; step++) {
      const at = slot + step * columns + context + first;
      const place = start + first;
      // Two planes are the rule, and a loop over planes takes longer than they do.
      if (count === 2) squaresOfTwo(one, two, place, place + offsets[step], size, ring, at, last - first);
      else squaresOfMany(one, two, place, place + offsets[step], size, count, ring, at, last - first);
    }
  }

  slotOf(y) {
    const rows = 2 * this.context + 1;
    return (((y % rows) + rows) % rows) * this.steps.length * this.columns;
  }

  /** Write what the pixels from one column to another cost, and which displacement they take. */
  writeCosts(left, right) {
    const { ring, upright, best, found, columns, context, offsets } = this;
    const block = offsets.length * columns;
    for (let x = left; x < right; x++) best[x] = MOST;
    for (let step = 0; step < offsets.length; step++) {
      const at = step * columns + left;
      if (context === 1) leastOfThree(ring, at, block, best, found, left, right, step);
      else leastOfMany(ring, at, block, 2 * context + 1, upright, best, found, left, right, step);
    }
  }

  /** Return where each pixel of the query was found: {costs, down, across}, each (h, w). */
  field(query, reference) {
    const { height, width, stride } = this.shape;
    const costs = new Int32Array(height * width);
    const down = new Int8Array(height * width);
    const across = new Int8Array(height * width);
    const put = (at, cost, step) => {
      costs[at] = cost;
      [down[at], across[at]] = this.steps[step];
    };
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const place = (y + reference.margin) * stride + x + reference.margin;
        const { cost, step } = plainest(reference, this.context, this.offsets, place);
        put(y * width + x, cost, step);
      }
    }
    this.distance(query, reference, Infinity, (y, left, right, best, found) => {
      for (let x = left; x < right; x++) put(y * width + x, best[x], found[x]);
    });
    return { costs, down, across };
  }
}

function of(known, planes, make) {
  if (!known.has(planes)) known.set(planes, make());
  return known.get(planes);
}

function squaresOfTwo(one, two, place, moved, size, out, at, count) {
  for (let x = 0; x < count; x++) {
    const down = one[place + x] - two[moved + x];
    const across = one[place + size + x] - two[moved + size + x];
    out[at + x] = Math.imul(down, down) + Math.imul(across, across);
  }
}

function squaresOfMany(one, two, place, moved, size, planes, out, at, count) {
  for (let x = 0; x < count; x++) {
    let total = 0;
    for (let plane = 0; plane < planes; plane++) {
      const apart = one[place + plane * size + x] - two[moved + plane * size + x];
      total += apart * apart;
    }
    out[at + x] = total;
  }
}

/** Note where the patches of 3x3 pixels cost less than by the steps before. */
function leastOfThree(squares, at, block, best, found, left, right, step) {
  const [second, third] = [at + block, at + 2 * block];
  let before = (squares[at] + squares[second] + squares[third]) | 0;
  let here = (squares[at + 1] + squares[second + 1] + squares[third + 1]) | 0;
  for (let x = left, i = 2; x < right; x++, i++) {
    const after = (squares[at + i] + squares[second + i] + squares[third + i]) | 0;
    const cost = (before + here + after) | 0;
    before = here;
    here = after;
    if (cost < best[x]) {
      best[x] = cost;
      found[x] = step;
    }
  }
}

function leastOfMany(squares, at, block, length, upright, best, found, left, right, step) {
  let patch = 0;
  for (let i = 0; i < right - left + length - 1; i++) {
    upright[i] = columnSum(squares, at + i, block, length);
    patch = (patch + upright[i]) | 0;
    const x = left + i - length + 1;
    if (x < left) continue;
    if (patch < best[x]) {
      best[x] = patch;
      found[x] = step;
    }
    patch = (patch - upright[x - left]) | 0;
  }
}

function columnSum(ring, at, block, rows) {
  let total = 0;
  for (let row = 0; row < rows; row++) total += ring[at + row * block];
  return total;
}

/**
 * Return between which columns of each row patches are not plain (`left`, `right`, by row), the rows of these, and
 * between which columns the rows of patches are needed for that (`first`, `last`, from row top - context on).
 */
function spansOf(planes, context) {
  const { height, width } = planes;
  const { starts, ends } = inkedColumns(planes);
  const [left, right] = [new Int16Array(height).fill(width), new Int16Array(height)];
  for (let y = 0; y < height; y++) {
    for (let row = Math.max(y - context, 0); row <= Math.min(y + context, height - 1); row++) {
      if (ends[row] <= starts[row]) continue;
      left[y] = Math.min(left[y], Math.max(starts[row] - context, 0));
      right[y] = Math.max(right[y], Math.min(ends[row] + context, width));
    }
  }
  const rows = Array.from(left.keys()).filter((y) => left[y] < right[y]);
  const [top, bottom] = rows.length ? [rows[0], rows.at(-1) + 1] : [0, 0];
  const first = new Int16Array(bottom - top + 2 * context).fill(width);
  const last = new Int16Array(first.length);
  for (let row = 0; row < first.length; row++) {
    const y = row + top - context;
    for (let middle = Math.max(y - context, top); middle <= Math.min(y + context, bottom - 1); middle++) {
      if (left[middle] >= right[middle]) continue;
      first[row] = Math.min(first[row], left[middle] - context);
      last[row] = Math.max(last[row], right[middle] + context);
    }
  }
  return { left, right, first, last, top, bottom };
}

/** Return the first column of each row, and the one after the last, where any plane is not 0. */
function inkedColumns({ height, width, count, data, size, stride, margin }) {
  const [starts, ends] = [new Int16Array(height).fill(width), new Int16Array(height)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let any = false;
      for (let plane = 0; plane < count; plane++) any ||= data[plane * size + (y + margin) * stride + x + margin] !== 0;
      if (!any) continue;
      starts[y] = Math.min(starts[y], x);
      ends[y] = x + 1;
    }
  }
  return { starts, ends };
}

/** Return what a query's pixels cost where it is plain around them: sums of each row up to each column. */
function plainCostsOf(planes, context, offsets) {
  const { height, width, stride, margin } = planes;
  const energies = patchEnergies(planes, context);
  const sums = new Int32Array(height * (width + 1));
  for (let y = 0; y < height; y++) {
    let total = 0;
    for (let x = 0; x < width; x++) {
      const place = (y + margin) * stride + x + margin;
      let least = MOST;
      for (let step = 0; step < offsets.length; step++) least = Math.min(least, energies[place + offsets[step]]);
      total += least;
      sums[y * (width + 1) + x + 1] = total;
    }
  }
  return sums;
}

/** Return the sum of squares of all planes in the patch around each place of the frame, as far as it is in it. */
function patchEnergies({ count, data, size, stride }, context) {
  const squares = new Int32Array(size);
  for (let plane = 0; plane < count; plane++) {
    for (let at = 0; at < size; at++) squares[at] += data[plane * size + at] ** 2;
  }
  return runningSums(runningSums(squares, context, 1), context, stride);
}

/** Return the sums of the values around each, so many steps before and behind it; beyond the ends there is 0. */
function runningSums(values, reach, step) {
  const sums = new Int32Array(values.length);
  for (let away = -reach; away <= reach; away++) {
    const first = Math.max(0, -away * step);
    const after = Math.min(values.length, values.length - away * step);
    for (let at = first; at < after; at++) sums[at] += values[at + away * step];
  }
  return sums;
}

/** Return which displacement leads to the patch that holds least, and how much that is. */
function plainest(planes, context, offsets, place) {
  planes.energies ??= patchEnergies(planes, context);
  let step = 0;
  for (let other = 1; other < offsets.length; other++) {
    if (planes.energies[place + offsets[other]] < planes.energies[place + offsets[step]]) step = other;
  }
  return { cost: planes.energies[place + offsets[step]], step };
}

/** Return what all pixels outside of a query's spans cost. */
function outside({ left, right }, costs, { height, width }) {
  let total = 0;
  for (let y = 0; y < height; y++) {
    const row = y * (width + 1);
    total += costs[row + width];
    if (left[y] < right[y]) total -= costs[row + right[y]] - costs[row + left[y]];
  }
  return total;
}
