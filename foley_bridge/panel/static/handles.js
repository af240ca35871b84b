// The onsets as handles: moved by pointer, finger and keyboard, each a slider by name.

import { announce, h, setAttribute, setText, soon } from "./dom.js";
import { unsure } from "./motion.js";

const FEW_PX = 3; // less than this is a click, not a move
const SAME_S = 1e-7;
const TWICE_MS = 450; // two taps of a finger within this, and as near as
const TWICE_PX = 30;

export function handles(field, session) {
  const { axis, clock, player, onsets } = session;
  field.setAttribute("role", "group");
  field.setAttribute("aria-label", "Onsets");
  const none = h("p.empty", { hidden: true }, "No onsets: double-click here, press A, or tap along");
  field.append(none);
  /** Handles in the order of the onsets; a handle stays the same one while its onset moves. */
  let all = [];
  let dragged = null;

  function handle() {
    const where = h("span.where", { "aria-hidden": "true" });
    const element = h("button.handle", { type: "button", role: "slider", "aria-orientation": "horizontal" }, where);
    const one = { element, where, time_s: 0 };
    element.addEventListener("pointerdown", (event) => grab(event, one));
    element.addEventListener("keydown", (event) => key(event, one));
    element.addEventListener("focus", () => select(one));
    return one;
  }

  function select(one) {
    onsets.selected = one.time_s;
    for (const each of all) each.element.classList.toggle("on", each === one);
  }

  // ---- moving

  const others = (one) => all.filter((each) => each !== one).map((each) => each.time_s);

  function grab(event, one) {
    if (event.button !== 0 || !session.usable || session.tapping.on) return;
    event.preventDefault();
    event.stopPropagation();
    one.element.focus({ preventScroll: true });
    select(one);
    const { element } = one;
    element.setPointerCapture(event.pointerId);
    const from_x = event.clientX;
    const from_s = one.time_s;
    const rest = others(one);
    let moved = false;
    const number = session.number;
    const move = (at) => {
      if (number !== session.number) return;
      if (!moved && Math.abs(at.clientX - from_x) < FEW_PX) return;
      moved = true;
      dragged = one;
      element.classList.add("moving");
      const finer = at.shiftKey ? 0.1 : 1;
      one.time_s = onsets.within(from_s + ((at.clientX - from_x) * finer) / axis.perSecond);
      onsets.selected = one.time_s;
      onsets.preview([...rest, one.time_s].sort((a, b) => a - b));
    };
    const end = (at) => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", end);
      element.removeEventListener("pointercancel", end);
      element.classList.remove("moving");
      dragged = null;
      if (number !== session.number) return;
      if (at.type === "pointercancel" && moved) {
        one.time_s = from_s;
        onsets.preview(null);
      } else if (moved) {
        onsets.set([...rest, one.time_s], "move an onset");
        announce(`Onset at ${clock.fine(one.time_s)}`);
      } else player.seek(one.time_s);
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", end);
  }

  function key(event, one) {
    if (event.ctrlKey || event.metaKey || !session.usable || session.tapping.on) return;
    if (event.key === "Escape") return one.element.blur();
    const frame_s = 1 / clock.rate;
    const by = {
      ArrowLeft: event.altKey ? -0.001 : event.shiftKey ? -10 * frame_s : -frame_s,
      ArrowRight: event.altKey ? 0.001 : event.shiftKey ? 10 * frame_s : frame_s,
      ",": -0.001,
      ".": 0.001,
      "<": -frame_s,
      ">": frame_s,
    }[event.key];
    const { start, end } = session.detail;
    let to_s = null;
    if (by !== undefined) to_s = one.time_s + by;
    else if (event.key === "Home") to_s = start.seconds;
    else if (event.key === "End") to_s = end.seconds;
    if (to_s === null) return;
    event.preventDefault();
    event.stopPropagation();
    const rest = others(one);
    one.time_s = onsets.within(to_s);
    onsets.selected = one.time_s;
    onsets.set([...rest, one.time_s], "move an onset");
  }

  // ---- adding

  const pointed = (event) => axis.time_s(event.clientX - field.getBoundingClientRect().left);
  let tapped = null;
  field.addEventListener("dblclick", (event) => {
    if (event.target === field && !tapped) onsets.add(pointed(event));
  });
  // Browsers tell of two clicks of a mouse, and not all of two taps of a finger.
  field.addEventListener("pointerup", (event) => {
    if (event.target !== field || event.pointerType === "mouse") return (tapped = null);
    const twice = tapped && event.timeStamp - tapped.timeStamp < TWICE_MS && Math.abs(event.clientX - tapped.clientX) < TWICE_PX;
    if (twice) onsets.add(pointed(event));
    tapped = event;
  });

  // ---- by key

  /** Selects the next onset of what is shown and gives it the focus. @param {1 | -1} step */
  function reach(step) {
    const times = onsets.times.filter((time_s) => time_s >= axis.from_s - SAME_S && time_s <= axis.to_s + SAME_S);
    const from_s = times.find((time_s) => onsets.selected !== null && Math.abs(time_s - onsets.selected) < SAME_S) ?? player.time_s;
    const next = step > 0 ? times.find((time_s) => time_s > from_s + SAME_S) : times.findLast((time_s) => time_s < from_s - SAME_S);
    if (next === undefined) return announce(times.length ? `That was the ${step > 0 ? "last" : "first"} onset` : "There are no onsets");
    onsets.selected = next;
    axis.reveal(next);
    if (!player.playing) player.seek(next);
    onsets.say();
    requestAnimationFrame(() => all.find((one) => Math.abs(one.time_s - next) < SAME_S)?.element.focus({ preventScroll: true }));
  }
  session.addEventListener("reach", (event) => reach(event.detail.step));
  field.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.target === field && session.window) player.seek(pointed(event));
  });

  // ---- showing

  /** Gives each onset its handle: the one it had, as long as it is there. */
  function match(times) {
    if (dragged) return;
    const free = new Set(all);
    const next = times.map((time_s) => {
      const one = [...free].find((each) => Math.abs(each.time_s - time_s) < SAME_S);
      if (one) free.delete(one);
      return one ?? time_s;
    });
    const left = [...free];
    const had = left.some((one) => one.element === document.activeElement);
    all = next.map((one) => {
      if (typeof one !== "number") return one;
      const again = left.shift() ?? handle();
      again.time_s = one;
      return again;
    });
    for (const one of left) one.element.remove();
    if (had && onsets.selected !== null) queueMicrotask(() => all.find((one) => Math.abs(one.time_s - onsets.selected) < SAME_S)?.element.focus({ preventScroll: true }));
  }

  const show = soon(() => {
    const { detail, window } = session;
    match(detail ? onsets.times : []);
    const hidden = !detail || !window;
    setText(none, [unsure(session) && detail.reason, "No onsets: double-click here, press A, or tap along"].filter(Boolean).join(" · "));
    const stop = all.find((one) => onsets.selected !== null && Math.abs(onsets.selected - one.time_s) < SAME_S) ?? all.find((one) => one.time_s >= axis.from_s - 1e-6);
    none.hidden = hidden || all.length > 0 || !session.usable;
    const list = [];
    for (const [k, one] of all.entries()) {
      const x = axis.x(one.time_s);
      const inside = !hidden && one.time_s >= axis.from_s - 1e-6 && one.time_s <= axis.to_s + 1e-6;
      one.element.hidden = !inside;
      one.element.tabIndex = one === stop ? 0 : -1; // O goes from one to the next
      one.element.style.transform = `translateX(${x}px)`;
      one.element.classList.toggle("seen", !onsets.own);
      one.element.classList.toggle("on", onsets.selected !== null && Math.abs(onsets.selected - one.time_s) < SAME_S);
      setAttribute(one.element, "aria-label", `Onset ${k + 1} of ${all.length}`);
      if (detail) {
        setAttribute(one.element, "aria-valuemin", detail.start.seconds);
        setAttribute(one.element, "aria-valuemax", detail.end.seconds);
      }
      setAttribute(one.element, "aria-valuenow", one.time_s);
      setAttribute(one.element, "aria-valuetext", clock.fine(one.time_s));
      setText(one.where, clock.fine(one.time_s));
      list.push(one.element);
    }
    const before = [...field.querySelectorAll(".handle")];
    if (before.length !== list.length || list.some((element, k) => element !== before[k])) {
      const focused = document.activeElement;
      for (const element of before) if (!list.includes(element)) element.remove();
      // Only what stands in another place is moved: a moved element loses its focus.
      let after = none;
      for (const element of list) {
        if (after.nextElementSibling !== element && element !== focused) after.after(element);
        after = element;
      }
    }
  });
  for (const name of ["open", "region", "window", "choice", "onsets", "takes"]) session.addEventListener(name, show);
  axis.addEventListener("view", show);
  show();
}
