/** The page on which a layout is drawn: regions on the photograph, the value's format, preview and save. */

import { ask, h } from "./parts/dom.js";
import { Regions } from "./parts/regions.js";
import { caller } from "./remote.js";

const call = caller();
const byId = (id) => document.getElementById(id);
/** What a region has beside its box: the layout's own numbers, each with its least step. */
const NUMBERS = [["cells", 1], ["x", 1], ["y", 1], ["width", 1], ["height", 1], ["angle", 0.5]];
const WHEELS = [["", "none rolls"], ["last", "the last rolls"], ["all", "all roll"]];
/** So many milliseconds after the last change the preview is asked for. */
const PAUSE = 150;

/** Return the names of a region's places, as layouts give them. */
const placesOf = ({ name, cells }) => (cells > 1 ? Array.from({ length: cells }, (_, i) => `${name}.${i + 1}`) : [name]);

/** Return which of a region's places are wheels: all, the last, none, or as the layout has it. */
function wheels(region, rolls) {
  const names = placesOf(region), kept = names.flatMap((name, place) => (rolls.includes(name) ? [place] : []));
  if (!kept.length) return { rolls: "" };
  if (kept.length === names.length) return { rolls: "all" };
  return kept.length === 1 && kept[0] === names.length - 1 ? { rolls: "last" } : { rolls: "kept", kept };
}

class LayoutView {
  constructor(told) {
    const changed = () => this.changed();
    this.regions = new Regions(byId("reference"), "v1/layout/photograph", told.size, changed);
    this.regions.cells = () => Math.max(1, Math.min(64, Number(byId("cells").value) || 1));
    this.rows = new Map();
    this.value = this.form(told, changed);
    byId("photograph-title").textContent = told.photograph;
    byId("add").addEventListener("click", () => {
      const [width, height] = told.size.map((side) => Math.round(side / 4));
      this.regions.add({ x: Math.round(1.5 * width), y: Math.round(1.5 * height), width, height });
    });
    byId("zoom").addEventListener("input", ({ target }) => { this.regions.drawn.style.width = `${100 * target.value}%`; });
    byId("save").addEventListener("click", () => this.save(""));
    byId("finish").addEventListener("click", () => this.finish());
    for (const region of told.regions) this.regions.add({ ...region, ...wheels(region, told.value.rolls) });
    this.changed();
  }

  /** Make the fields of the value's format, and return them by name. */
  form({ value, register, registrations }, changed) {
    const fields = {
      decimals: h("input", { type: "number", min: 0, max: 12, value: value.decimals }),
      unit: h("input", { value: value.unit, placeholder: "m3" }),
      characters: h("input", { value: value.characters.join(","), title: "One set for all places, or one for each, with commas between" }),
      sign: h("input", { type: "checkbox", checked: value.sign }),
      register: h("select", {}, registrations.map((name) => h("option", { value: name, selected: name === register }, name))),
    };
    const titles = { decimals: "decimals", unit: "unit", characters: "characters", sign: "has a sign", register: "photographs may lie" };
    for (const [name, field] of Object.entries(fields)) {
      field.id = `value-${name}`;
      field.addEventListener("input", changed);
      byId("value").append(h("label", { for: field.id }, titles[name], field));
    }
    return fields;
  }

  /** Return the layout that is drawn. */
  layout() {
    const { decimals, unit, characters, sign, register } = this.value;
    const regions = this.regions.list.map(({ name, x, y, width, height, cells, angle }) => ({ name, x, y, width, height, cells, angle }));
    const rolls = this.regions.list.flatMap((region) => {
      const names = placesOf(region);
      return { "": [], last: names.slice(-1), all: names, kept: names.filter((_, place) => region.kept?.includes(place)) }[region.rolls ?? ""];
    });
    return {
      regions, register: register.value,
      value: { decimals: Number(decimals.value), unit: unit.value, sign: sign.checked, characters: characters.value.split(","), rolls },
    };
  }

