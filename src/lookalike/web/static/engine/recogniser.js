// What answers: a matcher with a preparation, labels, and what says how sure it is
// (Python: lookalike.recognition.recogniser).

import { DeformableMatcher, pairKey } from "./deformable.js";
import { allRows, rowsOfMeans, withLast, withoutOne } from "./leftout.js";
import { darkness, gray, meanOf, roughness, same, spread } from "./look.js";
import { without } from "./matches.js";
import { MeanMatcher } from "./means.js";
import { PixelMatcher } from "./pixels.js";
import { prepared } from "./prepare.js";
import { calibrate, probabilities } from "./probability.js";
import { Rejection } from "./rejection.js";
import { rowsOf } from "./store.js";
import { voted } from "./vote.js";

/** How many images are kept to calibrate a model of means by. */
const RESERVOIR = 2000;
/** Where an image spreads less before it is prepared, there is hardly anything to see. */
const EVEN = 1 / 16;
const TABLES = ["bells_down", "bells_across", "splines_down", "splines_across", "decays"];

export class Recogniser {
  /** `facts` are what the model's file says, and `array` a function that returns one of its arrays, or null. */
  constructor({ facts, array }) {
    this.labels = facts.labels;
    this.imageShape = facts.image_shape;
    this.chain = facts.prepare;
    this.look = facts.look;
    this.roughest = array("roughest")?.data[0] ?? null;
    this.vote = facts.vote;
    this.nextId = facts.next_id;
    this.ids = numbers(array("ids"));
    this.kin = array("kin") ? rowsOf(array("kin")) : null;
    this.seenShape = facts.seen_shape;
    this.matcher = matcherOf(facts, array, this.seenShape);
    this.held = heldOf(array);
    this.rows = rowsOfFile(array);
    this.fitted = facts.calibration;
  }

  /** Return a copy that can change without changing this one. */
  clone() {
    const copy = Object.assign(Object.create(Recogniser.prototype), this);
    copy.matcher = Object.assign(Object.create(Object.getPrototypeOf(this.matcher)), this.matcher);
    return copy;
  }

  get classes() {
    return this.labels.values.map(String);
  }

  /** Return how many images each class has. */
  get counts() {
    if (!this.matcher.keepsImages) return Array.from(this.matcher.counts);
    const counts = new Array(this.labels.values.length).fill(0);
    for (const code of this.matcher.codes) counts[code] += 1;
    return counts;
  }

  get voters() {
    const { voters, at_most: atMost } = this.vote;
    return atMost ? Math.min(voters, this.matcher.codes.length) : voters;
  }

  /** Return what the matcher is given of an image. */
  seen(image) {
    const wanted = this.imageShape;
    const channels = wanted[2] ?? 1;
    if (image.height !== wanted[0] || image.width !== wanted[1] || image.channels !== channels) {
      const is = `${image.width} x ${image.height} pixels of ${image.channels}`;
      throw new Error(`the image is ${is} channels: expected ${wanted[1]} x ${wanted[0]} of ${channels}`);
    }
    return prepared(image, this.chain);
  }

  /** Return all that one search says of an image: the answer, its probabilities, and what is nearest. */
  assess(image, { alpha = 0.05, k = 1 } = {}) {
    const seen = this.seen(image);
    const matches = this.matcher.match(seen, Math.max(k, this.voters));
    const { code, distance } = voted(matches, { ...this.vote, voters: this.voters });
    const { classDistances } = matches;
    const vague = this.look !== null && spread(seen) < this.rejection.blankBelow;
    const blank = vague && spread(gray(image)) < EVEN;
    const unlike = vague || this.isUnlike(image);
    const allowed = unlike ? classDistances.map(() => false) : this.rejection.allowed(classDistances, alpha);
    return {
      seen,
      matches,
      code,
      distance,
      probabilities: Array.from(probabilities(classDistances, code, this.calibration)),
      pValues: this.rejection.pValues(classDistances, alpha),
      rejected: !allowed.some(Boolean),
      blank,
    };
  }

  /** Return whether an image looks like no training image: paper and ink exchanged, or as rough as noise. */
  isUnlike(image) {
    if (this.look === null) return false;
    const [, , light, dark] = this.look;
    const forgets = this.matcher.comparison?.planes === "double-angle";
    if (!(light && dark) && !forgets && darkness(gray(image)) * Math.sign(light - dark) > 0) return true;
    if (this.roughest === null) return false;
    return roughness(image) > Math.max(this.roughest, (1 + this.roughest) / 2);
  }

