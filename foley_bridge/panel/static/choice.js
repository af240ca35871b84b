// A choice in one form: what of it is an editor's, so that two can be compared, and how it is sent.

import { changes } from "./edits.js";

export const NO_EDIT = { level_db: 0, nudge_frames: 0, nudge_ms: 0, fade_in_s: 0, fade_out_s: 0 };

const EMPTY = { state: "proposed", take: null, edits: {}, onsets_s: null, sensitivity: null, reason: "", note: "" };

/** What of a choice is an editor's; edits that change nothing are left out. */
export function tidy(choice) {
  const edits = {};
  for (const [take, edit] of Object.entries(choice?.edits ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (changes(edit)) edits[take] = { ...NO_EDIT, ...edit };
  }
  const kept = { ...EMPTY, edits };
  for (const name of ["state", "take", "onsets_s", "sensitivity"]) kept[name] = choice?.[name] ?? EMPTY[name];
  for (const name of ["reason", "note"]) kept[name] = choice?.[name] || "";
  return kept;
}

export const same = (one, other) => JSON.stringify(tidy(one)) === JSON.stringify(tidy(other));

/** What the journal takes: empty texts are null. */
export const sent = (choice) => ({ ...choice, reason: choice.reason || null, note: choice.note || null });

/** Did an editor do something without deciding? What he did is lost when the region keeps its best take. */
export const touched = (choice) =>
  choice.state === "proposed" && (Object.keys(choice.edits).length > 0 || [choice.onsets_s, choice.sensitivity, choice.take].some((kept) => kept !== null));

/** By how much an edit moves a take, seconds; later is positive. */
export const nudge_s = (edit, rate) => edit.nudge_frames / rate + edit.nudge_ms / 1000;
