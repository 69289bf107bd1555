// What was taught, kept in the browser under the model's own mark; where a browser keeps nothing, it says so.

const PREFIX = "lookalike:";

export class Memory {
  /** `text` is the model: what another model was taught is another's. */
  constructor(name, text) {
    this.key = `${PREFIX}${markOf(`${name} ${text}`)}`;
    this.works = true;
    try {
      this.kept = new Map(JSON.parse(localStorage.getItem(this.key) ?? "[]"));
      this.write();
    } catch {
      this.kept = new Map();
      this.works = false;
    }
  }

  get sentence() {
    return this.works
      ? "it is kept in this browser"
      : "this browser keeps nothing for this page: it is forgotten when the page is closed";
  }

  /** Return what each model was taught: [name, entries]. */
  entries() {
    return Array.from(this.kept, ([name, entries]) => [name, entries.map(opened)]);
  }

  keep(name, entries) {
    this.kept.set(name, entries.map(closed));
    if (!this.works) return;
    try {
      this.write();
    } catch {
      this.works = false;
    }
  }

  write() {
    localStorage.setItem(this.key, JSON.stringify(Array.from(this.kept)));
  }
}

function closed({ kind, label, id, image }) {
  if (kind === "forget") return { kind, id };
  return { kind, label, image: { ...image, data: btoa(String.fromCharCode(...image.data)) } };
}

function opened({ kind, label, id, image }) {
  if (kind === "forget") return { kind, id };
  const data = Uint8Array.from(atob(image.data), (letter) => letter.charCodeAt(0));
  return { kind, label, image: { ...image, data } };
}

/** Return a short mark of a text (FNV-1a, twice, of 32 bits each). */
function markOf(text) {
  let [one, two] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    one = Math.imul(one ^ text.charCodeAt(i), 0x01000193);
    two = Math.imul(two ^ text.charCodeAt(i), 0x85ebca6b);
  }
  return [one, two].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
