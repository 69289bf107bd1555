// Every training image is kept and compared pixel by pixel, in whole numbers (Python: lookalike.search.pixels).

import { Nearest, without } from "./matches.js";

export class PixelMatcher {
  keepsImages = true;

  constructor(facts, arrays, shape) {
    this.shape = shape;
    this.root = facts.metric === "l2";
    this.nClasses = facts.n_classes;
    this.images = arrays.images;
    this.codes = arrays.codes;
  }

  /** Return the `k` nearest, and the nearest of each class; `isOut(place)` says what is left out. */
  match({ data }, k, isOut = () => false) {
    const found = new Nearest(k, this.nClasses);
    const distance = (sum) => this.distance(sum, data.length);
    for (let place = 0; place < this.codes.length; place++) {
      if (isOut(place)) continue;
      const code = this.codes[place];
      found.offer(this.sum(data, this.images[place], found.limit(code)), place, code);
    }
    return found.matches(distance, this.codes);
  }

  /** Return how far an image is from one that is kept. */
  between({ data }, place) {
    return this.distance(this.sum(data, this.images[place], Infinity), data.length);
  }

  distance(sum, count) {
    return (this.root ? Math.sqrt(sum / count) : sum / count) / 255;
  }

  /** Return the sum of differences, or infinity where it is above a limit. */
  sum(one, other, limit) {
    let total = 0;
    for (let start = 0; start < one.length; start += 64) {
      const stop = Math.min(start + 64, one.length);
      if (this.root) {
        for (let i = start; i < stop; i++) total += (one[i] - other[i]) * (one[i] - other[i]);
      } else {
        for (let i = start; i < stop; i++) total += Math.abs(one[i] - other[i]);
      }
      if (total > limit) return Infinity;
    }
    return total;
  }

  add(image, code) {
    this.images = [...this.images, image.data];
    this.codes = [...this.codes, code];
  }

  remove(place) {
    this.images = without(this.images, place);
    this.codes = without(this.codes, place);
  }

  moveClasses(moved, nClasses) {
    this.codes = this.codes.map((code) => moved[code]);
    this.nClasses = nClasses;
  }
}
