// The heard take's level, nudge and fades; the note.

import { decibels, h, rested, setAttribute, setText, soon, typing } from "./dom.js";

const NOTE_MS = 600;

export function adjust(root, session) {
  const { store } = session;
  let shown = "";

  const level = h("input", { type: "range", id: "level", min: "-24", max: "24", step: "0.5", oninput: () => session.adjust({ level_db: Number(level.value) }, "level") });
  const levelText = h("output", { htmlFor: "level" });
  const step = (label, text, frames, ms) => h("button", { type: "button", "aria-label": label, title: label, onclick: () => session.nudge(frames, ms) }, text);
  const nudges = h("div.nudges", { role: "group", "aria-label": "Nudge" },
    step("Nudge a frame earlier", "−1 fr", -1, 0), step("Nudge 1 ms earlier (,)", "−1 ms", 0, -1), step("Nudge 1 ms later (.)", "+1 ms", 0, 1), step("Nudge a frame later", "+1 fr", 1, 0));
  const nudgeText = h("output.nudged");
  const fade = (name, label) => {
    const input = h("input", { type: "range", id: name, min: "0", max: "1", step: "0.01", oninput: () => session.adjust({ [name]: fadeOf(input) }, label) });
    return { name, label, input, text: h("output", { htmlFor: name }) };
  };
  // Short fades need fine steps, long ones do not: the slider is the fourth root.
  const longest = () => session.heard?.duration.seconds ?? 1;
  const fadeOf = (input) => Math.round(longest() * Number(input.value) ** 2 * 1000) / 1000;
  const fades = [fade("fade_in_s", "Fade in"), fade("fade_out_s", "Fade out")];
  const reset = h("button", { type: "button", onclick: () => session.resetEdit() }, "Reset");
  const before = h("button", { type: "button", title: "The take heard before (B)", onclick: () => session.hearBefore() }, "A / B", h("kbd", {}, "B"));
  const undecide = h("button", { type: "button", onclick: () => session.reopen() }, "Undecide");
  const reason = h("p.reason.whole");
  const keep = rested(NOTE_MS, (number, text) => {
    if (number === session.number) session.note(text);
    else store.choose(number, { note: text }, "note");
  });
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
    const edit = take ? store.edit(session.number, take.id) : null;
    for (const control of root.querySelectorAll("input, button")) control.disabled = !usable;
    note.disabled = !session.usable;
    undecide.disabled = !session.usable || session.choice.state === "proposed";
    before.disabled = session.takes.length < 2;
    if (edit) {
      level.max = String(Math.max(-24, session.mostLevel(take)));
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
    reset.disabled = !edit || !Object.values(edit).some((value) => value !== 0);
    const said = session.choice?.state === "rejected" ? session.choice.reason : "";
    reason.hidden = !said;
    setText(reason, said ? `Rejected: ${said}` : "");
    const place = String(session.number);
    if (shown !== place || (!typing(document.activeElement) || document.activeElement !== note)) {
      if (session.choice && note.value !== session.choice.note) note.value = session.choice.note;
      shown = place;
    }
  });
  session.addEventListener("open", () => {
    keep.flush();
    if (document.activeElement === note) note.blur();
  });
  for (const name of ["open", "region", "choice", "heard", "takes"]) session.addEventListener(name, show);
  show();
}
