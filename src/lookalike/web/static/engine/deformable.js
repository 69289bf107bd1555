// The nearest training images after pixels may move a little, and after alignment where that was chosen
// (Python: lookalike.search.deformable.matcher).

import { Alignment, throughAlignment } from "./alignment.js";
import { Deformation } from "./deformation.js";
import { describe } from "./descriptions.js";
import { factorsOf } from "./hubness.js";
import { grayImage } from "./look.js";
import { NOWHERE, Nearest, ordered, without } from "./matches.js";
import { UNITS, planesOf, sharpPlanesOf } from "./planes.js";

// Up to so many images all are compared with, and above it so many candidates.
const COMPARE_ALL = 1000;
const CANDIDATES = 100;
// So many of the nearest are aligned, and the nearest of so many classes.
const SHORT_LIST = 30;
const SHORT_CLASSES = 50;
// How often the distance of aligned images counts; what a typical image counts under hubness correction.
const ALIGNED_WEIGHT = 2;
const PARTS = 4096;

export class DeformableMatcher {
  keepsImages = true;
  root = true;

  constructor(facts, arrays, shape, tables) {
    this.comparison = facts.comparison;
    this.wanted = facts.candidates_wanted;
    this.voters = facts.voters;
    this.nClasses = facts.n_classes;
    this.shape = shape;
    this.images = arrays.images;
    this.codes = arrays.codes;
    this.descriptions = arrays.descriptions ?? null;
    this.factors = arrays.hubness_factors ?? null;
    this.serials = this.codes.map((_, place) => place);
    // Shared by all copies: what one of them was taught and another was not has a number of its own.
    this.counter = { next: this.codes.length };
    this.plain = new Map(arrays.plain_pairs ?? []);
    this.rests = new Map(arrays.rest_pairs ?? []);
    this.alignment = this.comparison.aligned ? new Alignment(shape[0], shape[1], tables) : null;
    this.made = new WeakMap();
  }

  /** Return how many images each query is compared with. */
  get candidates() {
    const n = this.codes.length;
    return Math.min(Math.max(this.wanted ?? (n <= COMPARE_ALL ? n : CANDIDATES), this.voters), n);
  }

  /** Return what the comparison sees of an image: made when it is asked for. */
  seen(image) {
    const { comparison, alignment } = this;
    const made = { image };
    const lazily = (name, make) =>
      Object.defineProperty(made, name, { configurable: true, get: () => kept(made, name, make()) });
    lazily("planes", () => planesOf(image, comparison));
    lazily("description", () => describe(image, comparison));
    if (alignment) {
      lazily("sharp", () => sharpPlanesOf(image, comparison));
      lazily("levels", () => alignment.levels(image.data));
    }
    return made;
  }

  /** Return what the comparison sees of a kept image. */
  kept(place) {
    const data = this.images[place];
    if (!this.made.has(data)) this.made.set(data, this.seen(this.image(place)));
    return this.made.get(data);
  }

  image(place) {
    const [height, width, channels = 1] = this.shape;
    return { ...grayImage(width, height, this.images[place]), channels };
  }

  /** Return the `k` nearest, and the nearest of each class; `isOut(place)` says what is left out. */
  match(image, k, isOut = () => false, own = null) {
    const query = own === null ? this.seen(image) : this.kept(own);
    const { chosen, first } = this.chosen(query, isOut);
    const most = Math.min(k, first);
    const plain = (place, limit) =>
      own === null ? this.asItIs(query, this.kept(place), limit) : this.plainOf(own, place);
    const factors = this.comparison.hubness ? this.factorsWithout(isOut, own) : null;
    if (this.comparison.aligned) {
      const rest = (place) => (own === null ? this.rest(query, this.kept(place)) : this.restOf(own, place));
      return this.aligned(chosen, first, most, plain, rest, factors);
    }
    const found = new Nearest(most, this.nClasses);
    const order = ordered(chosen.map((place) => this.atFirst(query.image, place))).map((at) => chosen[at]);
    const among = new Set(chosen.slice(0, first));
    for (const place of order) {
      const factor = factors ? factors[place] : 1;
      const sum = plain(place, found.limit(this.codes[place]) / factor) * factor;
      if (among.has(place)) found.offer(sum, place, this.codes[place]);
      else found.offerToClass(sum, place, this.codes[place]);
    }
    return found.matches((sum) => this.distance(sum), this.codes);
  }

