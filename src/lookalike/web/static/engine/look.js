// What an image looks like: gray bytes, its paper, where its ink is (Python: lookalike.data.look).
// An image is {width, height, channels, data}: bytes row by row, the channels of a pixel side by side.


export function grayImage(width, height, data = new Uint8Array(width * height)) {
  return { width, height, channels: 1, data };
}

/** Return an image in gray: luma of BT.601, rounded, halves up. */
export function gray(image) {
  if (image.channels === 1) return image;
  const { width, height, data } = image;
  const out = grayImage(width, height);
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] = Math.floor((299 * data[3 * i] + 587 * data[3 * i + 1] + 114 * data[3 * i + 2] + 500) / 1000);
  }
  return out;
}

/** Return the outermost pixels of a gray image, each once. */
function border({ width, height, data }) {
  const around = Array.from(data.subarray(0, width));
  if (height > 1) around.push(...data.subarray((height - 1) * width));
  for (let y = 1; y < height - 1; y++) {
    around.push(data[y * width]);
    if (width > 1) around.push(data[(y + 1) * width - 1]);
  }
  return Uint8Array.from(around);
}

/** Return the level of the paper: the median of the border, the lower of two middle values. */
export function paper(image) {
  const around = border(image).sort();
  return around[(around.length - 1) >> 1];
}

/** Return 1 where ink is dark, -1 where it is light, 0 where it is neither. */
export function darkness(image) {
  const around = border(image).sort();
  const level = around[(around.length - 1) >> 1] + around[around.length >> 1];
  const rest = sum(image.data) - sum(around);
  return Math.sign(level * (image.data.length - around.length) - 2 * rest);
}

/** Return how much brighter each pixel is than the paper. */
export function ink(image) {
  const level = paper(image);
  return image.data.map((value) => Math.max(value, level) - level);
}

/** Return the box around all pixels that hold at least a quarter of the strongest ink; all 0 without any. */
export function inkBox(inked, width, height) {
  const least = Math.max(Math.ceil(inked.reduce((most, value) => Math.max(most, value), 0) / 4), 1);
  const box = { top: height, bottom: 0, left: width, right: 0 };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (inked[y * width + x] < least) continue;
      box.top = Math.min(box.top, y);
      box.bottom = y + 1;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
    }
  }
  return box.bottom ? box : { top: 0, bottom: 0, left: 0, right: 0 };
}

/** Return how rough an image is: about 1 for noise, 0 for a blank one. */
export function roughness(image) {
  const { width, height, data } = gray(image);
  let squares = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      if (y) squares += (data[at] - data[at - width]) ** 2;
      if (x) squares += (data[at] - data[at - 1]) ** 2;
    }
  }
  const mean = sum(data) / data.length;
  const variance = data.reduce((total, value) => total + (value - mean) ** 2, 0) / data.length;
  const pairs = (height - 1) * width + height * (width - 1);
  return squares / Math.max(2 * pairs * variance, 1e-300);
}

/** Return the standard deviation of an image's values, where 1 is full ink. */
export function spread({ data }) {
  const squares = data.reduce((total, value) => total + value * value, 0);
  return Math.sqrt(data.length * squares - sum(data) ** 2) / data.length / 255;
}

/** Return whether two images have the same bytes. */
export function same(one, other) {
  return one.length === other.length && one.every((value, i) => value === other[i]);
}

export function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** Return the mean of some images' bytes, each a row of `rows`, as float64 in 0-255. */
export function meanOf(rows) {
  const mean = new Float64Array(rows[0].length);
  for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i] += row[i];
  return mean.map((total) => total / rows.length);
}

