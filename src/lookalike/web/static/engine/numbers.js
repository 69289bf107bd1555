// Arithmetic as NumPy does it: the same roundings and the same order of additions, so that answers are the same.

/** Round to the nearest whole number, halves to even; for numbers below 2^51. */
export function rint(value) {
  return value + 6755399441055744 - 6755399441055744;
}

export function clip(value, low, high) {
  return value < low ? low : value > high ? high : value;
}

/** Add up `count` numbers from `start` on, in the order of NumPy's pairwise summation. */
export function pairwiseSum(values, start = 0, count = values.length) {
  if (count < 8) {
    let total = 0;
    for (let i = 0; i < count; i++) total += values[start + i];
    return total;
  }
  if (count > 128) {
    const half = Math.floor(count / 2);
    const first = half - (half % 8);
    return pairwiseSum(values, start, first) + pairwiseSum(values, start + first, count - first);
  }
  const lanes = values.slice(start, start + 8);
  let i = 8;
  for (; i < count - (count % 8); i += 8) {
    for (let lane = 0; lane < 8; lane++) lanes[lane] += values[start + i + lane];
  }
  let total = lanes[0] + lanes[1] + (lanes[2] + lanes[3]) + (lanes[4] + lanes[5] + (lanes[6] + lanes[7]));
  for (; i < count; i++) total += values[start + i];
  return total;
}

/** Return the median of finite numbers, as NumPy does; NaN of none. */
export function median(values) {
  const ordered = Float64Array.from(values).sort();
  const middle = ordered.length >> 1;
  return ordered.length % 2 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}

/** Return how many of ascending numbers are below a value (NumPy's searchsorted). */
export function countBelow(ordered, value) {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ordered[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return the place of the first smallest number. */
export function argmin(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] < values[best]) best = i;
  return best;
}

/** Return the place of the first largest number. */
export function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** Return the weights of a Gaussian, cut and adding up to 1. */
export function bell(sigma, reach) {
  const factor = -0.5 / (sigma * sigma);
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(factor * (i - reach) ** 2));
  const total = pairwiseSum(weights);
  return weights.map((weight) => weight / total);
}

/**
 * Blur lines along one axis of `values` (h, w), from outside inwards, as SciPy adds.
 * `beyond(place, length)` says which line stands for one that is not there.
 */
export function blurLines(values, height, width, weights, beyond) {
  const down = blurAlong(values, height, width, width, 1, weights, beyond);
  return blurAlong(down, width, height, 1, width, weights, beyond);
}

function blurAlong(values, length, others, step, between, weights, beyond) {
  const reach = weights.length >> 1;
  const out = new Float64Array(values.length);
  for (let line = 0; line < length; line++) {
    for (let other = 0; other < others; other++) {
      const at = other * between;
      let total = weights[reach] * values[line * step + at];
      for (let away = reach; away > 0; away--) {
        const before = values[beyond(line - away, length) * step + at];
        const after = values[beyond(line + away, length) * step + at];
        total += (before + after) * weights[reach - away];
      }
      out[line * step + at] = total;
    }
  }
  return out;
}

/** Beyond the border the nearest line is repeated. */
export function repeated(place, length) {
  return clip(place, 0, length - 1);
}

/** Beyond the border lines are mirrored, the last one with them. */
export function mirrored(place, length) {
  const at = ((place % (2 * length)) + 2 * length) % (2 * length);
  return at < length ? at : 2 * length - 1 - at;
}