  get leftOut() {
    this.rows ??= this.held ? rowsOfMeans(this.matcher, this.held, this.seenShape) : allRows(this);
    return this.rows;
  }

  get calibration() {
    this.fitted ??= calibrate(this.leftOut, this.counts);
    return this.fitted;
  }

  get rejection() {
    this.rejecting ??= new Rejection(this.leftOut, this.counts);
    return this.rejecting;
  }

  /** Return a class's mean image in 0-255, or null without images. */
  meanImage(code) {
    const { matcher } = this;
    if (!matcher.keepsImages) return matcher.counts[code] ? matcher.mean(code) : null;
    this.means ??= new Map();
    if (!this.means.has(code)) {
      const own = matcher.images.filter((_, place) => matcher.codes[place] === code);
      this.means.set(code, own.length ? meanOf(own) : null);
    }
    return this.means.get(code);
  }

  /** Learn an image of a class, which may be new, and return its id. */
  teach(image, label) {
    const seen = this.seen(image);
    const code = this.codeOf(label);
    this.matcher.add(seen, code);
    this.learnLook(image);
    const id = this.nextId;
    this.nextId += 1;
    if (this.held) {
      this.held = [...this.held, { data: seen.data, code }].slice(-RESERVOIR);
      this.rows = null;
    } else {
      this.ids = [...this.ids, id];
      this.kin = this.kin && [...this.kin, [0n, 0n]];
      this.rows = this.rows && withLast(this, this.rows);
    }
    this.changed();
    return id;
  }

  /** Forget a kept image; a class that was taught goes with its last image. */
  forget(id) {
    const { seen } = this.kept(id);
    if (this.ids.length === 1) throw new Error("the last image cannot be forgotten");
    const place = this.ids.indexOf(id);
    const code = this.matcher.codes[place];
    this.matcher.remove(place);
    this.ids = this.ids.filter((one) => one !== id);
    this.kin = this.kin && this.kin.filter((_, at) => at !== place);
    this.rows = this.rows && withoutOne(this, this.rows, id, seen, code);
    this.dropEmpty(code);
    this.changed();
  }

  /** Let go of a class that was taught and has no image left. */
  dropEmpty(code) {
    const { values, taught } = this.labels;
    if (!taught[code] || this.counts[code]) return;
    this.relabel(without(values, code), without(taught, code));
  }

  /** Return what is kept by a number: {seen, label}. */
  kept(id) {
    const place = this.ids?.indexOf(id) ?? -1;
    if (place < 0) throw new Error(`no image has the number ${id}`);
    const [height, width, channels = 1] = this.seenShape;
    const { images, codes } = this.matcher;
    return { seen: { width, height, channels, data: images[place] }, label: this.classes[codes[place]] };
  }

  /** Take an image out of the means, which was prepared as they compare it. */
  unlearn(seen, label) {
    const code = this.classes.indexOf(label);
    this.matcher.subtract(seen, code);
    const at = this.held.findIndex((one) => one.code === code && same(one.data, seen.data));
    this.held = without(this.held, at);
    this.rows = null;
    this.dropEmpty(code);
    this.changed();
  }

  /** Forget everything: what is taught first is the first that it knows. */
  empty() {
    const shape = this.matcher.shape;
    Object.assign(this.matcher, { images: [], codes: [], serials: [], nClasses: 0, factors: null });
    Object.assign(this.matcher, { plain: new Map(), rests: new Map() });
    Object.assign(this, { ids: [], nextId: 0, kin: null, rows: [], look: [0, 0, 0, 0, 0, 0, 0, 0], roughest: 0 });
    this.labels = { dtype: "object", values: [], taught: [] };
    this.seenShape = shape;
    this.changed();
  }

  changed() {
    this.fitted = null;
    this.rejecting = null;
    this.means = null;
  }

  learnLook(image) {
    if (this.look === null) return;
    const darker = darkness(gray(image));
    const [images, blank, light, dark, ...ends] = this.look;
    this.look = [images + 1, blank, light + Number(darker < 0), dark + Number(darker > 0), ...ends];
    if (this.roughest !== null) this.roughest = Math.max(this.roughest, roughness(image));
  }

