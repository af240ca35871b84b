// Bars above the work: the daemon is away, a choice was not taken, another page chose something else.

import { inWords } from "./api.js";
import { h, icon, soon } from "./dom.js";
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

export function bars(root, session) {
  const { store } = session;

  const show = soon(() => {
    const shown = [];
    const unsaved = store.saving.unsaved;
    const kept = unsaved ? ` ${unsaved} choice${unsaved > 1 ? "s are" : " is"} kept here and sent when it is back.` : " What you choose is kept here and sent when it is back.";
    if (store.gone) {
      shown.push(
        h("div.bar.bad", { role: "alert" }, icon("failed"),
          h("p", {}, h("b", {}, "This link is over: the daemon was started anew."), h("span.details", {}, `Open the page again from the editor, or with “foley-bridge audition”.${unsaved ? ` ${unsaved} unsaved choice${unsaved > 1 ? "s are" : " is"} kept in this browser until then.` : ""}`))),
      );
    } else if (store.away) {
      shown.push(h("div.bar", { role: "status", id: "away" }, icon("wait"), h("p", {}, h("b", {}, "The daemon does not answer."), kept)));
    }
    for (const region of store.regions.values()) {
      const { number, name } = region.summary;
      if (region.conflict) {
        const theirs = region.conflict;
        shown.push(
          h("div.bar.conflict", { role: "alert" }, icon("failed"),
            h("p", {}, h("b", {}, `${name} was changed on another page`), theirs.by ? ` (${theirs.by}).` : ".", h("span.details", {}, `There: ${words(theirs, region)}. Here: ${words(region.choice, region)}.`)),
            h("button", { type: "button", onclick: () => session.deciding.resolve(number, "theirs") }, "Keep theirs"),
            h("button.main", { type: "button", onclick: () => session.deciding.resolve(number, "mine") }, "Use mine")),
        );
      } else if (region.trouble) {
        shown.push(
          h("div.bar.bad", { role: "alert" }, icon("failed"),
            h("p", {}, h("b", {}, `${name} could not be saved: `), inWords(region.trouble)),
            h("button", { type: "button", onclick: () => store.saving.send(region) }, "Try again"),
            h("button", { type: "button", onclick: () => session.deciding.undo() }, "Undo")),
        );
      }
    }
    root.replaceChildren(...shown);
  });
  for (const name of ["away", "back", "gone", "reel", "region"]) store.addEventListener(name, show);
  show();
}
