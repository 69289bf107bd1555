// The answer: what the nearest of all that is kept vote for (Python: lookalike.recognition.vote).

import { argmax, pairwiseSum } from "./numbers.js";

/** Return the class that is the answer, and the distance of its nearest voter. */
export function voted({ codes, distances }, { voters, weights }) {
  const [near, far] = [codes.slice(0, voters), distances.slice(0, voters)];
  const counts = weightsOf(far, weights);
  const votes = near.map((code) =>
    pairwiseSum(Float64Array.from(near, (other, i) => (other === code ? counts[i] : 0))),
  );
  // The nearest come first: the first of those with the most votes is the nearest of them.
  const first = argmax(votes);
  return { code: near[first], distance: far[first] };
}

function weightsOf(distances, weights) {
  if (weights === "uniform") return distances.map(() => 1);
  if (distances.some((distance) => distance === 0)) return distances.map((distance) => Number(distance === 0));
  return distances.map((distance) => 1 / distance);
}
