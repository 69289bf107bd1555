// Answering "none of these": which classes an image may be of (Python: lookalike.recognition.rejection).

import { countBelow, median } from "./numbers.js";

const SCORES = 2;
const LEAST_OF_CLASS = 39;
const LEAST_OF_ALL = 9;
const BLANK_SHARE = 0.5;

export class Rejection {
  /** `rows` are images left out, {distances, code, spread, group}; `counts` how many images each class has. */
  constructor(rows, counts) {
    const scored = rows.map((row) => {
      const { distance, ratio } = scoresOf(row.distances);
      return { ...row, scores: [distance[row.code], ratio[row.code]] };
    });
    const told = scored.filter(({ scores }) => Number.isFinite(scores[0]));
    this.present = counts.map((count) => count > 0);
    this.ofClass = counts.map((_, code) => known(told.filter((row) => row.code === code)));
    this.ofAll = known(told);
    this.few = Math.min(...this.ofClass.filter((_, code) => this.present[code]).map(({ n }) => n));
    this.untold = counts.map(
      (_, code) => rows.some((row) => row.code === code) && !told.some((row) => row.code === code),
    );
    const [largest, ratio] = [0, 1].map((score) => told.reduce((most, { scores }) => Math.max(most, scores[score]), 0));
    const between = Math.max(largest, betweenClasses(rows));
    const wide = this.untold.map((alone) => alone || this.ofAll.n < LEAST_OF_ALL);
    this.limits = wide.map((is) => (is ? [between, 1] : [largest, Math.max(ratio, 1)]));
    this.blankBelow = rows.reduce((least, { spread }) => Math.min(least, spread), Infinity) * BLANK_SHARE;
  }

  /** Return what a level rests on: "each class", "all classes" or "rule of thumb". */
  basis(level) {
    const needed = neededFor(level);
    if (this.few >= Math.max(needed, LEAST_OF_CLASS)) return "each class";
    return this.ofAll.n >= Math.max(needed, LEAST_OF_ALL) ? "all classes" : "rule of thumb";
  }

  /** Return which classes a level allows. */
  allowed(distances, level) {
    const kind = this.basis(level);
    const { distance, ratio } = scoresOf(distances);
    const values = kind === "rule of thumb" ? null : this.values(distance, ratio, kind);
    return distances.map((one, code) => {
      if (!Number.isFinite(one) || !this.present[code]) return false;
      if (values && !this.untold[code]) return values[code] > level;
      return distance[code] <= this.limits[code][0] && ratio[code] <= this.limits[code][1];
    });
  }

  /** Return the p-value of each class; null by rule of thumb. */
  pValues(distances, level) {
    const kind = this.basis(level);
    if (kind === "rule of thumb") return distances.map(() => null);
    const { distance, ratio } = scoresOf(distances);
    const values = this.values(distance, ratio, kind);
    return values.map((value, code) => {
      if (this.untold[code]) return null;
      return Number.isFinite(distances[code]) && this.present[code] ? value : 0;
    });
  }

  values(distance, ratio, kind) {
    return distance.map((_, code) => {
      if (!this.present[code]) return 0;
      const own = this.ofClass[code];
      const value = kind === "all classes" ? pValue(distance[code], ratio[code], this.ofAll) : 0;
      if (this.few < LEAST_OF_CLASS) return value;
      const alone = pValue(distance[code], ratio[code], own);
      return kind === "each class" || alone > SCORES / (own.n + 1) ? Math.max(value, alone) : value;
    });
  }
}

/** Return the scores, ascending, of images whose classes are known, and the p-values of what is as large. */
function known(rows) {
  const sizes = new Map();
  for (const { group } of rows) if (group !== null) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const n = sizes.size + rows.filter(({ group }) => group === null).length;
  const weight = ({ group }) => (group === null ? 1 : 1 / sizes.get(group));
  const scores = [];
  const pValues = [];
  for (let score = 0; score < SCORES; score++) {
    const order = rows.slice().sort((a, b) => a.scores[score] - b.scores[score]);
    const larger = new Float64Array(order.length + 1);
    for (let i = order.length - 1; i >= 0; i--) larger[i] = larger[i + 1] + weight(order[i]);
    scores.push(Float64Array.from(order, (row) => row.scores[score]));
    pValues.push(larger.map((share) => SCORES * ((1 + share) / (n + 1))));
  }
  return { scores, pValues, n };
}

function pValue(distance, ratio, { scores, pValues }) {
  return Math.min(pValues[0][countBelow(scores[0], distance)], pValues[1][countBelow(scores[1], ratio)]);
}

/** Return the distance to each class, and its ratio to that of the nearest other class. */
function scoresOf(distances) {
  const distance = Array.from(distances);
  if (distance.length === 1) return { distance, ratio: [0] };
  const nearest = distance.indexOf(Math.min(...distance));
  const [first, second] = distance.slice().sort((a, b) => a - b);
  const ratio = distance.map((one, code) => {
    const other = code === nearest ? second : first;
    if (!Number.isFinite(one)) return Infinity;
    if (other > 0) return one / other;
    return one > 0 ? Infinity : 1;
  });
  return { distance, ratio };
}

/** Return the median distance of images to other classes than their own; infinite where there is none. */
function betweenClasses(rows) {
  const others = rows.flatMap(({ distances, code }) =>
    Array.from(distances).filter((distance, other) => other !== code && Number.isFinite(distance)),
  );
  return others.length ? median(others) : Infinity;
}

/** Return how many examples it takes for a p-value of at most a level. */
function neededFor(level) {
  const count = Math.trunc(SCORES / level) - 1;
  return count + Number(SCORES / (count + 1) > level);
}
