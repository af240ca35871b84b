// The heard take's level, nudge and fades; the note.

import { decibels, h, rested, setAttribute, setText, soon } from "./dom.js";
import { mostLevel } from "./editing.js";

const NOTE_MS = 600;

export function adjust(root, session) {
  const { editing } = session;

  const level = h("input", { type: "range", id: "level", min: "-60", max: "24", step: "0.5", oninput: () => editing.change({ level_db: Number(level.value) }, "level") });
  const levelText = h("output", { htmlFor: "level", "aria-live": "off" }); // what keys do is announced, what a slider does it says itself
  const step = (label, text, frames, ms) => h("button", { type: "button", "aria-label": label, title: label, onclick: () => editing.nudge(frames, ms) }, text);
  const nudges = h("div.nudges", { role: "group", "aria-label": "Nudge" },
    step("Nudge a frame earlier", "−1 fr", -1, 0), step("Nudge 1 ms earlier (,)", "−1 ms", 0, -1), step("Nudge 1 ms later (.)", "+1 ms", 0, 1), step("Nudge a frame later", "+1 fr", 1, 0));
  const nudgeText = h("output.nudged", { "aria-live": "off" });
  const fade = (name, label) => {
    const input = h("input", { type: "range", id: name, min: "0", max: "1", step: "0.01", oninput: () => editing.change({ [name]: fadeOf(input) }, label) });
    return { name, label, input, text: h("output", { htmlFor: name, "aria-live": "off" }) };
  };
  // Short fades need fine steps, long ones do not: the slider is the fourth root.
  const longest = () => session.heard?.duration.seconds ?? 1;
  const fadeOf = (input) => Math.round(longest() * Number(input.value) ** 2 * 1000) / 1000;
  const fades = [fade("fade_in_s", "Fade in"), fade("fade_out_s", "Fade out")];
  const reset = h("button", { type: "button", onclick: () => editing.reset() }, "Reset");
  const before = h("button", { type: "button", title: "The take heard before (B)", onclick: () => session.hearBefore() }, "A / B", h("kbd", {}, "B"));
  const undecide = h("button", { type: "button", onclick: () => session.deciding.undecide() }, "Undecide");
  const reason = h("p.reason.whole");
  const keep = rested(NOTE_MS, (number, text) => session.deciding.note(number, text));
  const note = h("textarea", {
    id: "note", placeholder: "Note (E): for the mix, for the next person…", maxLength: 4096,
    oninput: () => keep(session.number, note.value),
    onblur: () => keep.flush(),
    onkeydown: (event) => {
      if (event.key !== "Escape") return;
      keep.flush();
      note.blur();
      event.preventDefault();
      event.stopPropagation();
    },
  });
  root.append(
    h("label", { htmlFor: "level" }, "Level"), level, levelText,
    h("span.label", {}, "Nudge"), h("span.gap"), nudgeText, nudges,
    ...fades.flatMap(({ name, label, input, text }) => [h("label", { htmlFor: name }, label), input, text]),
    h("div.ends.whole", {}, before, undecide, reset),
    reason,
    h("label.whole.only-read", { htmlFor: "note" }, "Note"),
    h("div.whole.noted", {}, note),
  );

  const show = soon(() => {
    const take = session.heard;
    const usable = session.usable && Boolean(take);
    const { edit } = editing;
    for (const control of root.querySelectorAll("input, button")) control.disabled = !usable;
    note.readOnly = !session.usable; // it has the focus all the same: what is typed into it is never a key of the page
    undecide.disabled = !session.usable || session.choice.state === "proposed";
    before.disabled = session.takes.length < 2;
    if (edit) {
      level.max = String(mostLevel(take));
      if (document.activeElement !== level || Math.abs(Number(level.value) - edit.level_db) > 0.3) level.value = String(edit.level_db);
      setAttribute(level, "aria-valuetext", decibels(edit.level_db));
      for (const { name, input, text } of fades) {
        const part = String(Math.sqrt(edit[name] / longest()));
        if (Math.abs(Number(input.value) - Number(part)) > 0.006) input.value = part;
        setText(text, `${edit[name].toFixed(2)} s`);
        setAttribute(input, "aria-valuetext", `${edit[name].toFixed(3)} seconds`);
      }
    }
    setText(levelText, edit ? decibels(edit.level_db) : "–");
    const nudged = edit ? [edit.nudge_frames && `${edit.nudge_frames > 0 ? "+" : "−"}${Math.abs(edit.nudge_frames)} fr`, edit.nudge_ms && `${edit.nudge_ms > 0 ? "+" : "−"}${Math.abs(edit.nudge_ms)} ms`].filter(Boolean).join(" ") : "–";
    setText(nudgeText, nudged || "0");
    reset.disabled = !editing.changed;
    const said = session.choice?.state === "rejected" ? session.choice.reason : "";
    reason.hidden = !said;
    setText(reason, said ? `Rejected: ${said}` : "");
    // What is being typed is not replaced.
    if (document.activeElement !== note && session.choice && note.value !== session.choice.note) note.value = session.choice.note;
  });
  addEventListener("pagehide", keep.flush);
  document.addEventListener("visibilitychange", () => document.hidden && keep.flush());
  session.addEventListener("leave", () => {
    keep.flush();
    note.blur();
  });
  for (const name of ["open", "region", "choice", "heard", "takes"]) session.addEventListener(name, show);
  show();
}
