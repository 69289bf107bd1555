// The mean image of each class (Python: lookalike.search.averages).

import { pairwiseSum } from "./numbers.js";
import { NOWHERE, ordered } from "./matches.js";

// From so many values on Python adds in the order of its compiled loop.
const COMPILED_FROM = 2 ** 23;

export class MeanMatcher {
  keepsImages = false;

  constructor(facts, arrays) {
    this.root = facts.metric === "l2";
    this.sums = arrays.sums;
    this.counts = arrays.counts;
  }

  get codes() {
    return this.counts.map((_, code) => code);
  }

  get nClasses() {
    return this.counts.length;
  }

  /** Return a class's mean image, in 0-255. */
  mean(code) {
    const whole = this.counts[code] * 255;
    this.means ??= [];
    return (this.means[code] ??= Float64Array.from(this.sums[code], (sum) => (sum / whole) * 255));
  }

  match({ data }, k) {
    const classDistances = this.counts.map((count, code) => (count ? this.between({ data }, code) : Infinity));
    const order = ordered(classDistances).filter((code) => this.counts[code]).slice(0, k);
    return {
      places: order,
      distances: order.map((code) => classDistances[code]),
      codes: order,
      classPlaces: this.counts.map((count, code) => (count ? code : NOWHERE)),
      classDistances,
    };
  }

  /** Return how far an image is from a class's mean. */
  between({ data }, code) {
    const mean = this.mean(code);
    const costs = mean.map((value, i) => (this.root ? (data[i] - value) * (data[i] - value) : Math.abs(data[i] - value)));
    const images = this.counts.reduce((total, count) => total + count, 0);
    const total = images * data.length >= COMPILED_FROM ? sumByLanes(costs) : pairwiseSum(costs);
    return (this.root ? Math.sqrt(total / data.length) : total / data.length) / 255;
  }

  add({ data }, code) {
    const more = this.sums[code].map((sum, i) => sum + data[i]);
    this.become(changed(this.sums, code, more), changed(this.counts, code, this.counts[code] + 1));
  }

  /** Take an image out that was added. */
  subtract({ data }, code) {
    const less = this.sums[code].map((sum, i) => sum - data[i]);
    this.become(changed(this.sums, code, less), changed(this.counts, code, this.counts[code] - 1));
  }

  become(sums, counts) {
    this.sums = sums;
    this.counts = counts;
    this.means = [];
  }

  moveClasses(moved, nClasses) {
    const length = this.sums[0].length;
    const sums = Array.from({ length: nClasses }, () => new Float64Array(length));
    const counts = new Array(nClasses).fill(0);
    moved.forEach((to, from) => {
      if (to < 0) return;
      sums[to] = this.sums[from];
      counts[to] = this.counts[from];
    });
    this.become(sums, counts);
  }
}

/** Add up in eight lanes, then halve the lanes. */
function sumByLanes(values) {
  const lanes = new Float64Array(8);
  values.forEach((value, i) => (lanes[i % 8] += value));
  for (let half = 4; half; half /= 2) for (let i = 0; i < half; i++) lanes[i] += lanes[i + half];
  return lanes[0];
}

/** Return an array with another item at a place. */
function changed(items, place, item) {
  return items.map((one, at) => (at === place ? item : one));
}
