/** Regions on a photograph: drawn, moved, resized, turned and deleted, with the mouse and by keys. */

import { svg } from "./dom.js";

/** Regions of fewer pixels along an edge show nothing; the same as where layouts are checked. */
const LEAST = 4;
const CORNERS = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
/** How large a handle is, and how far the one that turns stands off: parts of the photograph's longer edge. */
const HANDLE = 1 / 110;
const OFF = 1 / 22;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Regions {
  /**
   * @param root     where the photograph goes
   * @param address  of the photograph
   * @param size     [width, height] of it
   * @param changed  called after each change of the regions or of which is chosen
   */
  constructor(root, address, [width, height], changed) {
    Object.assign(this, { width, height, changed, list: [], chosen: null, cells: () => 1, groups: new Map() });
    this.unit = Math.max(width, height);
    this.drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Regions", "aria-describedby": "keys" });
    this.drawn.append(svg("image", { href: address, width, height }));
    this.drawn.addEventListener("pointerdown", (event) => this.begin(event));
    root.append(this.drawn);
  }

  /** Add a region and choose it. */
  add(box) {
    const taken = new Set(this.list.map((one) => one.name));
    let number = this.list.length + 1;
    const named = () => (number === 1 ? "counter" : `counter${number}`);
    while (taken.has(named())) number++;
    const region = { name: named(), angle: 0, cells: this.cells(), ...box };
    this.list.push(region);
    this.choose(region);
    return region;
  }

  remove(region) {
    this.list.splice(this.list.indexOf(region), 1);
    this.choose(this.list.at(-1) ?? null);
  }

  /** Let a region be written before the one before it. */
  earlier(region) {
    const at = this.list.indexOf(region);
    if (at > 0) this.list.splice(at - 1, 2, region, this.list[at - 1]);
    this.redraw();
  }

  choose(region) {
    this.chosen = region;
    this.redraw();
  }

  /** Draw what has changed; elements stay what they are, and keep the keyboard's focus. */
  redraw() {
    for (const [region, group] of this.groups) {
      if (this.list.includes(region)) continue;
      group.remove();
      this.groups.delete(region);
    }
    for (const region of this.list) this.place(region);
    this.changed();
  }

  place(region) {
    const group = this.groups.get(region) ?? this.grouped(region);
    const chosen = region === this.chosen;
    group.classList.toggle("chosen", chosen);
    group.setAttribute("aria-pressed", chosen);
    const row = region.cells > 1 ? `a row of ${region.cells} cells` : "a box";
    group.setAttribute("aria-label", `${region.name}: ${row} at ${region.x}, ${region.y}, ${region.width} x ${region.height}`);
    const radius = this.unit * HANDLE;
    const handles = chosen ? CORNERS.map((corner, i) => {
      const [cx, cy] = at(region, ...corner);
      return svg("circle", { cx, cy, r: radius, class: "handle", "data-corner": i });
    }) : [];
    if (chosen) {
      const [cx, cy] = at(region, 0, -1, this.unit * OFF);
      handles.push(svg("circle", { cx, cy, r: radius, class: "handle turn", "data-turn": "" }));
    }
    group.replaceChildren(svg("path", { d: outline(region) }), ...handles);
  }

  grouped(region) {
    const group = svg("g", { class: "region", tabindex: 0, role: "button" });
    group.addEventListener("focus", () => region !== this.chosen && this.choose(region));
    group.addEventListener("keydown", (event) => this.key(event, region));
    this.groups.set(region, group);
    this.drawn.append(group);
    return group;
  }

  /** Return where on the photograph a pointer is: within it, however far the pointer goes. */
  point(event) {
    const { a, d, e, f } = this.drawn.getScreenCTM();
    return [clamp((event.clientX - e) / a, 0, this.width), clamp((event.clientY - f) / d, 0, this.height)];
  }

  /** Begin what a pressed button begins: a handle, a region's move, or a new region. */
  begin(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    const from = this.point(event);
    const region = [...this.groups].find(([, group]) => group.contains(event.target))?.[0] ?? null;
    this.groups.get(region)?.focus();
    const { corner, turn } = event.target.dataset;
    const before = { ...region };
    let doing;
    if (turn !== undefined) doing = (to) => turned(region, to);
    else if (corner !== undefined) doing = (to) => resized(region, before, CORNERS[corner], to);
    else if (region) doing = (to) => this.moved(region, before, to[0] - from[0], to[1] - from[1]);
    else doing = this.drawing(from);
    this.follow(event, doing);
  }

  /** Return what draws a new region from one corner to where the pointer is. */
  drawing(from) {
    let made = null;
    return (to) => {
      const box = boxed(from, to);
      if (made === null && Math.min(box.width, box.height) < LEAST) return;
      made ??= this.add(box);
      Object.assign(made, box);
    };
  }

  follow({ pointerId }, doing) {
    const move = (event) => {
      if (event.pointerId !== pointerId) return;
      doing(this.point(event));
      this.redraw();
    };
    const end = (event) => {
      if (event.pointerId !== pointerId) return;
      removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) removeEventListener(name, end);
      this.groups.get(this.chosen)?.focus();
    };
    addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, end);
  }

  /** Move a region from where it was, no farther than the photograph goes. */
  moved(region, before, right, down) {
    const corners = CORNERS.map((corner) => at(before, ...corner));
    const within = (by, axis, most) => {
      const along = corners.map((corner) => corner[axis]);
      return clamp(by, -Math.min(...along), most - Math.max(...along));
    };
    region.x = rounded(before.x + within(right, 0, this.width), region);
    region.y = rounded(before.y + within(down, 1, this.height), region);
  }

  key(event, region) {
    const arrow = ARROWS[event.key];
    if (arrow && event.shiftKey) {
      region.width = Math.max(LEAST, region.width + arrow[0]);
      region.height = Math.max(LEAST, region.height + arrow[1]);
    } else if (arrow) this.moved(region, { ...region }, ...arrow);
    else if (event.key === "[" || event.key === "]") region.angle += event.key === "]" ? 0.5 : -0.5;
    else if (event.key === "Delete" || event.key === "Backspace") {
      this.remove(region);
      (this.groups.get(this.chosen) ?? this.drawn.parentElement).focus();
    } else return;
    event.preventDefault();
    this.redraw();
  }
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

