/** The idea in five steps, with the numbers of one pixel in each: stack, mean, subtract, absolute or square, average. */

import { h, number } from "./dom.js";
import { paint, picture } from "./pictures.js";

const STACKED = 6;

export class LessonView {
  constructor(root, page) {
    this.page = page;
    this.root = root;
    this.at = { row: 0, column: 0 };
    this.squared = false;
    this.classes = h("select", { id: "lesson-class" });
    this.classes.addEventListener("change", () => page.attempt(() => this.show()));
    this.steps = h("ol", { class: "steps" });
    this.result = h("div", { class: "result" });
    this.where = h("output", { class: "where" });
    root.append(h("h2", {}, "How far is it from the average?"),
      h("p", { class: "reading" }, "Every image is a grid of numbers. Point at a pixel, or press the arrow keys on an image, and follow its number through all steps."),
      h("div", { class: "row settings" },
        h("label", { for: "lesson-class" }, "Compare with the class"), this.classes, this.choices(), this.where),
      this.steps, this.result);
  }

  choices() {
    const choice = (squared, title) => {
      const input = h("input", { type: "radio", name: "norm", checked: squared === this.squared });
      input.addEventListener("change", () => { this.squared = squared; this.fill(); });
      return h("label", {}, input, ` ${title}`);
    };
    return h("fieldset", { class: "row" }, h("legend", { class: "hidden" }, "What is averaged"),
      choice(false, "absolute (L1)"), choice(true, "square (L2)"));
  }

  async show() {
    const { page } = this;
    const found = await this.subject();
    if (!found?.classes.length) {
      this.steps.replaceChildren(h("li", { class: "fine" }, "There is nothing to compare with yet: teach the model, or choose another."));
      this.result.replaceChildren();
      return;
    }
    this.found = found;
    this.chooseClass(found);
    const kept = await page.backend.dataset({ model: page.model.name, label: this.beside.label, limit: 100, judged: false });
    this.stack = kept.images.filter((one) => one.label === this.beside.label).slice(0, STACKED);
    this.build();
  }

  /** Return the evidence of what is drawn, or of an example where nothing is. */
  async subject() {
    const { page } = this;
    if (page.image) return page.backend.explain(page.image, page.where);
    const { images } = await page.backend.dataset({ model: page.model.name, limit: 1, judged: false });
    return images.length ? page.backend.explain(images[0].image, page.where) : null;
  }

  chooseClass({ classes, best }) {
    const names = classes.map((one) => one.label);
    const chosen = names.includes(this.classes.value) ? this.classes.value : names.find((name) => name === best) ?? names[0];
    this.classes.replaceChildren(...names.map((name) => h("option", { value: name, selected: name === chosen }, name)));
    this.beside = classes.find((one) => one.label === chosen);
  }

  build() {
    const { ideal, difference, label } = this.beside;
    const { seen } = this.found;
    const examples = this.page.model.classes.find((one) => one.name === label)?.examples ?? this.stack.length;
    if (this.at.row >= seen.height || this.at.column >= seen.width || !this.pointed) {
      this.at = { row: Math.floor(seen.height / 2), column: Math.floor(seen.width / 2) };
    }
    this.marks = [];
    this.outputs = Array.from({ length: 5 }, () => h("output"));
    this.costs = picture(difference, "The absolute or squared difference", { class: "crisp" });
    const stack = this.stack.map((one, i) => this.pointable(picture(one.image, `Example ${i + 1} of ${label}`, { class: "crisp" }), seen));
    const steps = [
      ["Stack", `the ${examples.toLocaleString("en")} examples of ${label}`, h("div", { class: "stack" }, stack)],
      ["Mean", "of every pixel over all examples", this.pointable(picture(ideal, `The mean ${label}`, { class: "crisp" }), seen)],
      ["Subtract", "the mean from what the model sees", h("div", { class: "pair" },
        this.pointable(picture(seen, "What the model sees", { class: "crisp" }), seen),
        this.pointable(picture(difference, "The signed difference", { class: "crisp map" }), seen))],
      ["Absolute or square", "so that more and less cannot cancel", this.pointable(this.costs, seen)],
      ["Average", "over all pixels: one number, the distance", h("p", { class: "distance" })],
    ];
    this.steps.replaceChildren(...steps.map(([title, text, body], i) => h("li", {},
      h("h3", {}, h("span", { class: "order" }, String(i + 1)), title), h("p", { class: "fine" }, text), body, this.outputs[i])));
    this.fill();
  }