  /** Return how far an image is from one that is kept, where that depends on nothing else. */
  between(image, place) {
    return this.distance(this.asItIs(this.seen(image), this.kept(place)));
  }

  /** Return a number by which images that are nearer come sooner: the order changes no answer. */
  atFirst({ data }, place) {
    const other = this.images[place];
    let total = 0;
    for (let i = 0; i < data.length; i++) total += (data[i] - other[i]) * (data[i] - other[i]);
    return total;
  }

  /** Return what a query is compared with: candidates, `first` of them, and what stands for other classes. */
  chosen(query, isOut) {
    const places = this.codes.map((_, place) => place).filter((place) => !isOut(place));
    const count = this.candidates;
    if (count >= this.codes.length) return { chosen: places, first: places.length };
    const found = new Nearest(count, this.nClasses);
    for (const place of places) {
      const code = this.codes[place];
      const limit = found.limit(code);
      found.offer(squares(query.description, this.descriptionOf(place), limit), place, code);
    }
    const among = new Set(found.places);
    const others = found.classPlaces.filter((place) => place !== NOWHERE && !among.has(place));
    return { chosen: [...found.places, ...others], first: found.places.length };
  }

  descriptionOf(place) {
    return this.descriptions ? this.descriptions[place] : this.kept(place).description;
  }

  /** Return what is nearest where the nearest of `chosen` are aligned. */
  aligned(chosen, first, k, plain, rest, factors) {
    const sums = new Map(chosen.map((place) => [place, plain(place, Infinity)]));
    const short = new Nearest(SHORT_LIST, this.nClasses);
    chosen.forEach((place, at) => {
      if (at < first) short.offer(sums.get(place), place, this.codes[place]);
      else short.offerToClass(sums.get(place), place, this.codes[place]);
    });
    const ranked = ordered(short.classSums).slice(0, SHORT_CLASSES);
    const stand = ranked.map((code) => short.classPlaces[code]).filter((place) => place !== NOWHERE);
    const whole = new Map();
    for (const place of [...short.places, ...stand]) {
      const factor = factors ? factors[place] : 1;
      whole.set(place, (sums.get(place) + ALIGNED_WEIGHT * rest(place)) * factor);
    }
    // What is not aligned is as far as if alignment had changed nothing, and farther than what is.
    const last = Math.max(0, ...whole.values());
    const found = new Nearest(k, this.nClasses);
    for (const place of chosen) {
      const asItIs = sums.get(place) * (1 + ALIGNED_WEIGHT) * (factors ? factors[place] : 1);
      found.offer(whole.get(place) ?? Math.max(asItIs, last + 1), place, this.codes[place]);
    }
    return found.matches((sum) => this.distance(sum), this.codes);
  }

  /** Return how far two images are apart as they are, or infinity where it is above a limit. */
  asItIs(one, other, limit = Infinity) {
    return this.bothWays(one.planes, other.planes, this.comparison.warp, limit);
  }

  bothWays(one, other, warp, limit) {
    const deformation = this.deformation(warp, one);
    const forth = deformation.distance(one, other, limit);
    if (!this.comparison.symmetric || forth === Infinity) return forth;
    return forth + deformation.distance(other, one, limit - forth);
  }

  deformation(warp, planes) {
    const name = warp.join();
    this.deformations ??= {};
    return (this.deformations[name] ??= new Deformation({ warp, context: this.comparison.context }, planes));
  }

