/** What an audit found, a page at a time: verdicts by keyboard, which the browser keeps, and a table of them. */

const PER_PAGE = 20;
const ACTIONS = ["keep", "relabel", "drop", "look"];
const NEEDED = ["part", "image", "action", "new_label"];
/** Keys, the word that is said of each, and what it does. */
const KEYS = [
  ["j", "next", (list) => list.move(1)],
  ["k", "previous", (list) => list.move(-1)],
  ["1", "keep", (list) => list.decideHere("keep")],
  ["2", "relabel", (list) => list.decideHere("relabel")],
  ["l", "another label", (list) => typeInto(list.here?.querySelector("input"))],
  ["3", "drop", (list) => list.decideHere("drop")],
  ["0", "undecided", (list) => list.decideHere(null)],
  ["u", "undo", (list) => list.undo()],
  ["n", "next page", (list) => list.turn(1)],
  ["p", "page before", (list) => list.turn(-1)],
  ["g", "go to a number", (list) => typeInto(list.number)],
  ["f", "filter", (list) => list.kind.focus()],
  ["s", "save", (list) => list.save()],
  ["o", "open a saved table", (list) => list.file.click()],
];

/** Make an element; what comes from outside becomes text, never HTML. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat());
  return element;
}

const counted = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
/** Let a text be typed over: not every browser goes to what is selected. */
function typeInto(input) {
  input?.focus();
  input?.select();
}

const isSame = (one, other) => one[0] === other[0] && one[1] === other[1];

export class Findings {
  /** @param root  where all of it is put; {@link show} says what */
  constructor(root) {
    this.root = root;
    const button = (text, key, does) => make("button", { type: "button", "aria-keyshortcuts": key, onclick: does }, text);
    this.kind = make("select", { onchange: () => this.filter() });
    this.state = make("select", { "aria-label": "decided or not", onchange: () => this.filter() },
      ["all", "not decided", "decided"].map((name) => make("option", { value: name }, name)));
    this.number = make("input", { type: "number", min: 1, value: 1, "aria-keyshortcuts": "g", onchange: () => this.goTo(this.number.value - 1) });
    this.many = make("span");
    this.file = make("input", { type: "file", accept: ".csv,text/csv", hidden: "", onchange: () => this.open() });
    this.said = make("p", { class: "finding-said", role: "status" });
    this.list = make("ol", { class: "finding-list" });
    this.labels = make("datalist", { id: "finding-labels" });
    root.append(
      make("p", { class: "finding-keys" }, "Keys: ", KEYS.map(([key, what]) => make("span", {}, make("kbd", {}, key), ` ${what}`))),
      make("div", { class: "finding-bar" },
        make("label", {}, "Show ", this.kind), this.state, make("label", {}, "Number ", this.number), this.many,
        button("Page before", "p", () => this.turn(-1)), button("Next page", "n", () => this.turn(1)),
        button("Undo", "u", () => this.undo()), button("Save findings.csv", "s", () => this.save()),
        button("Open a saved table", "o", () => this.file.click()), this.file, this.said),
      this.list, this.labels);
    this.list.addEventListener("click", (event) => this.press(event));
    this.list.addEventListener("change", (event) => this.decide(this.placeOf(event.target), "relabel", event.target.value));
    this.list.addEventListener("focusin", (event) => this.stand(Number(event.target.closest("li").dataset.at)));
    document.addEventListener("keydown", (event) => this.key(event));
    addEventListener("storage", (event) => event.key === this.memory && this.recall());
    addEventListener("beforeunload", (event) => this.unsaved && !this.remembers && event.preventDefault());
  }

  /** Show what an audit found: as `lookalike.audit.page.document_of` tells it. */
  show(found) {
    this.found = found;
    this.memory = `lookalike audit: ${found.name}`;
    this.rows = new Map(found.rows.map(([place, key, cells]) => [place, { key, cells }]));
    this.byKey = new Map(found.rows.map(([place, key]) => [key, place]));
    Object.assign(this, { past: [], shown: null, unsaved: false });
    this.list.replaceChildren();
    this.kind.replaceChildren(make("option", { value: "" }, `all (${found.findings.length.toLocaleString("en")})`),
      ...found.kinds.map(([kind, title, count]) => make("option", { value: kind }, `${title} (${count.toLocaleString("en")})`)));
    this.state.value = "all";
    this.labels.replaceChildren(...found.classes.map((name) => make("option", { value: name })));
    this.recall();
    this.filter();
  }

  /** Return what was decided: the name, action and new label of each image. */
  verdicts() {
    return Array.from(this.decided, ([place, [action, label]]) => ({ image: this.rows.get(place).cells[2], action, label }));
  }

  // Where one stands.

  /** The element of the finding at which one stands, where that has the focus. */
  get here() {
    return document.activeElement?.closest(".finding-list > li") ?? null;
  }

