// The page's backend without a server: answers by the model in the page, and keeps what it is taught in the
// browser. It has the methods of remote.js.

import { evidenceOf } from "./engine/evidence.js";
import { argmin } from "./engine/numbers.js";
import { probabilities } from "./engine/probability.js";
import { Recogniser } from "./engine/recogniser.js";
import { unpacked } from "./engine/store.js";
import { Memory } from "./memory.js";

const LEVEL = 0.05;
const NEAREST = 8;
const MOST_UNDONE = 100;
const MOST_OF_CELL = 50;
const MOST_MISTAKES = 100;

/** Return the backend of the model in this page. */
export async function connect() {
  const text = document.getElementById("lookalike-model").textContent;
  const bundle = await unpacked(text);
  const memory = new Memory(bundle.about.name, text);
  const models = new Map();
  const add = (name, states, ink) => models.set(name, new OfflineModel(name, states, ink, bundle.array));
  add(bundle.about.name, bundle.about.ideas, bundle.about.ink);
  for (const [name, entries] of memory.entries()) {
    if (!models.has(name)) add(name, [emptyIdea(bundle)], {});
    for (const entry of entries) models.get(name).change(entry);
  }
  const backend = new OfflineBackend(models, memory, (name) => add(name, [emptyIdea(bundle)], {}));
  // For whoever opens the console: await lookalike.answer({ width, height, channels, data })
  globalThis.lookalike = backend;
  return backend;
}

function emptyIdea({ about }) {
  return { name: "deformable", title: "deformable match", isEmpty: true, ...about.empty };
}

class OfflineBackend {
  has = { queue: false, create: true, offline: true };

  constructor(models, memory, begin) {
    Object.assign(this, { all: models, memory, begin });
  }

  /** What becomes of what is taught: a sentence. */
  get keeps() {
    return this.memory.sentence;
  }

  model(name) {
    const found = name === undefined ? this.all.values().next().value : this.all.get(name);
    if (!found) throw new Error(`there is no model called ${name}`);
    return found;
  }

  async models() {
    return Array.from(this.all.values(), (model) => model.info());
  }

  async answer(image, { model, idea } = {}) {
    return this.model(model).answer(own(image), idea);
  }

  async explain(image, { model, idea } = {}) {
    return this.model(model).explain(own(image), idea);
  }

  async teach(image, label, { model } = {}) {
    const found = this.model(model);
    const done = found.change({ kind: "teach", label, image: own(image) });
    this.memory.keep(found.name, found.entries);
    const message = `taught as ${done.label}; ${this.keeps}`;
    return { ...done, classes: found.classes, message };
  }

  async undo({ model } = {}) {
    const found = this.model(model);
    const undone = found.undo();
    this.memory.keep(found.name, found.entries);
    return { entry: undone, undone, message: "taken back" };
  }

  async forget(id, { model } = {}) {
    const found = this.model(model);
    const { entry } = found.change({ kind: "forget", id });
    this.memory.keep(found.name, found.entries);
    return { entry, message: `image ${id} is forgotten` };
  }

  async create(name) {
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/.test(name)) {
      throw new Error("a name has up to 40 letters, digits, - and _");
    }
    if (this.all.has(name)) throw new Error(`there is a model called ${name}`);
    this.begin(name);
    this.memory.keep(name, []);
    return this.model(name).info();
  }

  async dataset({ model, ...which } = {}) {
    return this.model(model).dataset(which);
  }
}

/** A model in the page, with the ideas that may be asked, and all that it was taught since. */
class OfflineModel {
  constructor(name, states, ink, array) {
    Object.assign(this, { name, states, ink, array });
    this.entries = [];
    this.next = 1;
    this.before = [];
    // What answers by each idea, made when it is first asked; the model's own is the first.
    this.made = new Map();
    this.isEmpty = Boolean(states[0].isEmpty);
  }

  get own() {
    return this.by(this.states[0].name);
  }

  get classes() {
    return this.isEmpty ? [] : this.own.classes;
  }

  info() {
    const { name, title, facts } = this.states[0];
    const [height, width, channels = 1] = facts.image_shape;
    const counts = this.isEmpty ? [] : this.own.counts;
    return {
      name: this.name,
      idea: name,
      title,
      classes: this.classes.map((label, code) => ({ name: label, examples: counts[code] })),
      image: { width, height, channels },
      images: counts.reduce((total, count) => total + count, 0),
      can_teach: true,
      ideas: this.states.map((state) => ({ name: state.name, title: state.title })),
      ink: this.ink,
    };
  }

  /** Return what answers by an idea. */
  by(name = this.states[0].name) {
    if (!this.made.has(name)) {
      const state = this.states.find((one) => one.name === name);
      if (!state) throw new Error(`this model has no idea called ${name}`);
      const array = (key) => (state.arrays[key] ? this.array(state.arrays[key]) : null);
      const made = new Recogniser({ facts: state.facts, array });
      if (state.isEmpty) made.empty();
      for (const entry of this.entries) this.changeOne(made, name, entry);
      this.made.set(name, made);
    }
    return this.made.get(name);
  }

  /** Return an image as an idea takes it: others than the model's own compare what that has prepared. */
  seenBy(image, name) {
    return name === undefined || name === this.states[0].name ? image : this.own.seen(image);
  }

