/** The images that a model keeps: its classes, what it confuses, and its most confident mistakes. */

import { ask, counted, h, percent } from "./dom.js";
import { picture } from "./pictures.js";

const PAGE = 120;
const MOST_MISTAKES = 40;

export class DataView {
  constructor(root, page) {
    this.page = page;
    this.classes = h("div", { class: "keys", role: "group", "aria-label": "Classes" });
    this.images = h("ul", { class: "gallery" });
    this.pages = h("div", { class: "row" });
    this.confusion = h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Confusion matrix" });
    this.mistakes = h("ul", { class: "gallery mistakes" });
    this.about = h("p", { class: "fine" });
    root.append(
      h("section", {}, h("h2", {}, "What it knows"), this.classes, this.images, this.pages),
      h("section", {}, h("h2", {}, "What it confuses"), this.about, this.confusion),
      h("section", {}, h("h2", {}, "Its most confident mistakes"), this.mistakes));
  }

  async show() {
    if (this.model !== this.page.model.name) Object.assign(this, { model: this.page.model.name, label: null, offset: 0 });
    const { backend } = this.page;
    const asked = { model: this.model, label: this.label ?? undefined, offset: this.offset, limit: PAGE, judged: false };
    const found = await backend.dataset(asked);
    this.showClasses();
    this.images.replaceChildren(...found.images.map((one) => this.keptItem(one)));
    this.showPages(found.total);
    if (!this.about.textContent) this.about.textContent = "Asking it about its own images …";
    this.showJudged(await backend.dataset({ model: this.model, limit: 0 }));
  }

  /** Show what it answers to its images, which may take a while to work out. */
  showJudged({ confusion, judged, mistakes }) {
    this.showConfusion(confusion, judged);
    this.mistakes.replaceChildren(...mistakes.slice(0, MOST_MISTAKES).map((one) => this.mistakeItem(one)));
    if (!mistakes.length) this.mistakes.append(h("li", { class: "fine" }, "None."));
  }

  showClasses() {
    const { classes, images } = this.page.model;
    const key = (label, title, examples) => h("button", {
      type: "button", class: "key", "aria-pressed": String(this.label === label),
      onclick: () => { Object.assign(this, { label, offset: 0 }); this.page.attempt(() => this.show()); },
    }, title, " ", h("small", {}, examples.toLocaleString("en")));
    this.classes.replaceChildren(key(null, "all", images), ...classes.map(({ name, examples }) => key(name, name, examples)));
  }

  showPages(total) {
    const to = Math.min(total, this.offset + PAGE);
    const step = (title, offset, possible) => h("button", {
      type: "button", disabled: !possible,
      onclick: () => { this.offset = offset; this.page.attempt(() => this.show()); },
    }, title);
    this.pages.hidden = total <= PAGE;
    this.pages.replaceChildren(step("Earlier", Math.max(0, this.offset - PAGE), this.offset > 0),
      h("span", { class: "fine" }, `${(this.offset + 1).toLocaleString("en")} to ${to.toLocaleString("en")} of ${total.toLocaleString("en")}`),
      step("Later", this.offset + PAGE, to < total));
  }

  keptItem({ id, label, image }) {
    const shown = picture(image, `${label}, image ${id}`, { class: "crisp" });
    return h("li", {}, h("button", { type: "button", class: "bare", onclick: () => this.inspect({ id, label, image }) }, shown));
  }

  mistakeItem(one) {
    const shown = picture(one.image, `${one.label}, image ${one.id}`, { class: "crisp" });
    return h("li", {}, h("button", { type: "button", class: "bare", onclick: () => this.inspect(one) }, shown),
      h("span", {}, h("b", {}, one.label), " taken for ", h("b", { class: "wrong" }, one.answered)),
      h("small", {}, percent(one.probability)));
  }

  /** Show one image large, and let it be forgotten. */
  async inspect({ id, label, image, answered }) {
    const said = answered && answered !== label ? `An example of ${label}; left out, it is taken for ${answered}.` : `An example of ${label}.`;
    const buttons = [h("button", { value: "", class: "first" }, "Close")];
    if (this.page.model.can_teach) buttons.unshift(h("button", { value: "forget" }, "Forget it"));
    const content = [picture(image, `${label}, image ${id}`, { class: "crisp large" }), h("p", {}, said)];
    if (await ask(`Image ${id}`, content, buttons) !== "forget") return;
    await this.page.attempt(async () => {
      await this.page.forget(id);
      await this.show();
    });
  }

  showConfusion({ classes, counts, cells }, judged) {
    this.about.textContent = judged === 0 || !classes.length
      ? "Nothing was judged yet: it keeps too few images."
      : `What it answers to ${counted(judged, "image", "images")}, each left out in turn. Rows are what they are, columns what is answered; press a number to see the images.`;
    if (!classes.length) {
      this.confusion.replaceChildren();
      return;
    }
    const named = new Map(cells.map((cell) => [`${cell.true}\n${cell.answered}`, cell]));
    const most = Math.max(1, ...counts.flatMap((row, i) => row.filter((_, j) => i !== j)));
    const row = (label, i) => h("tr", {}, h("th", { scope: "row" }, label),
      classes.map((answered, j) => this.cell(counts[i][j], i === j, counts[i][j] / (i === j ? sumOf([counts[i]]) : most), named.get(`${label}\n${answered}`))));
    this.confusion.replaceChildren(h("table", { class: "confusion" },
      h("caption", { class: "hidden" }, "How many images of each class (rows) are answered as each class (columns)"),
      h("thead", {}, h("tr", {}, h("td"), classes.map((label) => h("th", { scope: "col" }, label)))),
      h("tbody", {}, classes.map(row))));
  }

  cell(count, right, strength, cell) {
    if (!count) return h("td", { class: "none" }, "·");
    const button = h("button", {
      type: "button", onclick: () => this.page.attempt(() => this.showCell(cell)),
      "aria-label": `${cell.true} answered as ${cell.answered}: ${counted(count, "image", "images")}`,
    }, String(count));
    const td = h("td", { class: right ? "right" : "wrong" }, button);
    td.style.setProperty("--strength", strength.toFixed(3));
    return td;
  }

  async showCell(cell) {
    const asked = { model: this.model, ids: cell.ids, limit: cell.ids.length, judged: false };
    const ids = new Set(cell.ids);
    const { images } = await this.page.backend.dataset(asked);
    const shown = images.filter((one) => ids.has(one.id)).map((one) => h("li", {}, picture(one.image, `${one.label}, image ${one.id}`, { class: "crisp" })));
    const title = cell.true === cell.answered ? `${cell.true}, answered right` : `${cell.true}, taken for ${cell.answered}`;
    await ask(title, h("ul", { class: "gallery" }, shown), h("button", { value: "", class: "first" }, "Close"));
  }
}

const sumOf = (counts) => counts.flat().reduce((sum, count) => sum + count, 0);
