/**
 * From pen strokes, or any picture, to an image such as the model's own.
 *
 * A model compares pixel by pixel, so a drawing has to lie in its image as the model's examples lie in
 * theirs: as large, in the same place, with a pen as thick, light on dark or dark on light. All of that is
 * decided here, by arithmetic on arrays alone, so that every browser gives the same bytes.
 *
 * `ink` says how a model's images hold their ink:
 *   height_share   the longer side of the ink's box, as a share of the image's longer side
 *   light_on_dark  whether ink is lighter than paper
 *   centred_by     what lies in the middle: the ink's centre of "mass", or its "box"
 *   pen            how thick lines are, as a share of the image's longer side
 *   upright        how slanted writing was made upright: no "mass" leans, or the "left" ends of the first and of
 *                  the last row are above each other
 *   aspect         the box's width for its height where all have about the same
 *   amount         the share of the image that is ink where all have about the same
 * The last four may be missing.
 */

/** Strokes are laid on a grid that is so many times finer than the image, whose pixels are means of it. */
const FINENESS = 8;
const USUAL_SHARE = 0.7;
const USUAL_PEN = 0.1;
/** A model's lines are measured with their soft borders; drawn sharply they are a little thinner. */
const SHARP = 0.85;
/** What is shorter than one pen is wide is a dot, and is not blown up to a drawing's size. */
const LARGEST_DOT = 4;
/** What leans more than by 45 degrees is a flat stroke, and no slanted one. */
const STEEPEST = 1;
const MOST_STRETCH = 2;
/** A pen becomes so many times thicker or thinner at most, and is found by so many halvings of that. */
const MOST_THICKER = 2.5;
const HALVINGS = 6;
/** The first and the last row are so high, as a share of the strokes' height. */
const ROW = 0.06;
/** What differs from the paper by less is no ink. */
const FAINTEST = 24;
/** Ink that is this dark or more makes the box; the paper's grain and shadows do not. */
const BOXED = 96;

/**
 * Return the model's image of some strokes; null where there are none.
 *
 * @param strokes  [[{x, y, width}, ...], ...] in any one unit; a stroke of one point is a dot
 * @param shape    {width, height, channels} of the model's images
 */
export function drawnImage(strokes, shape, ink) {
  const points = strokes.flat();
  if (!points.length) return null;
  const grid = { width: shape.width * FINENESS, height: shape.height * FINENESS };
  const fine = strokesOnGrid(strokes, grid, ink ?? {});
  const shift = shiftToMiddle(fine, grid, ink ?? {});
  return inModelsColours(blockMeans(fine, grid, shape, shift), shape, ink ?? {});
}

/**
 * Return the grid's cells with strokes laid on them. Whatever pen was drawn with, lines become as thick as the
 * model's; or, where the model's images hold as much ink whatever they show, as thick as it takes for that.
 */
function strokesOnGrid(strokes, grid, ink) {
  const laid = (pen) => covered(fittedStrokes(strokes, grid, ink, pen), grid);
  const usual = (ink.pen ?? USUAL_PEN) * SHARP * Math.max(grid.width, grid.height);
  if (!ink.amount) return laid(usual);
  let pen = usual;
  for (let step = MOST_THICKER ** 0.5, i = 0; i < HALVINGS; step **= 0.5, i++) {
    const inked = laid(pen).reduce((sum, cell) => sum + cell, 0);
    pen *= inked < ink.amount * grid.width * grid.height ? step : 1 / step;
  }
  return laid(pen);
}

/** Scale strokes and pen to the grid, with the middle of their box in the grid's middle. */
function fittedStrokes(strokes, grid, ink, pen) {
  const wanted = (ink.height_share ?? USUAL_SHARE) * Math.max(grid.width, grid.height);
  const formed = setAsTheModels(strokes, ink, pen / wanted);
  const points = formed.flat();
  const box = boxOf(points);
  const [across, down] = [box.right - box.left, box.bottom - box.top];
  // Pressure makes parts of a line thicker.
  const drawnPen = points.reduce((sum, point) => sum + point.width, 0) / points.length;
  const room = (extent, size) => (Math.min(wanted, size) - pen) / Math.max(extent, 1e-9);
  const scale = Math.min(room(across, grid.width), room(down, grid.height), (LARGEST_DOT * pen) / drawnPen);
  const [left, top] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  return formed.map((stroke) => stroke.map((point) => ({
    x: (point.x - left) * scale + grid.width / 2,
    y: (point.y - top) * scale + grid.height / 2,
    radius: (point.width / drawnPen) * pen / 2,
  })));
}

