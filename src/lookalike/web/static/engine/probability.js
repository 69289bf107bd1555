// Probabilities from class distances: one temperature, fitted by leaving training images out in turn
// (Python: lookalike.recognition.probability).

import { argmax, argmin, median, pairwiseSum } from "./numbers.js";

const EXPONENTS = [1, 2, 3];
const LEAST_TO_CHOOSE = 500;
const BINS = 15;
const FIXED_SHARE = 1 / 9;
const LEAST_TO_FIT = 20;
const FEW = 10;
const INVERSE = [-7, 9];
const TRIED = 33;
const FARTHEST = 1e100;

/** Return the probability of each class, the largest that of the answer. */
export function probabilities(distances, answer, { temperature, exponent }) {
  return agreeing(softmax(powers(distances, temperature, exponent)), answer);
}

function powers(distances, temperature, exponent) {
  const scaled = distances.map((distance) => Math.min(distance, FARTHEST * temperature) / temperature);
  let made = exponent === 1 ? scaled : scaled.map((value) => value * value);
  if (exponent === 3) {
    const [first, second = first] = [...scaled].sort((one, other) => one - other);
    const near = Math.max(first, second / Math.sqrt(3)) || 1;
    made = made.map((value) => value * near);
  }
  const any = distances.some(Number.isFinite);
  return made.map((value, code) => (!any || Number.isFinite(distances[code]) ? value : Infinity));
}

function softmax(values) {
  const least = Math.min(...values);
  const shares = Float64Array.from(values, (value) => Math.exp(least - value));
  const total = pairwiseSum(shares);
  return shares.map((share) => share / total);
}

/** Return the least changed shares of which the answer's is the first largest. */
function agreeing(shares, answer) {
  if (argmax(shares) === answer) return shares;
  const others = shares.filter((_, code) => code !== answer).sort().reverse();
  let total = 0;
  let level = 0;
  for (let taken = 0; taken < others.length; taken++) {
    total += others[taken];
    level = (shares[answer] + total) / (taken + 2);
    if (taken + 1 === others.length || others[taken + 1] <= level) break;
  }
  const made = shares.map((share) => Math.min(share, level));
  made[answer] = level;
  if (argmax(made) !== answer) made[answer] = nextAfter(level);
  return made;
}

/** Return the next larger number than one above 0. */
function nextAfter(value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigUint64(0, view.getBigUint64(0) + 1n);
  return view.getFloat64(0);
}

/** Return temperature and exponent by `rows` of images left out, {distances, code}, and images a class. */
export function calibrate(rows, counts) {
  const finite = rows.flatMap(({ distances }) => Array.from(distances).filter(Number.isFinite));
  let unit = finite.length ? median(finite) : 0;
  unit = unit || (finite.length ? finite.reduce((a, b) => a + b) / finite.length : 0) || 1;
  const sizes = counts.filter((count) => count > 0);
  const told = rows.filter(({ distances, code }) => Number.isFinite(distances[code]));
  const byThumb = sizes.some((size) => size === 1) || told.length < rows.length;
  if (byThumb && told.length < LEAST_TO_FIT) return { temperature: unit * FIXED_SHARE, exponent: 1, fitted: false };
  const typical = median(sizes);
  if (typical <= FEW) {
    const missed = byThumb ? 0 : 1 / (2 * typical);
    return { temperature: likeliest(told, unit) * (1 - missed), exponent: 1, fitted: !byThumb };
  }
  const right = told.filter(({ distances, code }) => argmin(distances) === code).length;
  const target = (right + 1) / (told.length + 2);
  const exponents = told.length >= LEAST_TO_CHOOSE ? EXPONENTS : EXPONENTS.slice(0, 1);
  const fits = exponents.map((exponent) => fit(told, target, unit, exponent));
  const found = fits.reduce((best, one) => (one.error < best.error ? one : best));
  return { temperature: found.temperature, exponent: found.exponent, fitted: !byThumb };
}

/** Return each image's powers of distances, over the least of them. */
function aboveLeast(rows, unit, exponent) {
  return rows.map(({ distances }) => {
    const made = Float64Array.from(powers(Array.from(distances), unit, exponent));
    const least = made.reduce((low, value) => Math.min(low, value), Infinity);
    return made.map((value) => value - least);
  });
}

