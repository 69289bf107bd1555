/** The page: what is drawn is answered at once, and evidence follows. */

import { connect } from "./remote.js";
import { AnswerPanel } from "./parts/answer.js";
import { AuditView } from "./parts/audit.js";
import { DataView } from "./parts/dataset.js";
import { ask, h } from "./parts/dom.js";
import { drawnImage, picturedImage } from "./parts/draw.js";
import { EvidencePanel } from "./parts/evidence.js";
import { LessonView } from "./parts/lesson.js";
import { Pad } from "./parts/pad.js";
import { PhotographView } from "./parts/photograph.js";
import { QueueView } from "./parts/queue.js";

/** Where evidence comes as quickly as this (in ms), it is asked for at every stroke, and not only at rests. */
const QUICK = 25;
/** Evidence that comes slowly is asked for when nothing was drawn for so long (in ms): a stroke need not wait for it. */
const BREATH = 80;
/** After so long a rest (in ms) the answer is said aloud, and other ideas are asked. */
const REST = 350;
/** An answer that takes longer than this (in ms) is said to be on its way. */
const NOTICED = 250;
/** Ideas that nobody chose are asked only where to fit them is quick. */
const FEW_IMAGES = 5000;
const NOTE_TIME = 8000;
const NOTHING = { label: null, nothing: true, probabilities: [] };

const byId = (id) => document.getElementById(id);

class Page {
  constructor(backend) {
    this.backend = backend;
    this.version = 0;
    this.explainTook = 0;
    this.asked = new Set();
    this.pad = new Pad(byId("pad"), () => this.drawn());
    this.pad.onTrouble = (text) => this.note(text);
    this.answer = new AnswerPanel(byId("answer"), byId("ideas"), {
      teach: (label) => this.attempt(() => this.teach(label)),
      choose: (idea) => this.choose(idea),
    });
    this.evidence = new EvidencePanel(byId("evidence"));
    this.views = {
      lesson: new LessonView(byId("lesson"), this),
      data: new DataView(byId("data"), this),
      audit: new AuditView(byId("audit"), this),
      photograph: new PhotographView(byId("photograph"), this),
      queue: new QueueView(byId("queue"), this),
    };
  }

  async start() {
    listenToTabs((name) => this.open(name));
    byId("model").addEventListener("change", () => this.use(byId("model").value));
    byId("new-model").addEventListener("click", () => this.attempt(() => this.create()));
    byId("new-model").hidden = this.backend.has?.create === false;
    byId("tab-audit").hidden = !this.backend.has?.audit;
    byId("tab-queue").hidden = !this.backend.has?.queue;
    const [view, name] = location.hash.slice(1).split("/").map(decodeURIComponent);
    await this.readModels(name);
    this.pad.change(this.pad.content);
    this.open(byId(`tab-${view}`) && !byId(`tab-${view}`).hidden ? view : "draw");
    document.documentElement.dataset.ready = "yes";
  }

  async readModels(name) {
    this.models = await this.backend.models();
    byId("model").replaceChildren(...this.models.map((one) => h("option", { value: one.name }, one.name)));
    this.use(this.models.some((one) => one.name === name) ? name : this.models[0].name);
  }

  /** Answer by another model. */
  use(name) {
    this.model = this.models.find((one) => one.name === name);
    this.idea = this.model.idea;
    byId("model").value = name;
    this.asked = new Set([this.idea]);
    this.answer.setModel(this.model, this.idea);
    this.evidence.show(null);
    this.drawn();
    byId("tab-photograph").hidden = !this.model.reads_photographs;
    this.open(this.view === "photograph" && !this.model.reads_photographs ? "draw" : this.view ?? "draw");
  }

  choose(idea) {
    this.idea = idea;
    this.asked.add(idea);
    this.changed();
  }

  open(name) {
    this.view = name;
    for (const tab of document.querySelectorAll("[role=tab]")) {
      const chosen = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !chosen;
    }
    history.replaceState(null, "", `#${name}/${encodeURIComponent(this.model.name)}`);
    if (this.views[name]) this.attempt(() => this.views[name].show());
  }

  get where() {
    return { model: this.model.name, idea: this.idea };
  }

  drawn() {
    this.made = undefined;
    return this.model && this.changed();
  }

  /** What is on the pad as an image such as the model's own, made when it is asked for; null where it is empty. */
  get image() {
    if (this.made === undefined) {
      const { strokes, laid } = this.pad.content;
      const { image: shape, ink } = this.model;
      this.made = laid ? picturedImage(laid, shape, ink) : drawnImage(strokes, shape, ink);
    }
    return this.made;
  }

  changed() {
    this.version += 1;
    this.since = performance.now();
    this.wake?.();
    byId("answer").setAttribute("aria-busy", "true");
    return this.follow();
  }

  /** Answer until the latest is answered: one question at a time, and what was drawn over meanwhile is left out. */
  follow() {
    this.following ??= this.answerAll().finally(() => { this.following = undefined; });
    return this.following;
  }

  async answerAll() {
    const waiting = setTimeout(() => this.image && this.answer.wait(), NOTICED);
    try {
      for (let done = 0; done !== this.version;) {
        done = this.version;
        await this.answerNow();
      }
    } catch (error) {
      this.note(error.message);
    } finally {
      clearTimeout(waiting);
      byId("answer").setAttribute("aria-busy", "false");
    }
    this.rest();
  }