/** Make strokes upright, and as wide for their height, where all of the model's images are. */
function setAsTheModels(strokes, ink, pen) {
  const slant = SLANTS[ink.upright]?.(strokes) ?? 0;
  const upright = strokes.map((stroke) => stroke.map((point) => ({ ...point, x: point.x - slant * point.y })));
  const box = boxOf(upright.flat());
  const [across, down] = [box.right - box.left, box.bottom - box.top];
  if (!ink.aspect || !across || !down) return upright;
  // Strokes are lines without thickness; the pen makes both sides of their box longer by as much.
  const stretch = (Math.max(ink.aspect - pen, 0.1) * down) / (1 - pen) / across;
  const held = within(stretch, 1 / MOST_STRETCH, MOST_STRETCH);
  return upright.map((stroke) => stroke.map((point) => ({ ...point, x: point.x * held })));
}

/** Return how far strokes go to the right for each step down: their second moments, as `Deskew` has them. */
function slantOf(strokes) {
  const pieces = strokes.flatMap((stroke) => stroke.slice(1).map((end, i) => {
    const [dx, dy] = [end.x - stroke[i].x, end.y - stroke[i].y];
    return { x: end.x - dx / 2, y: end.y - dy / 2, dx, dy, weight: Math.hypot(dx, dy) };
  }));
  const sum = (of) => pieces.reduce((total, piece) => total + piece.weight * of(piece), 0);
  const length = sum(() => 1);
  if (!length) return 0;
  const [x, y] = [sum((piece) => piece.x) / length, sum((piece) => piece.y) / length];
  // Of each piece as a whole, and within it: a line's spread about its own middle is a twelfth of its square.
  const along = sum((piece) => (piece.x - x) * (piece.y - y) + (piece.dx * piece.dy) / 12);
  const down = sum((piece) => (piece.y - y) ** 2 + piece.dy ** 2 / 12);
  return down ? within(along / down, -STEEPEST, STEEPEST) : 0;
}

/** Return how far right of its left end in the first row the ink begins in the last, for each step down. */
function slantOfLeft(strokes) {
  const { top, bottom } = boxOf(strokes.flat());
  const high = bottom - top;
  if (!high) return 0;
  const [first, last] = [leftEnd(strokes, top, top + ROW * high), leftEnd(strokes, bottom - ROW * high, bottom)];
  return within((last - first) / high, -STEEPEST, STEEPEST);
}

/** Return where strokes are farthest to the left between two heights. */
function leftEnd(strokes, low, high) {
  const ends = strokes.flatMap((stroke) => stroke.flatMap((end, i) => {
    const start = stroke[Math.max(i - 1, 0)];
    if (Math.max(start.y, end.y) < low || Math.min(start.y, end.y) > high) return [];
    return [[start, end], [end, start]].map(([one, other]) => {
      const share = one.y === other.y ? 0 : (within(one.y, low, high) - one.y) / (other.y - one.y);
      return one.x + share * (other.x - one.x);
    });
  }));
  return Math.min(...ends);
}

const SLANTS = { mass: slantOf, left: slantOfLeft };

function within(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

function boxOf(points) {
  const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const { x, y } of points) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}

/** Return the grid's cells, 1 where a stroke covers their middle. */
function covered(strokes, grid) {
  const cells = new Uint8Array(grid.width * grid.height);
  for (const stroke of strokes) {
    stroke.forEach((end, i) => layPiece(cells, grid, stroke[Math.max(i - 1, 0)], end));
  }
  return cells;
}

