// Said over the heard take's waveform: that it does not lie on the onsets shown; and having it placed there.

import { h, setText, soon } from "./dom.js";

/** @param {HTMLElement} field of the lane */
export function elsewhere(field, session) {
  const { onsets, placing, retakes } = session;
  const which = h("span");
  const place = h("button", { type: "button", title: "Place the heard take on the onsets shown (P)", onclick: () => retakes.place() }, "Place it here", h("kbd", {}, "P"));
  const root = h("div.elsewhere", { role: "status", hidden: true }, which, place);
  root.addEventListener("pointerdown", (event) => event.stopPropagation()); // under it a press would move the playhead
  field.append(root);

  const show = soon(() => {
    const take = session.preview ? null : session.heard;
    root.hidden = !take || placing.of(session.number).busy || session.tapping.on || onsets.carry(take);
    if (root.hidden) return;
    setText(which, `Take ${session.takes.indexOf(take) + 1} lies on other onsets`);
    place.hidden = !onsets.kept.length;
  });
  for (const name of ["open", "region", "takes", "choice", "heard", "onsets", "tapping"]) session.addEventListener(name, show);
  placing.addEventListener("placing", show);
}
