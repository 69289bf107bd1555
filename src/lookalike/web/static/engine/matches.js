// What one search finds (Python: lookalike.search.matches): the nearest of all, and the nearest of each class.

/** The place of what is not there. */
export const NOWHERE = -1;

/**
 * Collects the `k` nearest of all that is kept and the nearest of each class, by a sum of whole numbers: equal
 * ones by the lowest place, in whatever order they are offered.
 */
export class Nearest {
  constructor(k, nClasses) {
    this.k = k;
    this.sums = [];
    this.places = [];
    this.classSums = new Array(nClasses).fill(Infinity);
    this.classPlaces = new Array(nClasses).fill(NOWHERE);
  }

  /** Return the largest sum that would still change anything for an image of a class. */
  limit(code) {
    const last = this.sums.length < this.k ? Infinity : this.sums[this.k - 1];
    return Math.max(last, this.classSums[code]);
  }

  /** Offer what stands for its class alone. */
  offerToClass(sum, place, code) {
    const best = this.classSums[code];
    if (sum < best || (sum === best && sum < Infinity && place < this.classPlaces[code])) {
      this.classSums[code] = sum;
      this.classPlaces[code] = place;
    }
  }

  offer(sum, place, code) {
    if (sum === Infinity) return;
    this.offerToClass(sum, place, code);
    let at = this.sums.length;
    while (at > 0 && (sum < this.sums[at - 1] || (sum === this.sums[at - 1] && place < this.places[at - 1]))) at--;
    if (at >= this.k) return;
    this.sums.splice(at, 0, sum);
    this.places.splice(at, 0, place);
    this.sums.length = this.places.length = Math.min(this.sums.length, this.k);
  }

  /** Return what was found, with `distance` of each sum and the class of each place. */
  matches(distance, codes) {
    return {
      places: this.places,
      distances: this.sums.map(distance),
      codes: this.places.map((place) => codes[place]),
      classPlaces: this.classPlaces,
      classDistances: this.classSums.map((sum) => (sum === Infinity ? Infinity : distance(sum))),
    };
  }
}

/** Return places from 0 on in the order of their values, equal ones by place. */
export function ordered(values) {
  return Array.from(values.keys()).sort((a, b) => values[a] - values[b] || a - b);
}

/** Return an array without the item at a place. */
export function without(items, place) {
  return items.filter((_, at) => at !== place);
}