/** Cover what is nearer to the line between two points than the pen's radius there. */
function layPiece(cells, grid, start, end) {
  const reach = Math.max(start.radius, end.radius);
  const first = { x: Math.min(start.x, end.x) - reach, y: Math.min(start.y, end.y) - reach };
  const last = { x: Math.max(start.x, end.x) + reach, y: Math.max(start.y, end.y) + reach };
  const along = { x: end.x - start.x, y: end.y - start.y };
  const length = along.x * along.x + along.y * along.y;
  for (let row = Math.max(0, Math.floor(first.y)); row < Math.min(grid.height, last.y); row++) {
    for (let column = Math.max(0, Math.floor(first.x)); column < Math.min(grid.width, last.x); column++) {
      const [dx, dy] = [column + 0.5 - start.x, row + 0.5 - start.y];
      const share = length ? Math.min(1, Math.max(0, (dx * along.x + dy * along.y) / length)) : 0;
      const radius = start.radius + share * (end.radius - start.radius);
      const [offX, offY] = [dx - share * along.x, dy - share * along.y];
      if (offX * offX + offY * offY <= radius * radius) cells[row * grid.width + column] = 1;
    }
  }
}

/** Say by how many cells the drawing must move so that what should be in the middle is. */
function shiftToMiddle(cells, grid, ink) {
  if (ink.centred_by === "box") return { x: 0, y: 0 };
  const middle = centreOfMass(cells, grid);
  return { x: Math.round(grid.width / 2 - middle.x), y: Math.round(grid.height / 2 - middle.y) };
}

function centreOfMass(values, { width, height }) {
  let [mass, x, y] = [0, 0, 0];
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      mass += values[at];
      x += values[at] * (column + 0.5);
      y += values[at] * (row + 0.5);
    }
  }
  return mass ? { x: x / mass, y: y / mass } : { x: width / 2, y: height / 2 };
}

/** Return the share of ink in each of the image's pixels, 0 to 255. */
function blockMeans(cells, grid, { width, height }, shift) {
  const sums = new Float64Array(width * height);
  for (let row = 0; row < grid.height; row++) {
    const to = Math.floor((row + shift.y) / FINENESS);
    if (to < 0 || to >= height) continue;
    for (let column = 0; column < grid.width; column++) {
      const at = Math.floor((column + shift.x) / FINENESS);
      if (at >= 0 && at < width) sums[to * width + at] += cells[row * grid.width + column];
    }
  }
  return sums.map((sum) => (sum * 255) / (FINENESS * FINENESS));
}

function inModelsColours(inked, { width, height, channels }, ink) {
  const data = new Uint8ClampedArray(width * height * channels);
  inked.forEach((value, at) => {
    const shown = Math.round(ink.light_on_dark === false ? 255 - value : value);
    data.fill(shown, at * channels, (at + 1) * channels);
  });
  return { width, height, channels, data };
}

/**
 * Return the model's image of a picture {width, height, data: RGBA}; null where nothing can be seen in it.
 *
 * A picture of the model's own size is left as it is. Ink is found by how far it is from the picture's
 * border, and is fitted as a drawing is; where the model's images are in colour, or no drawings
 * (`ink` is missing), the picture's middle is made as small as the model's images.
 */
export function picturedImage(picture, shape, ink) {
  const channels = splitChannels(picture, shape.channels);
  if (picture.width === shape.width && picture.height === shape.height) return joined(channels, shape);
  if (!ink || shape.channels > 1) {
    const whole = largestMiddle(picture, shape);
    return joined(channels.map((values) => resampled(values, picture, whole, shape)), shape);
  }
  const inked = inkOf(channels[0], picture);
  const box = inked && boxOf(placesAbove(inked, picture, BOXED));
  if (!inked || box.right < box.left) return null;
  const window = windowAround(inked, picture, box, shape, ink);
  return inModelsColours(resampled(inked, picture, window, shape), shape, ink);
}