  /** Return the place of a label's class, after making one where it is new. */
  codeOf(text) {
    const label = String(text).normalize("NFC").trim();
    if (!label) throw new Error("a class needs a name");
    if (!this.classes.includes(label)) {
      const { values, taught } = this.labels;
      this.relabel([...values, label], [...taught, true]);
    }
    return this.classes.indexOf(label);
  }

  /** Have labels, in their order. */
  relabel(given, marks) {
    const before = this.classes;
    const values = faced(given, this.labels.dtype);
    const taught = new Map(values.map((value, at) => [value, marks[at]]));
    values.sort(inOrder);
    const after = values.map(String);
    const moved = before.map((label) => after.indexOf(label));
    this.matcher.moveClasses(moved, values.length);
    this.rows &&= this.rows.map((row) => {
      const distances = new Array(values.length).fill(Infinity);
      moved.forEach((to, from) => to >= 0 && (distances[to] = row.distances[from]));
      return { ...row, code: moved[row.code], distances };
    });
    this.held &&= this.held.map(({ data, code }) => ({ data, code: moved[code] }));
    this.labels = { ...this.labels, values, taught: values.map((value) => taught.get(value)) };
  }
}

function matcherOf(facts, array, shape) {
  const rows = (name) => (array(`matcher.${name}`) ? rowsOf(array(`matcher.${name}`)) : null);
  if (facts.matcher.class_sums) {
    const sums = rows("class_sums.sums");
    return new MeanMatcher(facts.matcher, { sums, counts: numbers(array("matcher.class_sums.counts")) });
  }
  const arrays = { images: rows("images"), codes: numbers(array("matcher.codes")) };
  if (!facts.matcher.comparison) return new PixelMatcher(facts.matcher, arrays, shape);
  const tables = Object.fromEntries(TABLES.map((name) => [name, array(`tables.${name}`)?.data]));
  const { symmetric } = facts.matcher.comparison;
  return new DeformableMatcher(
    facts.matcher,
    {
      ...arrays,
      descriptions: rows("descriptions"),
      hubness_factors: numbers(array("matcher.hubness_factors")),
      plain_pairs: pairsOf(array, "plain", symmetric),
      rest_pairs: pairsOf(array, "rest", symmetric),
    },
    shape,
    tables,
  );
}

/** Return what is remembered of pairs: [key, sum] of each. */
function pairsOf(array, name, symmetric) {
  if (!array(`pairs.${name}.sums`)) return [];
  const places = rowsOf(array(`pairs.${name}.places`));
  const sums = array(`pairs.${name}.sums`).data;
  return places.map(([one, other], at) => [pairKey(one, other, symmetric), sums[at]]);
}

function heldOf(array) {
  if (!array("reservoir.images")) return null;
  const codes = array("reservoir.codes").data;
  return rowsOf(array("reservoir.images")).map((data, at) => ({ data, code: codes[at] }));
}

function rowsOfFile(array) {
  const distances = rowsOf(array("known_left_out.distances"));
  const codes = array("known_left_out.codes").data;
  const spreads = array("known_left_out.spreads").data;
  const groups = array("known_left_out.groups")?.data;
  const judged = array("judged")?.data;
  return distances.map((row, at) => ({
    id: judged?.[at],
    code: codes[at],
    distances: Array.from(row),
    spread: spreads[at],
    group: groups?.[at] || null,
  }));
}

function numbers(array) {
  return array && Array.from(array.data);
}

/** Return labels as they are together: of a model that was fitted on numbers, texts where one is no number. */
function faced(values, dtype) {
  const texts = values.map(String);
  if (!/[iu]\d$/.test(dtype)) return [...values];
  return texts.every((text) => /^(0|-?[1-9]\d{0,14})$/.test(text)) ? texts.map(Number) : texts;
}

/** Order labels as Python does: numbers by value, texts by their code points. */
function inOrder(one, other) {
  if (typeof one === "number") return one - other;
  const [first, second] = [Array.from(one), Array.from(other)];
  const at = first.findIndex((letter, place) => letter !== second[place]);
  if (at < 0) return first.length - second.length;
  return at < second.length ? first[at].codePointAt(0) - second[at].codePointAt(0) : 1;
}