/** Return the temperature that makes images' own classes likeliest, drawn to the rule of thumb. */
function likeliest(rows, unit) {
  const above = aboveLeast(rows, unit, 1);
  const own = pairwiseSum(Float64Array.from(above, (row, place) => row[rows[place].code]));
  const sharesOf = (factor) => above.map((row) => row.map((value) => Math.exp(-value * factor)));
  const loss = (inverse) => {
    const factor = Math.exp(inverse);
    const logs = Float64Array.from(sharesOf(factor), (shares) => Math.log(pairwiseSum(shares)));
    return factor * own + pairwiseSum(logs) + (inverse + Math.log(FIXED_SHARE)) ** 2;
  };
  const slope = (inverse) => {
    const factor = Math.exp(inverse);
    const expected = Float64Array.from(sharesOf(factor), (shares, place) => {
      const there = above[place].map((value, code) => (Number.isFinite(value) ? value * shares[code] : 0));
      return pairwiseSum(there) / pairwiseSum(shares);
    });
    return factor * (own - pairwiseSum(expected)) + 2 * (inverse + Math.log(FIXED_SHARE));
  };
  const [first, last] = INVERSE;
  const tried = Array.from({ length: TRIED }, (_, place) => first + ((last - first) * place) / (TRIED - 1));
  const best = argmin(tried.map(loss));
  const [low, high] = [tried[Math.max(best - 1, 0)], tried[Math.min(best + 1, TRIED - 1)]];
  const inverse = slope(low) >= 0 || slope(high) <= 0 ? tried[best] : rootOf(slope, low, high);
  return unit * Math.exp(-inverse);
}

/** Return the temperature at which the mean confidence is `target`, and the calibration error there. */
function fit(rows, target, unit, exponent) {
  const above = aboveLeast(rows, unit, exponent);
  const isRight = rows.map(({ distances, code }) => argmin(powers(Array.from(distances), unit, exponent)) === code);
  const confidence = (inverse) => {
    const factor = Math.exp(inverse);
    return Float64Array.from(above, (row) => 1 / pairwiseSum(row.map((value) => Math.exp(-value * factor))));
  };
  const excess = (inverse) => pairwiseSum(confidence(inverse)) / rows.length - target;
  const [low, high] = INVERSE;
  let inverse;
  if (excess(low) >= 0) inverse = low;
  else if (excess(high) <= 0) inverse = high;
  else inverse = rootOf(excess, low, high);
  return {
    temperature: unit * Math.exp(-inverse / exponent),
    exponent,
    error: calibrationError(confidence(inverse), isRight),
  };
}

function calibrationError(confidence, isRight) {
  const gaps = new Float64Array(BINS);
  confidence.forEach((value, row) => {
    const bin = Math.min(Math.max(Math.ceil(value * BINS) - 1, 0), BINS - 1);
    gaps[bin] += Number(isRight[row]) - value;
  });
  return gaps.reduce((total, gap) => total + Math.abs(gap), 0) / confidence.length;
}

/** Return where a function is 0, by Brent's method in the steps of SciPy's brentq. */
function rootOf(excess, low, high) {
  const [absolute, relative] = [1e-9, 8.881784197001252e-16];
  let [before, now, back] = [low, high, 0];
  let [valueBefore, valueNow, valueBack] = [excess(low), excess(high), 0];
  let [step, lastStep] = [0, 0];
  for (let turn = 0; turn < 100; turn++) {
    if (valueBefore !== 0 && valueNow !== 0 && Math.sign(valueBefore) !== Math.sign(valueNow)) {
      [back, valueBack] = [before, valueBefore];
      step = lastStep = now - before;
    }
    if (Math.abs(valueBack) < Math.abs(valueNow)) {
      [before, now, back] = [now, back, now];
      [valueBefore, valueNow, valueBack] = [valueNow, valueBack, valueNow];
    }
    const least = (absolute + relative * Math.abs(now)) / 2;
    const half = (back - now) / 2;
    if (valueNow === 0 || Math.abs(half) < least) return now;
    let next = half;
    let last = half;
    if (Math.abs(lastStep) > least && Math.abs(valueNow) < Math.abs(valueBefore)) {
      const tried = interpolated({ before, now, back, valueBefore, valueNow, valueBack });
      if (2 * Math.abs(tried) < Math.min(Math.abs(lastStep), 3 * Math.abs(half) - least)) {
        [last, next] = [step, tried];
      }
    }
    [lastStep, step] = [last, next];
    [before, valueBefore] = [now, valueNow];
    now += Math.abs(step) > least ? step : half > 0 ? least : -least;
    valueNow = excess(now);
  }
  return now;
}

/** Return the step of the secant, or of inverse quadratic interpolation. */
function interpolated({ before, now, back, valueBefore, valueNow, valueBack }) {
  if (before === back) return (-valueNow * (now - before)) / (valueNow - valueBefore);
  const one = (valueBefore - valueNow) / (before - now);
  const two = (valueBack - valueNow) / (back - now);
  return (-valueNow * (valueBack * two - valueBefore * one)) / (two * one * (valueBack - valueBefore));
}
