// Sending back, in an editor's words: what became of it last time, which regions got no sound, what would be lost.

import { inWords } from "./api.js";

const CHANGED = "ConflictError";

/** Was the timeline changed by somebody since we wrote it? Then sending is for who wants it all the same. */
export const changedSince = (error) => error?.kind === CHANGED;

const nameOf = (path) => path?.split(/[\\/]/).at(-1) || "the timeline";

/** Why choices were not sent. @param {string | null} out the timeline that was to be written */
export function whyNot(error, out) {
  if (!changedSince(error)) return inWords(error);
  return `${nameOf(out)} was changed since the reel was last written into it, perhaps in another program. Sent anyway, it is written anew, and what was changed there is lost.`;
}

const PLACE = /^region '[^']*': |(?<=take )(?:\/|[A-Za-z]:).*[\\/]/g; // which region, and in which folders: neither is news

/** Regions that have takes, and got none of them into the timeline when it was last written; and why. */
export function missed(store) {
  const [last] = store.reel.applied;
  if (last?.state !== "done") return [];
  const silent = (last.failed ?? []).filter(({ region }) => store.regions.get(region)?.summary.takes);
  return silent.map(({ region, error }) => ({ region, why: inWords({ ...error, message: error.message.replace(PLACE, "") }) }));
}

/** Regions that nobody decided, although an editor did something to them: what he did goes nowhere. */
export const touched = (store) => store.reel.regions.filter((summary) => summary.touched);

/** What became of the last time that choices were sent back, in a few words. */
export function applyWords(store) {
  const { reel, regions } = store;
  const [last] = reel.applied;
  if (!last) return { text: "not sent back yet", bad: false };
  if (last.state === "queued" || last.state === "running") return { text: "sending back…", bad: false };
  if (last.state === "cancelled") return { text: "not sent: it was stopped", bad: true };
  if (last.state !== "done") return { text: changedSince(last.error) ? `not sent: ${nameOf(reel.out)} was changed` : `not sent: ${last.error?.message ?? last.state}`, bad: true };
  const silent = missed(store).length;
  if (silent) return { text: `sent, but ${silent} region${silent === 1 ? "" : "s"} got no sound`, bad: true };
  if (!last.failed) return { text: "sent…", bad: false }; // what could not be done is not known yet
  const since = reel.revision - (last.revision ?? 0);
  if (since > 0 || [...regions.values()].some((region) => region.dirty)) return { text: `sent, ${Math.max(1, since)} change${since > 1 ? "s" : ""} since`, bad: false };
  return { text: "all sent back", bad: false };
}