  placeOf(element) {
    return this.findingAt(Number(element.closest("li").dataset.at)).places[0];
  }

  findingAt(at) {
    return this.found.findings[this.shown[at]];
  }

  filter() {
    const { kind, state } = this;
    const isShown = (finding) => (!kind.value || finding.kind === kind.value) &&
      (state.value === "all" || this.decided.has(finding.places[0]) === (state.value === "decided"));
    this.shown = this.found.findings.flatMap((finding, place) => (isShown(finding) ? [place] : []));
    this.many.textContent = `of ${this.shown.length.toLocaleString("en")}`;
    this.number.max = Math.max(1, this.shown.length);
    this.draw(0);
  }

  stand(at) {
    this.at = at;
    this.number.value = at + 1;
  }

  move(by) {
    this.goTo(this.here ? this.at + by : this.at);
  }

  turn(by) {
    this.goTo((Math.floor(this.at / PER_PAGE) + by) * PER_PAGE);
  }

  goTo(at) {
    const meant = Math.min(Math.max(Math.trunc(at), 0), this.shown.length - 1);
    if (meant < 0) return;
    if (!this.itemAt(meant)) this.draw(meant);
    const item = this.itemAt(meant);
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest", behavior: "instant" });
  }

  itemAt(at) {
    return this.list.querySelector(`:scope > [data-at="${at}"]`);
  }

  draw(at) {
    const first = Math.floor(at / PER_PAGE) * PER_PAGE;
    this.stand(at);
    this.list.start = first + 1;
    this.list.replaceChildren(...this.shown.slice(first, first + PER_PAGE).map((_, row) => this.item(first + row)));
    if (!this.shown.length) this.list.append(make("li", { class: "none" }, "None."));
  }

  item(at) {
    const finding = this.findingAt(at);
    const label = make("input", { list: "finding-labels", "aria-label": "new label", autocomplete: "off" });
    const pressed = (name, key) => make("button", { type: "button", "data-action": name, "aria-keyshortcuts": key }, `${name} `, make("kbd", {}, key));
    const name = this.found.images[finding.places[0]].name;
    const item = make("li", { tabindex: 0, "data-at": at },
      make("p", {}, make("b", {}, `${(at + 1).toLocaleString("en")}. ${finding.title}:`), ` ${finding.why}`),
      make("div", { class: "finding-images" }, finding.places.map((place) => this.figure(place))),
      make("div", { class: "finding-choice", role: "group", "aria-label": `what to do with ${name}` },
        pressed("keep", "1"), pressed("relabel", "2"), label, pressed("drop", "3"), make("span")));
    this.tell(item);
    return item;
  }

  figure(place) {
    const { uri, name, label, part } = this.found.images[place];
    const where = this.found.parts > 1 ? `${part}: ${name}` : name;
    return make("figure", {}, make("img", { src: uri, alt: `${name}, labelled ${label}` }),
      make("figcaption", {}, make("b", {}, label), ` ${where}`));
  }

