/** What it is: the answer, how likely each class is, what other ideas say, and teaching it better. */

import { counted, h, percent } from "./dom.js";

/** With more classes than this, only the most likely are shown until all are asked for. */
const MOST_BARS = 12;
const MOST_KEYS = 40;

export class AnswerPanel {
  /**
   * @param ideas  where the ideas stand among which one can choose
   * @param does   {teach(label), choose(idea)}: what happens when they are pressed
   */
  constructor(root, ideas, does) {
    this.does = does;
    this.big = h("p", { class: "big", id: "label" });
    this.share = h("p", { class: "share" });
    this.why = h("p", { class: "sentence" });
    this.bars = h("ul", { class: "bars", "aria-label": "How likely each class is" });
    this.more = h("button", { type: "button", class: "plain", hidden: true, onclick: () => this.showAll() });
    this.ideas = ideas;
    this.lesson = h("fieldset", { class: "teach" });
    root.append(h("div", { class: "verdict" }, this.big, h("div", {}, this.share, this.why)),
      this.bars, this.more, this.lesson);
  }

  setModel(model, idea) {
    this.model = model;
    this.all = false;
    this.setClasses(model.classes);
    const rows = model.ideas.map((one) => this.ideaRow(one, idea));
    this.ideas.replaceChildren(h("fieldset", {}, h("legend", {}, "Compare by"), rows));
    this.ideas.hidden = model.ideas.length < 2;
  }

  ideaRow({ name, title }, chosen) {
    const choice = h("input", { type: "radio", name: "idea", value: name, checked: name === chosen });
    choice.addEventListener("change", () => this.does.choose(name));
    return h("label", { class: "idea" }, choice, h("span", {}, title), h("output", { "data-idea": name }));
  }

  /** Show what an idea answers; null where it is not known. */
  showIdea(name, answer) {
    const output = this.ideas.querySelector(`output[data-idea="${CSS.escape(name)}"]`);
    if (!output) return;
    output.replaceChildren(...(answer && !answer.nothing
      ? [h("b", {}, answer.label ?? "none"), ` ${answer.label === null ? "" : percent(answer.probability)}`]
      : []));
  }

  setClasses(classes) {
    this.classes = classes;
    this.rows = new Map(classes.map(({ name, examples }) => [name, barRow(name, examples)]));
    this.bars.replaceChildren(...this.barsShown());
    this.lesson.replaceChildren(...(this.model.can_teach ? this.teachers() : []));
    this.lesson.hidden = !this.model.can_teach;
  }

  teachers() {
    const names = this.classes.map(({ name }) => name);
    const key = (name) => h("button", {
      type: "button", class: "key", "aria-label": `Teach: this is ${name}`, onclick: () => this.does.teach(name),
    }, name);
    const text = h("input", {
      id: "new-label", maxlength: 80, autocomplete: "off", list: "known-labels", size: 8,
      placeholder: names.length ? "another" : "its name", "aria-label": "What it is",
    });
    const form = h("form", { class: "row" }, text, h("button", { class: names.length ? null : "first" }, "Teach"),
      h("datalist", { id: "known-labels" }, names.length > MOST_KEYS ? names.map((name) => h("option", { value: name })) : []));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (text.value.trim()) this.does.teach(text.value.trim());
      else text.focus();
    });
    const said = names.length
      ? "Wrong? Press what it is, and it has learned it."
      : "Draw a symbol, and say what it is: one example is enough.";
    return [h("legend", {}, said), h("div", { class: "keys" }, names.length > MOST_KEYS ? [] : names.map(key), form)];
  }

  barsShown() {
    return this.classes.map(({ name }) => this.rows.get(name).item);
  }

  showAll() {
    this.all = true;
    this.show(this.answer);
  }

  show(answer) {
    this.answer = answer;
    const told = this.classes.length ? worded(answer) : {
      big: "", share: "It knows nothing yet", why: "A model that begins with what you teach it.", kind: "nothing",
    };
    this.big.textContent = told.big;
    this.big.classList.toggle("long", told.big.length > 3);
    this.big.hidden = !told.big;
    this.big.parentElement.dataset.kind = told.kind;
    this.share.textContent = told.share;
    this.why.textContent = told.why;
    this.showBars(answer);
  }

  /** Say that the answer is being worked out, where it takes longer than one would notice. */
  wait() {
    if (this.answer && !this.answer.nothing) return;
    this.share.textContent = "Looking …";
    this.why.textContent = "The first answer of an idea takes a moment.";
  }

  /** Return the answer in words, for those who do not see it. */
  get words() {
    const label = this.big.parentElement.dataset.kind === "none" ? "" : this.big.textContent;
    return [label, this.share.textContent, this.why.textContent].filter(Boolean).join(", ");
  }

  showBars(answer) {
    const found = answer?.nothing ? [] : answer?.probabilities ?? [];
    const known = new Map(found.map((one) => [one.label, one.probability]));
    for (const [name, row] of this.rows) {
      const share = known.get(name) ?? 0;
      row.bar.style.inlineSize = `${share * 100}%`;
      row.figure.textContent = known.size ? percent(share) : "";
      row.item.classList.toggle("best", known.size > 0 && name === answer.best);
    }
    this.hideUnlikely(found);
  }

  hideUnlikely(found) {
    const many = this.classes.length > MOST_BARS && !this.all;
    const likely = [...found].sort((one, other) => other.probability - one.probability).slice(0, MOST_BARS);
    const shown = new Set((likely.length ? likely.map((one) => one.label) : this.classes.slice(0, MOST_BARS).map((one) => one.name)));
    for (const [name, row] of this.rows) row.item.hidden = many && !shown.has(name);
    this.more.hidden = !many;
    this.more.textContent = `All ${counted(this.classes.length, "class", "classes")}`;
  }
}

function barRow(name, examples) {
  const bar = h("span", { class: "bar" });
  const figure = h("span", { class: "figure" });
  const item = h("li", { title: `${name}: ${counted(examples, "example", "examples")}` },
    h("span", { class: "name" }, name), h("span", { class: "track", "aria-hidden": "true" }, bar), figure);
  return { bar, figure, item };
}

/** Return an answer's parts as a person would say them. */
function worded(answer) {
  if (!answer || answer.nothing) {
    return { big: "", share: "Nothing to see", why: "Draw in the square, or drop an image on it.", kind: "nothing" };
  }
  const { label, best, probability, p_value: p, runner_up: next } = answer;
  if (label === null) {
    const rare = p === null ? "" : ` Of the ${best}s that it knows, ${percent(p)} are as far from the others.`;
    return { big: best, share: "None of these", why: `Nearest to ${best}, but too unlike it.${rare}`, kind: "none" };
  }
  const second = next ? `Next: ${next.label}, ${percent(next.probability)}.` : "The only class that it knows.";
  return { big: label, share: percent(probability), why: second, kind: "known" };
}