  changed() {
    if (!this.value) return;
    for (const [region, row] of this.rows) {
      if (this.regions.list.includes(region)) continue;
      row.element.remove();
      this.rows.delete(region);
    }
    const list = byId("regions");
    this.regions.list.forEach((region, place) => {
      const row = this.rows.get(region) ?? this.row(region);
      // An element that is moved loses the focus: only what stands elsewhere is.
      if (list.children[place] !== row.element) list.insertBefore(row.element, list.children[place] ?? null);
      row.element.classList.toggle("chosen", region === this.regions.chosen);
      for (const [name, field] of Object.entries(row.fields)) {
        if (field !== document.activeElement) field.value = region[name] ?? "";
      }
    });
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.preview(), PAUSE);
  }

  /** Make the fields of one region. */
  row(region) {
    const key = `region-${(this.made = (this.made ?? 0) + 1)}`;
    const fields = { name: h("input", { maxlength: 40 }) };
    for (const [name, step] of NUMBERS) fields[name] = h("input", { type: "number", step, min: name === "cells" ? 1 : null });
    const choices = region.kept ? [...WHEELS, ["kept", `${region.kept.map((place) => place + 1).join(", ")} roll`]] : WHEELS;
    fields.rolls = h("select", {}, choices.map(([value, text]) => h("option", { value }, text)));
    const labelled = Object.entries(fields).map(([name, field]) => {
      field.id = `${key}-${name}`;
      field.addEventListener("input", () => {
        const value = field.type === "number" ? Number(field.value) : field.value;
        region[name] = name === "cells" ? Math.max(1, Math.min(64, Math.round(value))) : value;
        this.regions.choose(region);
      });
      return h("label", { for: field.id }, name === "rolls" ? "wheels" : name, field);
    });
    const element = h("li", {}, h("div", { class: "fields" }, labelled), h("div", { class: "row" },
      h("button", { type: "button", onclick: () => this.regions.earlier(region) }, "Earlier"),
      h("button", { type: "button", onclick: () => this.regions.remove(region) }, "Delete")));
    this.rows.set(region, { element, fields });
    return this.rows.get(region);
  }

  /** Show what would be cut out, or what is wrong with it. */
  async preview() {
    const asked = (this.asked = {});
    const layout = this.layout();
    const found = layout.regions.length
      ? await call("POST", "v1/layout/preview", layout).catch((error) => ({ problem: error.message }))
      : { problem: "Nothing is drawn yet." };
    if (asked !== this.asked) return;
    byId("problem").textContent = found.problem ?? "";
    byId("save").disabled = Boolean(found.problem);
    byId("written").textContent = found.written ?? "";
    byId("preview").replaceChildren(...(found.places ?? []).map(({ name, crop }) => h("li", {}, h("img", { src: crop, alt: `What stands in ${name}` }), name)));
  }

  async save(query) {
    try {
      const { saved } = await call("PUT", `v1/layout${query}`, this.layout());
      byId("said").textContent = `Saved in ${saved}.`;
      byId("finish").hidden = false;
    } catch (error) {
      if (error.status !== 409) byId("said").textContent = error.message;
      else if (await this.mayOverwrite(error.message)) await this.save("?overwrite=true");
    }
  }

  async mayOverwrite(message) {
    const buttons = [h("button", { value: "" }, "Keep it"), h("button", { value: "overwrite", class: "first" }, "Write over it")];
    return (await ask("Write over the file?", h("p", {}, `${message}.`), buttons)) === "overwrite";
  }

  async finish() {
    await call("POST", "v1/layout/finish");
    byId("said").textContent = "The layout is made. This page can be closed.";
    for (const id of ["save", "finish"]) byId(id).hidden = true;
  }
}

new LayoutView(await call("GET", "v1/layout"));
document.documentElement.dataset.ready = "";
