// Class distances of training images, each left out in turn, by which answers are calibrated
// (Python: lookalike.recognition.probability.LeftOut). A row is {id, code, distances, spread, group}.
//
// Images that are left out together are copies of each other, and those of one group. Where a distance of two
// images depends on nothing else, one image more or less changes only the distances to itself; else all rows
// are worked out anew, by pairs that are remembered.

import { same, spread } from "./look.js";

/** Return whether two kept images are left out together. */
function together(keeper, one, other) {
  if (one === other || same(keeper.matcher.images[one], keeper.matcher.images[other])) return true;
  const [mine, theirs] = [keeper.kin?.[one], keeper.kin?.[other]];
  return Boolean(mine && theirs && mine.some((mark, i) => mark !== 0n && mark === theirs[i]));
}

/** Return the rows once the last kept image of a keeper was added; `row.id` is an image's. */
export function withLast(keeper, rows) {
  const { matcher, ids } = keeper;
  const last = ids.length - 1;
  if (isMutual(matcher)) return null;
  const image = imageOf(matcher, last);
  const code = matcher.codes[last];
  const kept = rows.map((row) => {
    const place = ids.indexOf(row.id);
    if (together(keeper, place, last)) return row;
    const apart = matcher.between(imageOf(matcher, place), last);
    return apart < row.distances[code] ? { ...row, distances: changed(row.distances, code, apart) } : row;
  });
  const hasCopy = matcher.codes.some(
    (other, place) => place !== last && other === code && same(matcher.images[place], image.data),
  );
  return hasCopy ? kept : [...kept, rowOf(keeper, last)];
}

/** Return the rows once the image of an id was removed, which was `image` of a class. */
export function withoutOne(keeper, rows, id, image, code) {
  const { matcher, ids } = keeper;
  if (isMutual(matcher)) return null;
  const kept = rows.flatMap((row) => {
    const place = ids.indexOf(row.id);
    if (place < 0) return [];
    const apart = distanceTo(matcher, imageOf(matcher, place), image);
    return apart > row.distances[code] ? [row] : [rowOf(keeper, place)];
  });
  // A copy that is left stands for itself now.
  const gone = rows.some((row) => row.id === id);
  const copy = matcher.codes.findIndex((other, place) => other === code && same(matcher.images[place], image.data));
  return gone && copy >= 0 ? [...kept, rowOf(keeper, copy)] : kept;
}

/** Return all rows, worked out anew: of images of which no copy of the same class comes before. */
export function allRows(keeper) {
  const { matcher } = keeper;
  const places = matcher.codes.map((_, place) => place);
  return places
    .filter((place) => {
      const code = matcher.codes[place];
      return !places.slice(0, place).some((other) => matcher.codes[other] === code && together(keeper, place, other));
    })
    .map((place) => rowOf(keeper, place));
}

function rowOf(keeper, place) {
  const { matcher, ids, kin } = keeper;
  const out = matcher.codes.map((_, other) => together(keeper, place, other));
  const image = imageOf(matcher, place);
  const distances = out.every(Boolean)
    ? new Array(matcher.nClasses).fill(Infinity)
    : matcher.match(image, 1, (other) => out[other], place).classDistances;
  const group = kin?.[place]?.[1] || null;
  return { id: ids[place], code: matcher.codes[place], distances, spread: spread(image), group };
}

/** Return the rows of a matcher of means, by images that are held for it: {data, code}. */
export function rowsOfMeans(matcher, held, shape) {
  const [height, width, channels = 1] = shape;
  return held.map(({ data, code }) => {
    const distances = matcher.match({ width, height, channels, data }, 1).classDistances;
    const count = matcher.counts[code];
    distances[code] = count > 1 ? distances[code] * (count / (count - 1)) : Infinity;
    return { code, distances, spread: spread({ data }), group: null };
  });
}

/** Return whether the distance of two images depends on others. */
function isMutual({ comparison }) {
  return Boolean(comparison?.aligned || comparison?.hubness);
}

function imageOf(matcher, place) {
  const [height, width, channels = 1] = matcher.shape;
  return { width, height, channels, data: matcher.images[place] };
}

function distanceTo(matcher, image, other) {
  const probe = Object.assign(Object.create(Object.getPrototypeOf(matcher)), matcher);
  probe.add(other, 0);
  return probe.between(image, probe.codes.length - 1);
}

function changed(items, place, item) {
  return Array.from(items, (one, at) => (at === place ? item : one));
}
