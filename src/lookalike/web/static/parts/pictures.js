/** Images as pictures: bytes, signed differences, and where pixels moved. */

import { h, svg } from "./dom.js";

/** Ink that is there and not in the other image, and ink that is missing: apart for eyes of every kind. */
const MORE = [213, 94, 0];
const LESS = [0, 114, 178];

/** Return a picture of an image, which grows with crisp pixels. */
export function picture(image, label, properties = {}) {
  const canvas = h("canvas", { role: "img", "aria-label": label, ...properties });
  if (image) paint(canvas, image);
  return canvas;
}

/** Put an image, or a signed difference, on a canvas of its own size. */
export function paint(canvas, image) {
  const { width, height } = image;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pixels = new ImageData(width, height);
  (image.signed ? colourDifference : colourBytes)(pixels.data, image);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

function colourBytes(rgba, { channels, data }) {
  for (let at = 0; at < rgba.length / 4; at++) {
    for (let channel = 0; channel < 3; channel++) {
      rgba[at * 4 + channel] = data[at * channels + (channels === 3 ? channel : 0)];
    }
    rgba[at * 4 + 3] = 255;
  }
}

/** Colour what is more and what is less, the stronger the farther; nothing is transparent, on any paper. */
function colourDifference(rgba, { channels, data }) {
  for (let at = 0; at < rgba.length / 4; at++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += data[at * channels + channel];
    const difference = sum / channels;
    rgba.set(difference > 0 ? MORE : LESS, at * 4);
    rgba[at * 4 + 3] = Math.abs(difference);
  }
}

/** Return arrows over an image of a size, from where pixels are to where they were found. */
export function arrows({ width, height }, moves) {
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "arrows", "aria-hidden": "true" });
  moves.from.forEach(([row, column], i) => {
    const [toRow, toColumn] = moves.to[i];
    if (Math.hypot(toRow - row, toColumn - column) < 0.2) return;
    drawn.append(svg("path", { d: arrow(column, row, toColumn, toRow) }));
  });
  return drawn;
}

function arrow(x, y, toX, toY) {
  const [dx, dy] = [toX - x, toY - y];
  const length = Math.hypot(dx, dy);
  const head = Math.min(0.55, length / 2);
  const [ux, uy] = [(dx / length) * head, (dy / length) * head];
  const side = (turn) => `${(toX - ux - turn * uy).toFixed(2)} ${(toY - uy + turn * ux).toFixed(2)}`;
  return `M${x} ${y}L${toX} ${toY}M${side(0.6)}L${toX} ${toY}L${side(-0.6)}`;
}

/** Return the pixels of a file or blob that holds an image, no larger than needed. */
export async function decoded(blob, most = 1024) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  return pixelsOf(bitmap, Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
}

/** Return the pixels of what can be drawn on a canvas: {width, height, data: RGBA}. */
export function pixelsOf(source, width, height) {
  const canvas = h("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