/** Return gray values, or red, green and blue, with what is transparent laid on white. */
function splitChannels({ width, height, data }, channels) {
  const split = Array.from({ length: channels }, () => new Float64Array(width * height));
  for (let at = 0; at < width * height; at++) {
    const [red, green, blue, alpha] = data.subarray(at * 4, at * 4 + 4);
    const onWhite = [red, green, blue].map((value) => 255 + (value - 255) * (alpha / 255));
    // The weights that Pillow's "L" has: a picture is as gray here as in Python.
    const gray = (onWhite[0] * 299 + onWhite[1] * 587 + onWhite[2] * 114) / 1000;
    split.forEach((values, channel) => { values[at] = channels === 1 ? gray : onWhite[channel]; });
  }
  return split;
}

function joined(channels, shape) {
  const data = new Uint8ClampedArray(shape.width * shape.height * shape.channels);
  channels.forEach((values, channel) => values.forEach((value, at) => {
    data[at * shape.channels + channel] = Math.round(value);
  }));
  return { ...shape, data };
}

function largestMiddle(picture, shape) {
  const scale = Math.min(picture.width / shape.width, picture.height / shape.height);
  const [width, height] = [shape.width * scale, shape.height * scale];
  return { x: (picture.width - width) / 2, y: (picture.height - height) / 2, width, height };
}

/** Return how far each pixel is from the paper, 0 to 255 of the farthest; null in an even picture. */
function inkOf(gray, { width, height }) {
  const border = gray.filter((_, at) => {
    const column = at % width;
    return at < width || at >= width * (height - 1) || column === 0 || column === width - 1;
  }).sort();
  const paper = border[border.length >> 1];
  const [lowest, highest] = gray.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity]);
  const sign = highest - paper > paper - lowest ? 1 : -1;
  const farthest = Math.max(highest - paper, paper - lowest);
  if (farthest < FAINTEST) return null;
  return gray.map((value) => Math.max(0, (sign * (value - paper) * 255) / farthest));
}

function placesAbove(values, { width }, threshold) {
  const places = [];
  values.forEach((value, at) => {
    if (value <= threshold) return;
    const [x, y] = [at % width, Math.floor(at / width)];
    places.push({ x, y }, { x: x + 1, y: y + 1 });
  });
  return places;
}

/** Say which part of the picture the model's image shows. */
function windowAround(inked, picture, box, shape, ink) {
  const extent = Math.max(box.right - box.left, box.bottom - box.top);
  const scale = extent / ((ink.height_share ?? USUAL_SHARE) * Math.max(shape.width, shape.height));
  const [width, height] = [shape.width * scale, shape.height * scale];
  const middle = ink.centred_by === "box"
    ? { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 }
    : centreOfMass(inked, picture);
  return { x: middle.x - width / 2, y: middle.y - height / 2, width, height };
}

/** Return a window of a picture at the model's size: means of areas, or between pixels where it grows. */
function resampled(values, picture, window, shape) {
  const columns = weights(window.x, window.width / shape.width, shape.width, picture.width);
  const rows = weights(window.y, window.height / shape.height, shape.height, picture.height);
  const wide = new Float64Array(picture.height * shape.width);
  for (let row = 0; row < picture.height; row++) {
    columns.forEach((parts, column) => {
      for (const [from, share] of parts) wide[row * shape.width + column] += share * values[row * picture.width + from];
    });
  }
  const small = new Float64Array(shape.width * shape.height);
  rows.forEach((parts, row) => {
    for (const [from, share] of parts) {
      for (let column = 0; column < shape.width; column++) {
        small[row * shape.width + column] += share * wide[from * shape.width + column];
      }
    }
  });
  return small;
}

/** Return for each small pixel which large ones it is made of, and their shares; outside is paper, 0. */
function weights(start, step, count, size) {
  return Array.from({ length: count }, (_, at) => {
    const reach = Math.max(step, 1);
    const from = start + (at + 0.5) * step - reach / 2;
    const parts = [];
    for (let place = Math.max(0, Math.floor(from)); place < Math.min(size, from + reach); place++) {
      const covered = Math.min(place + 1, from + reach) - Math.max(place, from);
      if (covered > 0) parts.push([place, covered / reach]);
    }
    return parts;
  });
}
