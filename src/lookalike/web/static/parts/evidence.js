/** Why: what the model sees, how it differs from each class's ideal image, and what it is nearest to. */

import { h, number } from "./dom.js";
import { arrows, paint, picture } from "./pictures.js";

const MOST_IDEALS = 20;

export class EvidencePanel {
  constructor(root) {
    this.seen = picture(null, "What the model sees", { class: "crisp" });
    this.size = h("figcaption");
    this.matched = h("figure", { class: "moved", hidden: true });
    this.near = h("ul", { class: "near" });
    this.ideals = h("ul", { class: "ideals" });
    this.cards = new Map();
    this.body = h("div", { class: "why", hidden: true },
      h("div", { class: "looked" },
        h("figure", {}, h("h3", {}, "What the model sees"), h("div", { class: "framed" }, this.seen), this.size),
        this.matched,
        h("div", { class: "neighbours" }, h("h3", {}, "Nearest examples"), this.near)),
      h("div", {}, h("h3", {}, "Against each class’s ideal image"),
        h("p", { class: "fine legend" }, h("span", { class: "swatch more" }), "ink that the ideal has not ",
          h("span", { class: "swatch less" }), "ink that is missing"),
        this.ideals));
    this.empty = h("p", { class: "fine" }, "Here you see what an answer rests on: the images that it was compared with, and where they differ.");
    root.append(this.empty, this.body);
  }

  /** Show the evidence of an answer; null where there is none. */
  show(found) {
    this.body.hidden = !found;
    this.empty.hidden = Boolean(found);
    if (!found) return;
    paint(this.seen, found.seen);
    this.size.textContent = `${found.seen.width} × ${found.seen.height} pixels`;
    this.showMoves(found);
    this.near.replaceChildren(...found.nearest.map(nearItem));
    this.near.parentElement.hidden = !found.nearest.length;
    this.showIdeals(found.classes);
  }

  showMoves({ nearest, moves, seen }) {
    this.matched.hidden = !moves || !nearest.length;
    if (this.matched.hidden) return;
    const from = h("div", { class: "framed" }, picture(seen, "What the model sees, with arrows to where its pixels were found", { class: "crisp dim" }), arrows(seen, moves));
    this.matched.replaceChildren(h("h3", {}, "How it was bent"), from,
      h("figcaption", {}, `to match the nearest ${nearest[0].label}`));
  }

  showIdeals(classes) {
    const nearest = [...classes].sort((one, other) => one.l1 - other.l1);
    const shown = new Set(nearest.slice(0, MOST_IDEALS).map((one) => one.label));
    const kept = classes.filter((one) => shown.has(one.label));
    if (kept.map((one) => one.label).join("\n") !== [...this.cards.keys()].join("\n")) {
      this.cards = new Map(kept.map((one) => [one.label, idealCard(one.label)]));
      this.ideals.replaceChildren(...Array.from(this.cards.values(), (card) => card.item));
    }
    const least = (metric) => Math.min(...kept.map((one) => one[metric]));
    const [l1, l2] = [least("l1"), least("l2")];
    for (const one of kept) fillCard(this.cards.get(one.label), one, l1, l2);
  }
}

function nearItem({ id, label, distance, image }) {
  const far = distance === null ? "" : number(distance);
  return h("li", {}, picture(image, `Example of ${label}, distance ${far}`, { class: "crisp", title: id === null ? null : `image ${id}` }),
    h("b", {}, label), h("span", { class: "figure" }, far));
}

function idealCard(label) {
  const card = {
    ideal: picture(null, `Ideal ${label}`, { class: "crisp" }),
    difference: picture(null, `Difference from the ideal ${label}`, { class: "crisp map" }),
    l1: h("dd"),
    l2: h("dd"),
  };
  card.item = h("li", {}, h("b", {}, label), card.ideal, card.difference,
    h("dl", {}, h("div", {}, h("dt", {}, "L1"), card.l1), h("div", {}, h("dt", {}, "L2"), card.l2)));
  return card;
}

function fillCard(card, { ideal, difference, l1, l2 }, leastL1, leastL2) {
  paint(card.ideal, ideal);
  paint(card.difference, difference);
  card.l1.textContent = number(l1);
  card.l2.textContent = number(l2);
  card.l1.classList.toggle("least", l1 === leastL1);
  card.l2.classList.toggle("least", l2 === leastL2);
  card.item.classList.toggle("nearest", l1 === leastL1);
}
