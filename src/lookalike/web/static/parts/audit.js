/** What is wrong with the images that a model keeps: found by the service, judged here, and mended in the model. */

import { Findings } from "../findings.js";
import { ask, counted, h } from "./dom.js";

/** So often (in ms) it is asked how far an audit is. */
const PAUSE = 700;

export class AuditView {
  constructor(root, page) {
    this.page = page;
    this.start = h("button", { type: "button", class: "first", onclick: () => page.attempt(() => this.begin()) }, "Audit its images");
    this.mend = h("button", { type: "button", onclick: () => page.attempt(() => this.apply()) }, "Apply to the model");
    this.bar = h("progress", { "aria-label": "How far the audit is" });
    this.said = h("p", { role: "status" });
    this.reading = h("div", {});
    this.holder = h("div", {});
    root.append(h("h2", {}, "What is wrong with its images"),
      h("p", { class: "reading" }, "Wrong labels, copies, images that mislead and odd ones, of those that the model keeps. Judge what is found; nothing changes until it is applied, and that can be taken back."),
      h("div", { class: "row" }, this.start, this.mend), this.said, this.bar, this.reading, this.holder);
    this.findings = new Findings(this.holder);
    this.tell({ state: "none" });
  }

  /** Show how far it is, and ask again until it is done. */
  async show() {
    for (;;) {
      const asked = this.page.model.name;
      const told = await this.page.backend.audit(this.page.where);
      if (this.page.view !== "audit" || asked !== this.page.model.name) return;
      this.tell(told);
      if (told.state !== "running") return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  async begin() {
    this.tell({ state: "running", what: "beginning", done: 0, total: null });
    try {
      await this.page.backend.beginAudit(this.page.where);
    } catch (error) {
      this.tell({ state: "failed", message: error.message });
      return;
    }
    await this.show();
  }

  tell({ state, number, message, what, done, total, outdated, found }) {
    this.start.hidden = state === "running" || (state === "done" && !outdated);
    this.start.textContent = state === "none" ? "Audit its images" : "Audit them again";
    this.bar.hidden = state !== "running";
    if (total) Object.assign(this.bar, { max: total, value: done });
    else this.bar.removeAttribute("value");
    this.mend.hidden = state !== "done" || !this.page.model?.can_teach;
    this.reading.hidden = this.holder.hidden = state !== "done";
    this.said.textContent = { running: `${what} …`, failed: message, done: outdated ? "The model has changed since." : "" }[state] ?? "";
    if (state === "done" && number !== this.number) this.showFound(number, found);
  }

  showFound(number, found) {
    this.number = number;
    const texts = [...found.reading, found.left_out].filter(Boolean);
    this.reading.replaceChildren(...texts.map((text) => h("p", { class: "fine" }, text)));
    this.findings.show(found);
  }

  /** Forget and teach as people decided, once they say so; it is taken back as a whole. */
  async apply() {
    const verdicts = this.findings.verdicts().filter(({ action }) => action === "drop" || action === "relabel")
      .map(({ image, action, label }) => ({ image: Number(image), label: action === "drop" ? null : label }));
    if (!verdicts.length) {
      this.page.note("Nothing is to be dropped or relabelled yet: what is only proposed is not applied.");
      return;
    }
    const dropped = verdicts.filter(({ label }) => label === null).length;
    const content = h("p", {}, `${counted(dropped, "image is", "images are")} forgotten, ${verdicts.length - dropped} taught with another label.`);
    const buttons = [h("button", { value: "", formnovalidate: true }, "Cancel"), h("button", { value: "apply", class: "first" }, "Apply")];
    if (await ask("Apply to the model?", content, buttons) !== "apply") return;
    const done = await this.page.backend.applyAudit(verdicts, this.page.where);
    await this.page.learned();
    this.page.note(done.message, "Undo", () => this.page.attempt(async () => {
      for (const entry of [...done.entries].reverse()) await this.page.backend.undo({ ...this.page.where, entry });
      await this.page.learned();
      await this.show();
    }));
    await this.begin();
  }
}
