// The states of a region: what they are called. Each is told by colour, by shape (its icon) and by its word.

export const STATES = [
  { id: "proposed", word: "Undecided" },
  { id: "chosen", word: "Chosen" },
  { id: "rejected", word: "Rejected" },
  { id: "failed", word: "Failed" },
];

/** A region that failed is so until somebody says something of it. @returns {"proposed" | "chosen" | "rejected" | "failed"} */
export const stateOf = (summary) => (summary.error && summary.state === "proposed" ? "failed" : summary.state);

/** What a region is called where its timecode stands beside it. */
export const shortName = ({ name, timecode }) => (name.endsWith(` at ${timecode}`) ? name.slice(0, -` at ${timecode}`.length) : name);

export const wordOf = (state) => STATES.find(({ id }) => id === state)?.word ?? state;

/** How many regions are in each state, and how many are tapped. */
export function counted(regions) {
  const counts = { all: regions.length, proposed: 0, chosen: 0, rejected: 0, failed: 0, tapped: 0 };
  for (const summary of regions) {
    counts[stateOf(summary)] += 1;
    if (summary.tapped) counts.tapped += 1;
  }
  return counts;
}
