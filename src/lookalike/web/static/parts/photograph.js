/** A photograph by the model's layout: the value on it, what each place rests on, and which are doubtful. */

import { counted, h, percent } from "./dom.js";

export class PhotographView {
  constructor(root, page) {
    Object.assign(this, { root, page });
    const input = h("input", { id: "photograph-file", type: "file", accept: "image/png,image/jpeg,image/bmp,image/webp" });
    input.addEventListener("change", () => input.files.length && this.read(input.files[0]));
    this.found = h("div", { class: "found", role: "status" });
    root.append(h("h2", {}, "Read a photograph"),
      h("p", { class: "reading" }, "Choose one of what the layout shows, or drop it here."),
      h("label", { class: "row", for: "photograph-file" }, h("span", { class: "hidden" }, "Photograph"), input), this.found);
    root.addEventListener("dragover", (event) => event.preventDefault());
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) this.read(event.dataTransfer.files[0]);
    });
  }

  show() {}

  async read(file) {
    this.latest = file;
    this.found.replaceChildren(h("p", {}, "Reading …"));
    const told = await this.page.backend.read(file, this.page.where)
      .then(({ readings }) => shown(readings[0]), (error) => [h("p", { class: "wrong" }, error.message)]);
    // Another may have been chosen meanwhile.
    if (file === this.latest) this.found.replaceChildren(...told);
  }
}

function shown(reading) {
  const { value, unit, seen, reasons, rules, places, picture, photograph } = reading;
  const told = value === null
    ? [h("p", { class: "value wrong" }, seen), h("p", {}, h("b", {}, "Rejected: "), `${counted(reasons.length, "reason", "reasons")}.`)]
    : [h("p", { class: "value" }, value, unit ? h("small", {}, ` ${unit}`) : null)];
  return [
    h("div", { class: "told" }, told, list([...reasons, ...rules]), h("ul", { class: "places" }, places.map(placeRow))),
    h("img", { src: `data:image/png;base64,${picture}`, alt: `${photograph}, with what was read in each place` }),
  ];
}

const list = (texts) => (texts.length ? h("ul", { class: "fine" }, texts.map((text) => h("li", {}, text))) : null);

function placeRow({ name, character, shown: said, probability, doubt }) {
  return h("li", { class: doubt === null ? null : "wrong" }, h("b", {}, character), h("span", {}, name),
    h("span", { class: "fine" }, said === character ? percent(probability) : `${said}, ${percent(probability)}`));
}
