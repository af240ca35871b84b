// The tools above the lanes: parts of a long region, onsets, sensitivity, zoom; and tapping along.

import { h, icon, setAttribute, setText, soon } from "./dom.js";
import { unsure } from "./motion.js";
import { roving } from "./roving.js";

/** @param {() => number} center the time that stays where it is when one zooms */
export function tools(session, center) {
  const { axis, clock, onsets, placing, scale, tapping } = session;
  const tool = (name, text, key, label, act) => h("button.tool", { type: "button", "aria-label": label, title: `${label} (${key})`, onclick: act }, icon(name), h("span.text", {}, text), h("kbd", {}, key));

  const parts = h("div.windows", { role: "group", "aria-label": "Part of the region", hidden: true });
  const add = tool("add", "Onset", "A", "Add an onset at the playhead", () => onsets.add());
  const bin = tool("bin", "Delete", "Del", "Delete the selected onset", () => onsets.delete());
  const tap = tool("tap", "Tap", "T", "Tap along", () => tapping.tap());
  const seen = h("button.tool", { type: "button", title: "Onsets as they were seen in the picture or tapped in the timeline", onclick: () => onsets.asSeen() }, "As seen");
  const slider = h("input", {
    type: "range", id: "sensitivity", min: "0", max: "1", step: "0.01", "aria-label": "Sensitivity",
    oninput: () => onsets.trySensitivity(Number(slider.value)),
    onchange: () => onsets.setSensitivity(),
  });
  const counts = h("output", { "aria-live": "off" });
  const zoom = h("input", { type: "range", min: "0", max: "1", step: "0.01", "aria-label": "Zoom", oninput: () => axis.zoomTo(axis.most ** Number(zoom.value), center()) });
  const tall = h("button.number", { type: "button", title: "Waveforms taller (V)", onclick: () => scale.step(1) });
  const showScale = () => {
    tall.replaceChildren(icon("tall"), `×${scale.times}`);
    setAttribute(tall, "aria-label", `Waveforms ${scale.times} times as tall`);
  };
  const placed = h("span.placing", { hidden: true });
  const tapped = h("div.tapping", { hidden: true },
    h("b", {}, "Tapping along"), h("button.main", { type: "button", onclick: () => tapping.tap() }, "Tap", h("kbd", {}, "T")),
    h("button", { type: "button", onclick: () => tapping.end(true) }, "Keep", h("kbd", {}, "↵")),
    h("button", { type: "button", onclick: () => tapping.end(false) }, "Throw away", h("kbd", {}, "Esc")));
  const root = h("div.tools", { role: "toolbar", "aria-label": "Onsets and zoom" },
    parts, add, bin, tap, seen,
    h("label.sensitivity", { title: "How readily motion counts as an action ([ and ])" }, h("span.text", {}, "Sensitivity"), slider, counts),
    placed,
    h("span.space"),
    h("label.zoom", {}, icon("fit"), zoom),
    tall,
    h("button", { type: "button", "aria-label": "Show all", title: "Show all", onclick: () => axis.zoomTo(1) }, "All"),
    tapped,
  );

  /** Windows of the region, each a button that stays the same one as long as the region is on screen. */
  function showParts(windows) {
    parts.hidden = windows.length < 2;
    const starts = windows.map((window) => window.loop_start_s).join();
    if (parts.dataset.starts !== starts) {
      parts.dataset.starts = starts;
      parts.replaceChildren(...windows.map(({ number, loop_start_s }) => h("button", { type: "button", onclick: () => session.showWindow(number), "aria-label": `Part ${number} of ${windows.length}, from ${clock.timecode(loop_start_s)}` }, String(number))));
    }
    for (const [k, button] of [...parts.children].entries()) setAttribute(button, "aria-pressed", String(windows[k].number === session.window?.number));
  }

  const show = soon(() => {
    const { detail, usable } = session;
    showParts(detail?.windows ?? []);
    for (const button of [add, bin, tap, seen]) button.disabled = !usable;
    const list = detail?.seen ?? [];
    slider.disabled = !usable || !list.length;
    if (document.activeElement !== slider || onsets.trying === null) slider.value = String(onsets.sensitivity);
    const count = onsets.seenAt(onsets.sensitivity).length;
    setText(counts, list.length ? unsure(session) ? `${list.length} seen, none sure` : `${count} of ${list.length} seen` : detail && !detail.error ? "none seen" : "");
    const use = unsure(session) ? "too unsure to be used" : onsets.own ? "the onsets are yours" : "they are the onsets";
    counts.title = `${list.length} moments were seen where something may happen; ${count} of them count at this sensitivity: ${use}`;
    setAttribute(slider, "aria-valuetext", `${Math.round(onsets.sensitivity * 100)} %, ${counts.textContent}`);
    slider.parentElement.classList.toggle("idle", onsets.own);
    seen.hidden = !detail || !onsets.changed;
    tapped.hidden = !tapping.on;
    settle();
    root.classList.toggle("tap-only", tapping.on);
    const making = placing.of(session.number);
    placed.hidden = !making.busy;
    if (making.busy) placed.replaceChildren(icon("wait"), making.words);
  });
  const settle = roving(root, ".tool");
  const showZoom = () => (zoom.value = String(axis.most > 1 ? Math.log(axis.zoom) / Math.log(axis.most) : 0));

  for (const name of ["open", "region", "window", "takes", "choice", "heard", "onsets", "tapping"]) session.addEventListener(name, show);
  placing.addEventListener("placing", show);
  axis.addEventListener("view", soon(showZoom));
  scale.addEventListener("scale", showScale);
  showScale();
  show();
  return root;
}
