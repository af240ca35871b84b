// Bars above the work: the daemon is away, a choice was not taken, another page chose something else.

import { inWords } from "./api.js";
import { h, icon, renew, soon } from "./dom.js";
import { wordOf } from "./states.js";

/** A choice in a few words. */
function words(choice, region) {
  const place = region.detail?.takes.findIndex((take) => take.id === choice.take) ?? -1;
  const parts = [wordOf(choice.state).toLowerCase()];
  if (choice.state === "chosen" && place >= 0) parts.push(`take ${place + 1}`);
  if (choice.state === "rejected" && choice.reason) parts.push(`“${choice.reason}”`);
  if (choice.onsets_s) parts.push(`${choice.onsets_s.length} onsets of its own`);
  const edited = Object.keys(choice.edits ?? {}).length;
  if (edited) parts.push(`${edited} take${edited > 1 ? "s" : ""} adjusted`);
  if (choice.note) parts.push("a note");
  return parts.join(", ");
}

const counted = (count) => `${count} choice${count === 1 ? " is" : "s are"}`;

export function bars(root, session) {
  const { store, deciding } = session;

  /** What is to be told now; `actions` are [words, act] each, the last one what most will want. */
  function wanted() {
    const { unsaved } = store.saving;
    const list = [];
    if (store.gone) {
      const kept = unsaved ? ` ${counted(unsaved)} kept in this browser until then.` : "";
      list.push({ kind: "bad", head: "This link is over: the daemon was started anew.", details: `Open the page again from the editor, or with “foley-bridge audition”.${kept}` });
    } else if (store.away) {
      const kept = unsaved ? `${counted(unsaved)} kept here and sent when it is back.` : "What you choose is kept here and sent when it is back.";
      list.push({ kind: "away", head: "The daemon does not answer.", text: ` ${kept}` });
    }
    for (const region of store.regions.values()) {
      const { number, name } = region.summary;
      const { conflict, trouble } = region;
      if (conflict) {
        list.push({
          kind: "conflict", head: `${name} was changed on another page`, text: conflict.by ? ` (${conflict.by}).` : ".", details: `There: ${words(conflict, region)}. Here: ${words(region.choice, region)}.`,
          actions: [["Keep theirs", () => deciding.resolve(number, "theirs")], ["Use mine", () => deciding.resolve(number, "mine")]],
        });
      } else if (trouble) {
        list.push({
          kind: "bad", head: `${name} could not be saved: `, text: inWords(trouble),
          actions: [["Undo", () => deciding.undo()], ["Try again", () => store.saving.send(region)]],
        });
      }
    }
    return list;
  }

  function bar({ kind, head, text = "", details = "", actions = [] }) {
    const away = kind === "away";
    return h(`div.bar.${kind}`, { role: away ? "status" : "alert", id: away ? "away" : null },
      icon(away ? "wait" : "failed"),
      h("p", {}, h("b", {}, head), text, details && h("span.details", {}, details)),
      ...actions.map(([label, act], k) => h(`button${k === actions.length - 1 ? ".main" : ""}`, { type: "button", onclick: act }, label)));
  }

  const show = soon(() => {
    const list = wanted();
    renew(root, list, () => list.map(bar));
  });
  for (const name of ["away", "back", "gone", "reel", "region"]) store.addEventListener(name, show);
  show();
}