  /** Show what is to be done with a finding's image: what people decided, else what is proposed. */
  tell(item) {
    const finding = this.findingAt(Number(item.dataset.at));
    const [place] = finding.places;
    const decided = this.decided.get(place);
    const [action, label] = decided ?? this.proposed(place);
    const said = action === "relabel" ? `relabel as ${label}` : action;
    item.classList.toggle("decided", decided !== undefined);
    item.querySelector("input").value = label || finding.label || this.rows.get(place).cells[4];
    item.querySelector("span").textContent = `${decided ? "decided" : "proposed"}: ${said}`;
    for (const button of item.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(decided !== undefined && button.dataset.action === action));
      button.classList.toggle("proposed", !decided && button.dataset.action === action);
    }
  }

  // What people decide.

  proposed(place) {
    return this.rows.get(place).cells.slice(5, 7);
  }

  /** Decide about the finding that has the focus, and go on to the next. */
  decideHere(action) {
    const item = this.here;
    // What one does not stand at is shown first.
    if (!item) this.goTo(this.at);
    else if (this.decide(this.placeOf(item), action, item.querySelector("input").value)) this.move(1);
  }

  /** Decide about an image; null leaves it undecided. Returns whether that can be. */
  decide(place, action, text = "") {
    const label = action === "relabel" ? text.trim() : "";
    if (action === "relabel" && !label) {
      this.say("A new label is missing: press l and type it.");
      return false;
    }
    this.change([[place, action && [action, label]]]);
    this.say(label && !this.found.classes.includes(label) ? `“${label}” is a new class.` : "");
    return true;
  }

  /** Decide about some images at once; it can be taken back at once. */
  change(all) {
    const changes = all.filter(([place, verdict]) => !isSame(verdict ?? [], this.decided.get(place) ?? []));
    if (!changes.length) return;
    this.past.push(changes.map(([place]) => [place, this.decided.get(place) ?? null]));
    this.set(changes);
  }

  set(changes) {
    for (const [place, verdict] of changes) {
      if (verdict) this.decided.set(place, verdict);
      else this.decided.delete(place);
    }
    this.unsaved = true;
    this.keep(Object.fromEntries(Array.from(this.decided, ([place, verdict]) => [this.rows.get(place).key, verdict])));
    this.tellAll();
  }

  tellAll() {
    for (const item of this.list.querySelectorAll(":scope > [data-at]")) this.tell(item);
  }

  undo() {
    const changes = this.past.pop();
    if (!changes) {
      this.say("There is nothing to undo.");
      return;
    }
    this.set(changes);
    const at = this.shown.findIndex((place) => this.found.findings[place].places[0] === changes[0][0]);
    if (at >= 0) this.goTo(at);
    this.say("Taken back.");
  }

  say(text) {
    const kept = this.remembers ? "kept in this browser" : "this browser keeps nothing: save the table before you close the page";
    const count = `${this.decided.size.toLocaleString("en")} of ${counted(this.rows.size, "image", "images")} decided; ${kept}.`;
    this.said.textContent = text ? `${text} ${count}` : count;
  }

  // What outlives the page. Images are known by their pixels, names and labels: places differ in another audit.

  keep(verdicts) {
    try {
      localStorage.setItem(this.memory, JSON.stringify(verdicts));
      this.remembers = true;
    } catch {
      this.remembers = false;
    }
  }

  recall() {
    let kept = {};
    try {
      kept = JSON.parse(localStorage.getItem(this.memory)) ?? {};
      this.remembers = true;
    } catch {
      this.remembers = false;
    }
    const known = Object.entries(kept).filter(([key, verdict]) => this.byKey.has(key) && ACTIONS.includes(verdict?.[0]));
    this.decided = new Map(known.map(([key, [action, label]]) => [this.byKey.get(key), [action, String(label)]]));
    if (this.shown) this.tellAll();
    this.say("");
  }

  save() {
    const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
    const rows = Array.from(this.rows, ([place, { cells }]) => {
      const verdict = this.decided.get(place);
      return [...cells.slice(0, 5), ...(verdict ?? this.proposed(place)), ...cells.slice(7, -1), verdict ? "yes" : ""];
    });
    const text = [this.found.columns, ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
    const link = make("a", { download: "findings.csv", href: URL.createObjectURL(new Blob([text], { type: "text/csv" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    this.unsaved = false;
    this.say("Saved; what is not decided stands in the table as proposed.");
  }

  async open() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    const [head = [], ...rows] = cellsOf(await file.text());
    if (!NEEDED.every((name) => head.includes(name))) {
      this.say(`${file.name} is no table of findings: expected the columns ${NEEDED.join(", ")}.`);
      return;
    }
    const places = new Map(Array.from(this.rows, ([place, { cells }]) => [`${cells[1]}\n${cells[2]}`, place]));
    const changes = [];
    let others = 0;
    for (const cells of rows) {
      const row = Object.fromEntries(head.map((name, column) => [name, cells[column] ?? ""]));
      const place = places.get(`${row.part}\n${row.image}`);
      if (place === undefined || !ACTIONS.includes(row.action)) others += 1;
      else if (row.decided || !isSame([row.action, row.new_label], this.proposed(place))) {
        changes.push([place, [row.action, row.action === "relabel" ? row.new_label : ""]]);
      }
    }
    this.change(changes);
    this.say(`${counted(changes.length, "verdict was", "verdicts were")} read${others ? `; ${counted(others, "line is", "lines are")} of images or actions that are not known here` : ""}.`);
  }

  // What is pressed.

  press(event) {
    const action = event.target.closest("button")?.dataset.action;
    const item = event.target.closest("li");
    if (action) this.decide(this.placeOf(item), action, item.querySelector("input").value);
  }

  key(event) {
    const { key, target } = event;
    if (!this.shown || !this.root.checkVisibility() || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.matches("input, select, textarea")) {
      if (!this.root.contains(target) || (key !== "Enter" && key !== "Escape")) return;
      const isLabel = this.list.contains(target);
      if (isLabel && key === "Escape") this.tellAll();
      if (isLabel && key === "Enter") this.decideHere("relabel");
      else this.goTo(key === "Enter" && target === this.number ? target.value - 1 : this.at);
    } else {
      const does = KEYS.find(([one]) => one === key)?.[2];
      if (!does) return;
      does(this);
    }
    event.preventDefault();
  }
}

/** Return the rows of a CSV text (RFC 4180), each a list of cells. */
function cellsOf(text) {
  const rows = [[]];
  for (const [, quoted, bare, end] of text.replace(/^\ufeff/, "").matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/g)) {
    rows.at(-1).push(quoted?.replaceAll('""', '"') ?? bare);
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.length > 1 || row[0]);
}
