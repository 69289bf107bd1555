// Hubness: a training image that is near to images of other classes says less, so it counts as farther
// (Python: lookalike.search.deformable.hubness).

import { clip, pairwiseSum, rint } from "./numbers.js";
import { ordered } from "./matches.js";

const OTHERS = 5;
const POWER = 0.4;
const SHORT_LIST = 8;
const CANDIDATES = 100;
const MOST = 8;
const PARTS = 4096;
const ALIGNED_WEIGHT = 2;

/** Return what distances to each kept image are multiplied by, in parts of 4,096, without some of the images. */
export function factorsOf(matcher, isOut) {
  const lists = shortLists(matcher, isOut);
  const known = lists.filter((mean) => mean < Infinity);
  if (!known.length) return lists.map(() => PARTS);
  const logs = Float64Array.from(known, (mean) => Math.log(Math.max(mean, 1)));
  const typical = Math.exp(pairwiseSum(logs) / logs.length);
  return lists.map((mean) => {
    if (mean === Infinity) return PARTS;
    return rint(PARTS * clip(typical / Math.max(mean, 1), 1 / MOST, MOST) ** POWER);
  });
}

/** Return the mean distance of each image to the nearest of other classes; infinite where there is none. */
function shortLists(matcher, isOut) {
  const { codes } = matcher;
  const there = codes.map((_, place) => place).filter((place) => !isOut(place));
  const counts = new Map();
  for (const place of there) counts.set(codes[place], (counts.get(codes[place]) ?? 0) + 1);
  const count = Math.min(there.length, Math.max(CANDIDATES, Math.max(...counts.values()) + 10));
  return codes.map((code, place) => {
    if (isOut(place)) return Infinity;
    const others = candidatesOf(matcher, place, there, count).filter((other) => codes[other] !== code);
    const sums = others.map((other) => matcher.plainOf(place, other));
    const near = ordered(sums).slice(0, SHORT_LIST).map((at) => others[at]);
    const whole = near.map((other) => {
      const plain = matcher.plainOf(place, other);
      return matcher.comparison.aligned ? plain + ALIGNED_WEIGHT * matcher.restOf(place, other) : plain;
    });
    const least = Float64Array.from(whole).sort().subarray(0, OTHERS);
    return least.length ? pairwiseSum(least) / least.length : Infinity;
  });
}

/** Return the images whose descriptions are nearest to a kept one's, in the order of their places. */
function candidatesOf(matcher, place, there, count) {
  if (count === there.length) return there;
  const own = matcher.descriptionOf(place);
  const far = there.map((other) => {
    const description = matcher.descriptionOf(other);
    return own.reduce((total, value, i) => total + (value - description[i]) ** 2, 0);
  });
  const near = ordered(far).slice(0, count).map((at) => there[at]);
  return near.sort((a, b) => a - b);
}
