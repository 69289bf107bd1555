/** Crops that were answered uncertainly: one key a label, and the next one comes. */

import { counted, h, percent } from "./dom.js";
import { picture } from "./pictures.js";

/** Classes with longer names get these keys, in order. */
const KEYS = "1234567890abcdefghijklmnopqrtuvwxyz";
const LATER = "s";

export class QueueView {
  constructor(root, page) {
    Object.assign(this, { root, page });
    this.card = h("div", { class: "crop" });
    root.append(h("h2", {}, "Uncertain answers"),
      h("p", { class: "reading" }, "What the service was not sure about. Say what each one shows, and the model learns it."), this.card);
    document.addEventListener("keydown", (event) => this.press(event));
  }

  async show() {
    const { crops, total } = await this.page.backend.queue();
    this.crop = crops[0];
    if (!this.crop) {
      this.card.replaceChildren(h("p", {}, "Nothing waits to be labelled."));
      return;
    }
    const model = this.page.models.find((one) => one.name === this.crop.model);
    this.keys = keysOf((model?.classes ?? []).map((one) => one.name));
    const { answer, image } = this.crop;
    const said = answer.label === null ? `none of these, nearest to ${answer.best}` : `${answer.best}, ${percent(answer.probability)}`;
    this.card.replaceChildren(
      picture(image, "The image to be labelled", { class: "crisp large" }),
      h("p", {}, `${this.crop.model} answered: `, h("b", {}, said)),
      h("div", { class: "keys" }, Array.from(this.keys, ([key, name]) => h("button", {
        type: "button", class: "key", "aria-keyshortcuts": key, onclick: () => this.label(name),
      }, name, name === key ? null : [" ", h("kbd", {}, key)]))),
      h("div", { class: "row" },
        h("button", { type: "button", "aria-keyshortcuts": LATER, onclick: () => this.label(null) }, "Leave out ", h("kbd", {}, LATER)),
        h("span", { class: "fine" }, `${counted(total, "crop waits", "crops wait")}`)));
  }

  press(event) {
    const typing = event.target.matches?.("input:not([type=radio]), select, textarea") || document.querySelector("dialog[open]");
    if (this.page.view !== "queue" || !this.crop || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === LATER && !this.keys.has(LATER)) this.label(null);
    else if (this.keys.has(event.key)) this.label(this.keys.get(event.key));
  }

  /** Label the crop, once, and go on to the next. */
  label(name) {
    const { crop } = this;
    this.crop = null;
    this.page.attempt(async () => {
      const done = await this.page.backend.label(crop.id, name);
      if (done.taught) {
        this.page.note(done.taught.message);
        await this.page.learned();
      }
    }).then(() => this.page.attempt(() => this.show()));
  }
}

/** Return a key for each class: its name where that is one sign, else the next that is free. */
function keysOf(names) {
  const taken = new Set(names.filter((name) => name.length === 1));
  const free = [...KEYS].filter((key) => !taken.has(key));
  return new Map(names.map((name) => [name.length === 1 ? name : free.shift(), name]).filter(([key]) => key));
}
