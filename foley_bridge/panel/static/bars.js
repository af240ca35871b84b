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

const AGAIN = "run “foley-bridge audition”, or the editor's action, again";

/** What becomes of choices that are not saved, when this page cannot save them any more. */
function fate({ unsaved, lasting }) {
  if (!unsaved) return "";
  const [are, stay, them] = unsaved === 1 ? ["1 choice is", "It stays", "it"] : [`${unsaved} choices are`, "They stay", "them"];
  if (!lasting) return `${are} not saved: this browser keeps nothing. ${stay} in this page until it is closed.`;
  return `${are} not saved yet. This browser keeps ${them} for the page that opens then, if that is at ${location.host} again; leave this one open until you see ${them} there.`;
}

export function bars(root, session) {
  const { store, deciding } = session;

  /** What is to be told now; `actions` are [words, act] each, the last one what most will want. */
  function wanted() {
    const { saving } = store;
    const list = [];
    if (store.gone) {
      list.push({ kind: "bad", head: "This link is over: the daemon was started anew.", details: `To go on, ${AGAIN}. ${fate(saving)}` });
    } else if (store.away) {
      const kept = fate(saving) || "You can go on choosing.";
      list.push({ kind: "away", id: "away", sign: "wait", head: "The daemon does not answer.", text: " What you choose is sent when it is back.", details: `If it was ended or started anew, ${AGAIN}. ${kept}` });
    }
    if (saving.taken.length) {
      const names = saving.taken.map((number) => store.regions.get(number).summary.name).join(", ");
      list.push({ kind: "away", sign: "note", head: "Choices that an earlier page could not save are here: ", text: names, actions: [["Good", () => { saving.taken = []; show(); }]] });
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

  function bar({ kind, id = null, sign = "failed", head, text = "", details = "", actions = [] }) {
    return h(`div.bar.${kind}`, { role: kind === "away" ? "status" : "alert", id },
      icon(sign),
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
