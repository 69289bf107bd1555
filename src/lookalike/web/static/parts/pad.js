/** Where one draws: by mouse, touch, pen or keyboard, or lays an image instead. */

import { ask, h } from "./dom.js";
import { decoded, pixelsOf } from "./pictures.js";

/** The pen's width as a share of the pad's side: what can be chosen, and what is at first. */
const WIDTHS = { min: 0.015, max: 0.15, step: 0.005, value: 0.065 };
const STEP = 0.025;
const MOST_UNDOS = 100;
const EMPTY = { strokes: [], laid: null };

export class Pad {
  /**
   * @param onChange  called with {strokes, laid} whenever what is on the pad has changed: strokes are lists of
   *   {x, y, width} in 0 to 1 of the pad's side, and `laid` is an image {width, height, data: RGBA} or null
   */
  constructor(root, onChange) {
    this.onChange = onChange;
    this.content = EMPTY;
    this.before = [];
    this.erasing = false;
    this.pen = { x: 0.5, y: 0.5, shown: false, down: false };
    this.canvas = h("canvas", {
      id: "paper", tabindex: 0, role: "application", "aria-roledescription": "drawing area",
      "aria-label": "Draw here", "aria-describedby": "pad-keys",
    });
    this.hint = h("p", { class: "hint", "aria-hidden": "true" }, "Draw here");
    this.sheet = h("div", { class: "sheet" }, this.canvas, this.hint);
    root.append(this.sheet, this.tools(), h("p", { id: "pad-keys", class: "fine" }, ...KEYS));
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  tools() {
    this.penButton = h("button", { type: "button", "aria-pressed": "true", onclick: () => this.erase(false) }, "Pen");
    this.eraser = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.erase(true) }, "Eraser");
    this.width = h("input", { type: "range", id: "width", ...WIDTHS, "aria-label": "Thickness" });
    this.undoButton = h("button", { type: "button", onclick: () => this.undo() }, "Undo");
    this.clearButton = h("button", { type: "button", onclick: () => this.clear() }, "Clear");
    const file = h("input", { type: "file", accept: "image/*", class: "hidden", id: "file", tabindex: -1, "aria-label": "Image file" });
    file.addEventListener("change", () => { this.layFile(file.files[0]); file.value = ""; });
    const open = h("button", { type: "button", onclick: () => file.click() }, "Image");
    const camera = navigator.mediaDevices?.getUserMedia
      && h("button", { type: "button", onclick: () => this.photograph() }, "Camera");
    return h("div", { class: "tools" },
      h("div", { class: "joined", role: "group", "aria-label": "Tool" }, this.penButton, this.eraser),
      h("label", { class: "thickness" }, h("span", {}, "Thin"), this.width, h("span", {}, "Thick")),
      h("div", { class: "row" }, this.undoButton, this.clearButton, open, camera, file));
  }

  listen() {
    const { canvas, sheet } = this;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.follow(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.end(event));
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("blur", () => { this.pen.shown = this.pen.down = false; this.draw(); });
    sheet.addEventListener("dragover", (event) => { event.preventDefault(); sheet.classList.add("over"); });
    sheet.addEventListener("dragleave", () => sheet.classList.remove("over"));
    sheet.addEventListener("drop", (event) => {
      event.preventDefault();
      sheet.classList.remove("over");
      this.layFile(event.dataTransfer.files[0]);
    });
    document.addEventListener("paste", (event) => {
      const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
      if (file) this.layFile(file);
    });
  }

  /** Draw with the pointer: a stroke begins, and an image that was laid makes way for it. */
  begin(event) {
    if (this.pointer !== undefined || event.button > 0) return;
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.remember();
    this.pen.shown = false;
    if (this.erases(event)) this.rub(this.place(event));
    else this.change({ strokes: [...this.content.strokes, [this.place(event)]], laid: null });
  }

  follow(event) {
    if (event.pointerId !== this.pointer) return;
    // Between two frames a pen reports more places than one event tells.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      if (this.erases(event)) this.rub(this.place(each));
      else this.content.strokes.at(-1).push(this.place(each));
    }
    this.change(this.content);
  }

  end(event) {
    if (event.pointerId === this.pointer) this.pointer = undefined;
  }

  /** A pen's own eraser erases too. */
  erases(event) {
    return this.erasing || (event.buttons & 32) > 0;
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const pressed = event.pointerType === "pen" && event.pressure > 0 ? 0.4 + 1.2 * event.pressure : 1;
    const width = Number(this.width.value) * pressed;
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height, width };
  }

  /** Take strokes away where the eraser touches them; what is left of a stroke may be several. */
  rub({ x, y, width }) {
    const strokes = this.content.strokes.flatMap((stroke) => {
      const parts = [[]];
      for (const point of filled(stroke)) {
        if (Math.hypot(point.x - x, point.y - y) > width / 2 + point.width / 2) parts.at(-1).push(point);
        else if (parts.at(-1).length) parts.push([]);
      }
      return parts.filter((part) => part.length);
    });
    this.change({ strokes, laid: this.content.laid });
  }

  /** Draw with the keyboard: arrows move a pen that Space puts down and lifts. */
  press(event) {
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() === "z") { event.preventDefault(); this.undo(); }
      return;
    }
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const does = { " ": () => this.putDown(), z: () => this.undo(), e: () => this.erase(!this.erasing), Delete: () => this.clear(), Backspace: () => this.clear() };
    const move = moves[event.key];
    if (!move && !does[event.key]) return;
    event.preventDefault();
    if (move) this.movePen(...move.map((one) => one * STEP * (event.shiftKey ? 3 : 1)));
    else does[event.key]();
    this.pen.shown = true;
    this.draw();
  }

  putDown() {
    this.pen.down = !this.pen.down;
    if (!this.pen.down) return;
    this.remember();
    const point = this.penPoint();
    if (this.erasing) this.rub(point);
    else this.change({ strokes: [...this.content.strokes, [point]], laid: null });
  }

  movePen(dx, dy) {
    this.pen.x = Math.min(1, Math.max(0, this.pen.x + dx));
    this.pen.y = Math.min(1, Math.max(0, this.pen.y + dy));
    if (!this.pen.down) return;
    if (this.erasing) this.rub(this.penPoint());
    else {
      this.content.strokes.at(-1).push(this.penPoint());
      this.change(this.content);
    }
  }

  penPoint() {
    return { x: this.pen.x, y: this.pen.y, width: Number(this.width.value) };
  }

  erase(erasing) {
    this.erasing = erasing;
    this.penButton.setAttribute("aria-pressed", String(!erasing));
    this.eraser.setAttribute("aria-pressed", String(erasing));
    this.sheet.classList.toggle("erasing", erasing);
  }

  remember() {
    this.before.push({ ...this.content, strokes: this.content.strokes.map((stroke) => [...stroke]) });
    if (this.before.length > MOST_UNDOS) this.before.shift();
  }

  undo() {
    if (!this.before.length) return;
    this.pen.down = false;
    this.change(this.before.pop());
  }

  clear() {
    if (this.isEmpty) return;
    this.remember();
    this.pen.down = false;
    this.change(EMPTY);
  }

  async layFile(file) {
    if (!file) return;
    try {
      this.lay(await decoded(file));
    } catch {
      this.onTrouble?.(`${file.name || "What was pasted"} is no image that this browser can read.`);
    }
  }

  lay(image) {
    this.remember();
    this.change({ strokes: [], laid: image });
  }

  async photograph() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      this.onTrouble?.("The camera may not be used here, or there is none.");
      return;
    }
    const video = h("video", { autoplay: true, playsinline: true, muted: true, "aria-label": "What the camera sees" });
    video.srcObject = stream;
    const pressed = await ask("Camera", video, [
      h("button", { value: "" }, "Cancel"),
      h("button", { value: "take", class: "first" }, "Take"),
    ]);
    if (pressed === "take" && video.videoWidth) this.lay(pixelsOf(video, video.videoWidth, video.videoHeight));
    stream.getTracks().forEach((track) => track.stop());
  }

  get isEmpty() {
    return !this.content.strokes.length && !this.content.laid;
  }

  change(content) {
    this.content = content === EMPTY ? { strokes: [], laid: null } : content;
    this.hint.hidden = !this.isEmpty;
    this.undoButton.disabled = !this.before.length;
    this.clearButton.disabled = this.isEmpty;
    this.draw();
    this.onChange(this.content);
  }

  /** Draw what is on the pad, once a frame. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      const side = Math.round(this.canvas.clientWidth * devicePixelRatio);
      if (this.canvas.width !== side) Object.assign(this.canvas, { width: side, height: side });
      const context = this.canvas.getContext("2d");
      context.clearRect(0, 0, side, side);
      const style = getComputedStyle(this.canvas);
      if (this.content.laid) layOn(context, side, this.content.laid);
      context.strokeStyle = context.fillStyle = style.color;
      context.lineCap = context.lineJoin = "round";
      for (const stroke of this.content.strokes) inkStroke(context, side, stroke);
      if (this.pen.shown) this.drawPen(context, side, style.accentColor);
    });
  }

  drawPen(context, side, colour) {
    const [x, y] = [this.pen.x * side, this.pen.y * side];
    context.strokeStyle = colour;
    context.lineWidth = 2 * devicePixelRatio;
    context.beginPath();
    context.arc(x, y, Math.max(4, (Number(this.width.value) * side) / 2), 0, 2 * Math.PI);
    if (!this.pen.down) {
      context.moveTo(x - 12, y);
      context.lineTo(x + 12, y);
      context.moveTo(x, y - 12);
      context.lineTo(x, y + 12);
    }
    context.stroke();
  }
}

const KEYS = ["By keyboard: ", h("kbd", {}, "arrows"), " move the pen, ", h("kbd", {}, "Space"), " puts it down or lifts it, ",
  h("kbd", {}, "Z"), " takes back, ", h("kbd", {}, "E"), " erases, ", h("kbd", {}, "Delete"), " clears."];

/** Return a stroke with points so near together that an eraser cannot slip between them. */
function filled(stroke) {
  return stroke.flatMap((end, i) => {
    const start = stroke[Math.max(i - 1, 0)];
    const pieces = Math.max(1, Math.ceil(Math.hypot(end.x - start.x, end.y - start.y) / 0.01));
    return Array.from({ length: i ? pieces : 1 }, (_, at) => between(start, end, (at + 1) / pieces));
  });
}

function between(start, end, share) {
  const mixed = (name) => start[name] + share * (end[name] - start[name]);
  return { x: mixed("x"), y: mixed("y"), width: mixed("width") };
}

function inkStroke(context, side, stroke) {
  stroke.forEach((end, i) => {
    const start = stroke[Math.max(i - 1, 0)];
    context.lineWidth = ((start.width + end.width) / 2) * side;
    context.beginPath();
    context.moveTo(start.x * side, start.y * side);
    context.lineTo(end.x * side, end.y * side);
    context.stroke();
  });
}

function layOn(context, side, image) {
  const canvas = h("canvas", { width: image.width, height: image.height });
  canvas.getContext("2d").putImageData(image, 0, 0);
  const scale = side / Math.max(image.width, image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  context.imageSmoothingEnabled = scale < 4;
  context.drawImage(canvas, (side - width) / 2, (side - height) / 2, width, height);
}