  async answerNow() {
    const { version, since, image, where } = this;
    if (!image) return this.showAnswer(NOTHING, null);
    const isSlow = this.explainTook > QUICK;
    if (isSlow) {
      this.showAnswer(await this.backend.answer(image, where));
      measure("stroke to answer", since);
      await this.breath();
      if (version !== this.version) return undefined;
    }
    const before = performance.now();
    const found = await this.backend.explain(image, where);
    this.explainTook = performance.now() - before;
    this.showAnswer(found, found);
    return measure(isSlow ? "stroke to evidence" : "stroke to answer", since);
  }

  /** Wait a moment; what is drawn meanwhile ends it. */
  breath() {
    return new Promise((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, BREATH);
    });
  }

  /** Show an answer; its evidence too, unless that follows. */
  showAnswer(answer, evidence) {
    this.answer.show(answer);
    this.answer.showIdea(this.idea, answer);
    if (evidence === undefined) return;
    this.found = evidence;
    this.evidence.show(evidence?.nothing ? null : evidence);
  }

  /** When the pen rests: say the answer to those who do not see it, and ask the other ideas. */
  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      byId("said").textContent = this.answer.words;
      this.attempt(() => this.askOthers());
    }, REST);
  }

  async askOthers() {
    const { version, image, model } = this;
    for (const { name } of model.ideas) {
      if (name === this.idea || (model.images > FEW_IMAGES && !this.asked.has(name))) continue;
      const answer = image ? await this.backend.answer(image, { model: model.name, idea: name }) : NOTHING;
      if (version !== this.version) return;
      this.answer.showIdea(name, answer);
    }
  }

  async teach(label) {
    if (!this.image) {
      this.note("Draw first what it should learn.");
      return;
    }
    const done = await this.backend.teach(this.image, label, this.where);
    await this.learned();
    const message = `${done.message}${isNotEnough(this.found, done.label)}`;
    this.note(message, "Undo", () => this.attempt(() => this.undo(done.entry)));
  }

  /** Take a change back, if it is the last one still: others may teach the model too. */
  async undo(entry) {
    const done = await this.backend.undo({ ...this.where, entry });
    await this.learned();
    this.note(done.message);
  }

  async forget(id) {
    const done = await this.backend.forget(id, this.where);
    await this.learned();
    this.note(done.message, "Undo", () => this.attempt(async () => { await this.undo(done.entry); await this.views.data.show(); }));
  }

  /** Show what was learned or forgotten: what is drawn is asked again. */
  async learned() {
    this.models = await this.backend.models();
    this.model = this.models.find((one) => one.name === this.model.name);
    this.answer.setModel(this.model, this.idea);
    await this.drawn();
  }

  async create() {
    const name = h("input", { id: "model-name", required: true, maxlength: 40, pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]*", autocomplete: "off" });
    const content = [
      h("p", {}, "It begins empty, and knows what you teach it: draw a symbol, say its name, and it is recognised from then on."),
      h("label", { for: "model-name" }, "Name ", h("small", {}, "letters, digits, - and _")), name,
    ];
    const pressed = await ask("A new model", content, [
      h("button", { value: "", formnovalidate: true }, "Cancel"),
      h("button", { value: "make", class: "first" }, "Make"),
    ]);
    if (pressed !== "make" || !name.value) return;
    await this.backend.create(name.value);
    this.pad.clear();
    await this.readModels(name.value);
    this.open("draw");
    byId("paper").focus();
  }

  async attempt(does) {
    try {
      await does();
    } catch (error) {
      this.note(error.message);
    }
  }

  /** Say something for a while, with what can be done about it. */
  note(text, action, does) {
    const close = () => byId("note").replaceChildren();
    const button = action && h("button", { type: "button", onclick: () => { close(); does(); } }, action);
    byId("note").replaceChildren(h("div", {}, h("span", {}, text), button,
      h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: close }, "×")));
    clearTimeout(this.noted);
    this.noted = setTimeout(close, NOTE_TIME);
  }
}

/** Return a sentence where what was taught as a label is not answered by it, and why; else nothing. */
function isNotEnough(found, label) {
  if (!found || found.nothing || found.label === label) return "";
  const said = found.label === null ? "none of these" : found.label;
  let why = "other examples are nearer";
  if (!found.nearest.length) why = "one image moves an average only a little";
  else if (found.label === null) why = "it is still too unlike the others";
  else if (found.nearest[0].label === label) why = "the nearest is this one, and others outvote it";
  return ` The drawing is still answered by ${said}: ${why}. Teach it another one.`;
}

/** Tell whoever profiles the page how long something took from the last change of the drawing. */
function measure(name, start) {
  performance.measure(name, { start, end: performance.now() });
}

/** Tabs are chosen by pressing, and by the arrow keys. */
function listenToTabs(open) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const name = (tab) => tab.getAttribute("aria-controls");
  for (const tab of tabs) {
    tab.addEventListener("click", () => open(name(tab)));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const shown = tabs.filter((one) => !one.hidden);
      const next = shown[(shown.indexOf(tab) + step + shown.length) % shown.length];
      open(name(next));
      next.focus();
    });
  }
}

async function askToken() {
  const token = h("input", { type: "password", id: "token", autocomplete: "off" });
  const content = [h("p", {}, "This service was started with a token, and lets in whoever knows it."),
    h("label", { for: "token" }, "Token"), token];
  await ask("Who is there?", content, h("button", { value: "in", class: "first" }, "Go in"));
  return token.value;
}

async function begin() {
  try {
    await new Page(await connect(askToken)).start();
  } catch (error) {
    byId("page").replaceChildren(h("p", { class: "failed", role: "alert" }, error.message));
  }
}

begin();