  /** Let a pixel of an image be pointed at: by pointer, or by arrow keys. */
  pointable(canvas, { width, height }) {
    const mark = h("span", { class: "pixel", "aria-hidden": "true" });
    mark.style.inlineSize = `${100 / width}%`;
    mark.style.blockSize = `${100 / height}%`;
    const frame = h("div", { class: "framed", tabindex: 0, role: "group", "aria-label": `${canvas.getAttribute("aria-label")}: arrow keys choose a pixel` }, canvas, mark);
    const point = (row, column) => {
      this.pointed = true;
      this.at = { row: Math.min(height - 1, Math.max(0, row)), column: Math.min(width - 1, Math.max(0, column)) };
      this.fill();
    };
    const toPointer = (event) => {
      const box = canvas.getBoundingClientRect();
      point(Math.floor(((event.clientY - box.top) / box.height) * height), Math.floor(((event.clientX - box.left) / box.width) * width));
    };
    frame.addEventListener("pointermove", toPointer);
    frame.addEventListener("pointerdown", toPointer);
    frame.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!move) return;
      event.preventDefault();
      point(this.at.row + move[0], this.at.column + move[1]);
    });
    this.marks.push(mark);
    return frame;
  }

  /** Write the numbers of the pixel that is pointed at. */
  fill() {
    if (!this.outputs) return;
    const { seen } = this.found;
    const { ideal, difference, l1, l2, label } = this.beside;
    const { row, column } = this.at;
    this.where.textContent = `row ${row}, column ${column}`;
    for (const mark of this.marks) {
      mark.style.insetInlineStart = `${(column * 100) / seen.width}%`;
      mark.style.insetBlockStart = `${(row * 100) / seen.height}%`;
    }
    const value = (image) => valueAt(image, row, column);
    const apart = value(difference);
    const [stacked, mean, subtracted, costed, averaged] = this.outputs;
    stacked.replaceChildren(`${this.stack.map((one) => number(value(one.image), 2)).join(", ")}, …`);
    mean.replaceChildren(h("b", {}, number(value(ideal), 3)));
    subtracted.replaceChildren(`${number(value(seen), 3)} − ${number(value(ideal), 3)} = `, h("b", {}, number(apart, 3)));
    costed.replaceChildren(this.squared ? `(${number(apart, 3)})² = ` : `| ${number(apart, 3)} | = `,
      h("b", {}, number(this.squared ? apart ** 2 : Math.abs(apart), 3)));
    paint(this.costs, costs(difference, this.squared));
    this.steps.querySelector(".distance").textContent = number(this.squared ? l2 : l1);
    averaged.replaceChildren(this.squared ? `root of the mean of ${difference.data.length} squares` : `mean of ${difference.data.length} absolute differences`,
      h("br"), `signed, they would cancel: ${number(meanOf(difference), 4)}`);
    this.compare(label);
  }

  /** Show the distance to each class: the smallest is the answer. */
  compare(chosen) {
    const metric = this.squared ? "l2" : "l1";
    const most = Math.max(...this.found.classes.map((one) => one[metric]));
    const least = Math.min(...this.found.classes.map((one) => one[metric]));
    this.result.replaceChildren(h("h3", {}, "The same for each class: the smallest distance is the answer"),
      h("ul", { class: "bars" }, this.found.classes.map((one) => {
        const bar = h("span", { class: "bar" });
        bar.style.inlineSize = `${(one[metric] / most) * 100}%`;
        return h("li", { class: one[metric] === least ? "best" : null, "aria-current": one.label === chosen ? "true" : null },
          h("span", { class: "name" }, one.label), h("span", { class: "track", "aria-hidden": "true" }, bar),
          h("span", { class: "figure" }, number(one[metric])));
      })));
  }
}

/** Return a pixel's value on the scale of 0 to 1, the mean of its channels. */
function valueAt({ width, channels, data }, row, column) {
  const at = (row * width + column) * channels;
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) sum += data[at + channel];
  return sum / channels / 255;
}

const meanOf = ({ data }) => data.reduce((sum, value) => sum + value, 0) / data.length / 255;

/** Return what each pixel adds to the distance, as an image. */
function costs({ width, height, channels, data }, squared) {
  const cost = (value) => (squared ? (value * value) / 255 : Math.abs(value));
  return { width, height, channels, data: Uint8ClampedArray.from(data, cost) };
}
