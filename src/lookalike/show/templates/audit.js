"use strict";
const audit = JSON.parse(document.getElementById("audit").textContent);
const perPage = 20;
const decided = new Map();
let shown = audit.findings.map((_, place) => place);
let page = 0;

const make = (name, text = "", more = {}) => {
  const made = Object.assign(document.createElement(name), more);
  made.textContent = text;
  return made;
};
const part = (id) => document.getElementById(id);

function figure(place) {
  const made = make("figure");
  const image = audit.images[place];
  made.append(
    make("img", "", { src: image.uri, alt: `${image.name}, labelled ${image.label}` }),
    make("figcaption", `${image.label} · ${image.part}: ${image.name}`),
  );
  return made;
}

function choices(finding) {
  const made = make("div", "", { className: "choice" });
  const label = make("select");
  label.setAttribute("aria-label", "new label");
  for (const name of audit.classes) label.append(make("option", name, { value: name }));
  const [action, chosen] = decision(finding.places[0]);
  label.value = chosen || finding.label || audit.images[finding.places[0]].label;
  for (const [name, key] of [["keep", "1"], ["relabel", "2"], ["drop", "3"]]) {
    const button = make("button", `${name} (${key})`, { type: "button" });
    button.dataset.action = name;
    button.setAttribute("aria-pressed", String(action === name));
    made.append(button);
    if (name === "relabel") made.append(label);
  }
  return made;
}

// What is to be done with an image, and its new label: as people decided, else as it is proposed.
const decision = (place) => decided.get(place) ?? [audit.rows[place][5], audit.rows[place][6]];

function decide(item, action) {
  const place = Number(item.dataset.place);
  if (action === null) decided.delete(place);
  else decided.set(place, [action, action === "relabel" ? item.querySelector("select").value : ""]);
  for (const other of part("list").children) {
    if (Number(other.dataset.place) !== place) continue;
    for (const button of other.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.action === decision(place)[0]));
    }
  }
  part("decided").textContent = `${decided.size} decided`;
}

function draw(focus = false) {
  const pages = Math.max(1, Math.ceil(shown.length / perPage));
  page = Math.min(Math.max(page, 0), pages - 1);
  part("page").textContent = `page ${page + 1} of ${pages}, ${shown.length} findings`;
  part("list").replaceChildren(
    ...shown.slice(page * perPage, (page + 1) * perPage).map((number) => {
      const finding = audit.findings[number];
      const item = make("li", "", { tabIndex: 0 });
      item.dataset.place = finding.places[0];
      const beside = make("div", "", { className: "beside" });
      beside.append(...finding.places.map(figure));
      const said = make("p", `${finding.title}: ${finding.why}`, { className: "finding" });
      item.append(said, beside, choices(finding));
      return item;
    }),
  );
  if (focus) part("list").firstElementChild?.focus();
}

function turn(by) {
  page += by;
  draw(true);
}

function save() {
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const rows = Object.entries(audit.rows).map(([place, row]) => {
    const [action, label] = decision(Number(place));
    return [...row.slice(0, 5), action, label, ...row.slice(7)];
  });
  const text = [audit.columns, ...rows].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
  const link = make("a", "", { download: "findings.csv" });
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const actions = { 1: "keep", 2: "relabel", 3: "drop", 0: null };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  const item = document.activeElement?.closest("#list > li");
  if (event.key === "j" || event.key === "k") {
    const next = event.key === "j" ? item?.nextElementSibling : item?.previousElementSibling;
    (next ?? (item ? item : part("list").firstElementChild))?.focus();
  } else if (event.key === "n") turn(1);
  else if (event.key === "p") turn(-1);
  else if (event.key === "s") save();
  else if (event.key in actions && item) {
    decide(item, actions[event.key]);
    item.nextElementSibling?.focus();
  } else return;
  event.preventDefault();
});
part("list").addEventListener("click", (event) => {
  const action = event.target.dataset?.action;
  if (action) decide(event.target.closest("#list > li"), action);
});
part("list").addEventListener("change", (event) => decide(event.target.closest("#list > li"), "relabel"));
part("before").addEventListener("click", () => turn(-1));
part("after").addEventListener("click", () => turn(1));
part("save").addEventListener("click", save);
part("kind").append(make("option", `all (${audit.findings.length})`, { value: "" }));
for (const [kind, title, count] of audit.kinds) {
  part("kind").append(make("option", `${title} (${count})`, { value: kind }));
}
part("kind").addEventListener("change", (event) => {
  const wanted = event.target.value;
  shown = audit.findings.map((_, place) => place).filter((place) => !wanted || audit.findings[place].kind === wanted);
  page = 0;
  draw();
});
draw();