  /** Return what still differs of two images after alignment. */
  rest(one, other) {
    const forth = this.restOneWay(one, other);
    return this.comparison.symmetric ? forth + this.restOneWay(other, one) : forth;
  }

  restOneWay(fixed, moving) {
    const sharp = this.bent(fixed, moving);
    return this.deformation(this.restWarp, sharp).distance(fixed.sharp, sharp);
  }

  bent(fixed, moving) {
    const { width, height, data } = moving.image;
    const bent = this.alignment.aligned(fixed.levels, moving.levels, data);
    return sharpPlanesOf(grayImage(width, height, bent), this.comparison);
  }

  /** How far the pixels of aligned images may still move. */
  get restWarp() {
    return this.comparison.warp.map((reach) => Math.ceil(reach / 3));
  }

  // Pairs of kept images, remembered by numbers that no other image ever has.

  plainOf(place, other) {
    return this.remembered(this.plain, place, other, () => this.asItIs(this.kept(place), this.kept(other)));
  }

  restOf(place, other) {
    return this.remembered(this.rests, place, other, () => this.rest(this.kept(place), this.kept(other)));
  }

  remembered(pairs, place, other, measure) {
    const key = pairKey(this.serials[place], this.serials[other], this.comparison.symmetric);
    if (!pairs.has(key)) pairs.set(key, measure());
    return pairs.get(key);
  }

  /** Return the factors of hubness, as they would be without what is left out. */
  factorsWithout(isOut, own) {
    if (own !== null) return factorsOf(this, isOut);
    this.factors ??= factorsOf(this, () => false);
    return this.factors;
  }

  /** Return a sum of squares as a root mean square, where a step from black to white is 1. */
  distance(sum) {
    const { planes, context, symmetric, aligned, hubness } = this.comparison;
    const [height, width, channels = 1] = this.shape;
    let nPlanes = planes === "values" ? channels : 2 * channels;
    if (aligned) nPlanes *= 1 + ALIGNED_WEIGHT;
    const count = height * width * (2 * context + 1) ** 2 * nPlanes * (1 + symmetric) * (hubness ? PARTS : 1);
    return Math.sqrt(sum / count) / UNITS[planes];
  }

  /** Return where each pixel of an image was found in a kept one: {down, across}, each (h, w). */
  field(image, place) {
    const [one, other] = [this.seen(image), this.kept(place)];
    const { warp } = this.comparison;
    if (!this.alignment) return this.deformation(warp, one.planes).field(one.planes, other.planes);
    const sharp = this.bent(one, other);
    const found = this.deformation(this.restWarp, sharp).field(one.sharp, sharp);
    return throughAlignment(found, this.alignment.places, image.height, image.width);
  }

  add({ data }, code) {
    this.images = [...this.images, data];
    this.codes = [...this.codes, code];
    this.serials = [...this.serials, this.counter.next++];
    this.factors = null;
    if (this.descriptions) {
      this.descriptions = [...this.descriptions, this.kept(this.codes.length - 1).description];
    }
  }

  remove(place) {
    for (const name of ["images", "codes", "serials", "descriptions"]) {
      if (this[name]) this[name] = without(this[name], place);
    }
    this.factors = null;
  }

  moveClasses(moved, nClasses) {
    this.codes = this.codes.map((code) => moved[code]);
    this.nClasses = nClasses;
  }
}

/** Return the number that a pair of serial numbers has. */
export function pairKey(one, other, symmetric) {
  const [first, second] = symmetric && other < one ? [other, one] : [one, other];
  return first * 2 ** 26 + second;
}

function kept(made, name, value) {
  Object.defineProperty(made, name, { value });
  return value;
}

function squares(one, other, limit) {
  let total = 0;
  for (let i = 0; i < one.length; i++) total += (one[i] - other[i]) * (one[i] - other[i]);
  return total > limit ? Infinity : total;
}