  answer(image, idea) {
    if (this.isEmpty) return unknown(isBlank(image));
    const by = this.by(idea);
    return answerOf(by, by.assess(this.seenBy(image, idea), { alpha: LEVEL }));
  }

  explain(image, idea) {
    if (this.isEmpty) return { ...unknown(isBlank(image)), seen: image, classes: [], nearest: [], moves: null };
    const by = this.by(idea);
    const found = by.assess(this.seenBy(image, idea), { alpha: LEVEL, k: NEAREST });
    return { ...answerOf(by, found), ...evidenceOf(by, found) };
  }

  /** Learn or forget an image, and return {entry, id, label}. */
  change(given) {
    const entry = { ...given, entry: this.next };
    const [before, wasEmpty] = [this.made, this.isEmpty];
    this.own;
    this.isEmpty = false;
    this.made = new Map(Array.from(before, ([name, one]) => [name, one.clone()]));
    try {
      if (entry.kind === "forget") Object.assign(entry, this.own.kept(entry.id));
      const id = Array.from(this.made, ([name, one]) => this.changeOne(one, name, entry))[0];
      this.entries = [...this.entries, entry];
      this.next += 1;
      this.before = [...this.before, { made: before, isEmpty: wasEmpty }].slice(-MOST_UNDONE);
      return { entry: entry.entry, id: id ?? null, label: entry.label };
    } catch (error) {
      this.made = before;
      this.isEmpty = wasEmpty;
      throw error;
    }
  }

  changeOne(recogniser, name, { kind, image, label, id, seen }) {
    if (kind === "teach") return recogniser.teach(this.seenBy(image, name), label);
    if (recogniser.matcher.keepsImages) return recogniser.forget(id);
    return recogniser.unlearn(seen, label);
  }

  /** Take the last change back, and return its number. */
  undo() {
    const last = this.before.at(-1);
    if (!last) throw new Error("there is nothing to undo");
    this.before = this.before.slice(0, -1);
    const undone = this.entries.at(-1).entry;
    this.entries = this.entries.slice(0, -1);
    Object.assign(this, last);
    return undone;
  }

  dataset({ label, ids, offset = 0, limit = 100 }) {
    if (this.isEmpty || !this.own.matcher.keepsImages) {
      const nothing = { classes: [], counts: [], cells: [] };
      return { total: 0, offset, images: [], judged: 0, confusion: nothing, mistakes: [] };
    }
    const { own, classes } = this;
    const wanted = ids && new Set(ids);
    const chosen = own.ids.filter((id, place) => {
      const isOfClass = label === undefined || classes[own.matcher.codes[place]] === label;
      return isOfClass && (!wanted || wanted.has(id));
    });
    const images = chosen.slice(offset, offset + limit).map((id) => keptImage(own, id));
    return { total: chosen.length, offset, images, ...judged(own) };
  }
}

function keptImage(recogniser, id) {
  const { seen, label } = recogniser.kept(id);
  return { id, label, image: seen };
}

/** Return how images that were left out were answered, by the nearest of each class. */
function judged(recogniser) {
  const { classes } = recogniser;
  const counts = classes.map(() => classes.map(() => 0));
  const cells = new Map();
  const mistakes = [];
  const rows = recogniser.leftOut.filter(({ distances }) => distances.some(Number.isFinite));
  for (const { id, code, distances } of rows) {
    const answered = argmin(distances);
    counts[code][answered] += 1;
    const key = code * classes.length + answered;
    if (!cells.has(key)) cells.set(key, { true: classes[code], answered: classes[answered], ids: [] });
    if (cells.get(key).ids.length < MOST_OF_CELL) cells.get(key).ids.push(id);
    if (answered === code) continue;
    const probability = probabilities(distances, answered, recogniser.calibration)[answered];
    mistakes.push({ ...keptImage(recogniser, id), answered: classes[answered], probability });
  }
  mistakes.sort((one, other) => other.probability - one.probability);
  const confusion = { classes, counts, cells: Array.from(cells.values()) };
  return { judged: rows.length, confusion, mistakes: mistakes.slice(0, MOST_MISTAKES) };
}

function answerOf(recogniser, found) {
  const { code, matches } = found;
  const shares = found.probabilities;
  const labels = recogniser.classes;
  const others = shares.map((_, other) => other).filter((other) => other !== code);
  const next = others.sort((one, other) => shares[other] - shares[one] || one - other)[0];
  return {
    label: found.rejected || found.blank ? null : labels[code],
    best: labels[code],
    rejected: found.rejected,
    nothing: found.blank,
    probability: shares[code],
    runner_up:
      next === undefined
        ? null
        : { label: labels[next], probability: shares[next], distance: finite(matches.classDistances[next]) },
    p_value: found.pValues[code],
    distance: finite(found.distance),
    probabilities: labels.map((label, at) => ({
      label,
      probability: shares[at],
      distance: finite(matches.classDistances[at]),
    })),
  };
}

/** Return a copy of an image, which no one else changes. */
function own(image) {
  return { ...image, data: Uint8Array.from(image.data) };
}

function unknown(nothing) {
  const empty = { label: null, best: null, probability: null, runner_up: null, p_value: null, distance: null };
  return { ...empty, rejected: true, nothing, probabilities: [] };
}

function finite(value) {
  return Number.isFinite(value) ? value : null;
}

function isBlank({ data }) {
  return data.every((value) => value === data[0]);
}