/** Return a number as layouts have them: whole pixels, but of turned boxes, whose corners lie anywhere. */
const rounded = (value, { angle }) => (angle ? Math.round(value * 10) / 10 : Math.round(value));

function boxed([left, top], [right, bottom]) {
  const [x, y] = [Math.min(left, right), Math.min(top, bottom)].map(Math.round);
  return { x, y, width: Math.round(Math.max(left, right)) - x, height: Math.round(Math.max(top, bottom)) - y };
}

/** Return where a point of a region lies: -1 to 1 across and down, and so many pixels above that. */
function at({ x, y, width, height, angle }, across, down, above = 0) {
  const [dx, dy] = rotated([(across * width) / 2, (down * height) / 2 - above], angle);
  return [x + width / 2 + dx, y + height / 2 + dy];
}

/** Return a vector turned clockwise by degrees. */
function rotated([dx, dy], degrees) {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return [dx * cos - dy * sin, dx * sin + dy * cos];
}

/** Return the path of a region's edge, and of the lines between its cells. */
function outline(region) {
  const path = CORNERS.map((corner) => at(region, ...corner).join(" "));
  const between = Array.from({ length: region.cells - 1 }, (_, i) => {
    const across = (2 * (i + 1)) / region.cells - 1;
    return `M${at(region, across, -1).join(" ")}L${at(region, across, 1).join(" ")}`;
  });
  return `M${path.join("L")}Z${between.join("")}`;
}

/** Move a corner of a region; the opposite one stays. */
function resized(region, before, [across, down], to) {
  const still = at(before, -across, -down);
  const local = rotated([to[0] - still[0], to[1] - still[1]], -before.angle);
  region.width = rounded(Math.max(LEAST, across * local[0]), region);
  region.height = rounded(Math.max(LEAST, down * local[1]), region);
  const [dx, dy] = rotated([(across * region.width) / 2, (down * region.height) / 2], before.angle);
  region.x = rounded(still[0] + dx - region.width / 2, region);
  region.y = rounded(still[1] + dy - region.height / 2, region);
}

/** Turn a region so that its upper side looks to a point; by half degrees. */
function turned(region, [x, y]) {
  const [dx, dy] = [x - region.x - region.width / 2, y - region.y - region.height / 2];
  region.angle = Math.round((Math.atan2(dx, -dy) * 360) / Math.PI) / 2;
}
