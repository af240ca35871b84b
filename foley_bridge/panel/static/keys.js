// The keys. None is taken from somebody who is typing, and none from a dialog.

import { typing } from "./dom.js";

/** What the help sheet shows. */
export const KEYS = [
  { group: "Listen", shown: ["Space"], what: "play, pause" },
  { group: "Listen", shown: ["←", "→"], what: "a frame (Shift: ten)" },
  { group: "Listen", shown: ["1", "…", "9"], what: "hear that take (10 and on: both digits)" },
  { group: "Listen", shown: ["↓", "↑"], what: "hear the next, the previous take" },
  { group: "Listen", shown: ["B"], what: "the take heard before (A/B)" },
  { group: "Listen", shown: ["M"], what: "matched loudness" },
  { group: "Go", shown: ["J", "K"], what: "next, previous region" },
  { group: "Go", shown: ["N"], what: "next undecided region" },
  { group: "Go", shown: ["F"], what: "filter the regions" },
  { group: "Decide", shown: ["Enter"], what: "choose the heard take and go on" },
  { group: "Decide", shown: ["C"], what: "choose and stay" },
  { group: "Decide", shown: ["R"], what: "reject, with a reason" },
  { group: "Decide", shown: ["E"], what: "write a note" },
  { group: "Decide", shown: ["U", "Ctrl+Z"], what: "undo" },
  { group: "Decide", shown: ["Ctrl+Enter"], what: "send back" },
  { group: "Onsets", shown: ["A"], what: "add one at the playhead" },
  { group: "Onsets", shown: ["T"], what: "tap along" },
  { group: "Onsets", shown: ["O"], what: "next one (Shift: previous); Esc leaves it" },
  { group: "Onsets", shown: ["Delete"], what: "take the selected one away" },
  { group: "Onsets", shown: ["P"], what: "place the heard take on them" },
  { group: "Onsets", shown: ["[", "]"], what: "less, more sensitive" },
  { group: "Take", shown: [",", "."], what: "nudge 1 ms (Shift: a frame)" },
  { group: "Take", shown: ["−", "="], what: "level 0.5 dB (Shift: 3 dB)" },
  { group: "Take", shown: ["V"], what: "waveforms taller (Shift: less)" },
  { group: "Other takes", shown: ["G"], what: "ask for more" },
  { group: "Other takes", shown: ["S"], what: "more like this" },
  { group: "Other takes", shown: ["/"], what: "search the library" },
  { group: "Other takes", shown: ["I"], what: "the library by this picture" },
  { group: "Other takes", shown: ["L"], what: "the library by the heard take" },
  { group: "Other takes", shown: ["?"], what: "this sheet" },
];

/** Held down these go on; of the others one press is one act: who rests on Enter does not choose what he never heard. */
const HELD = new Set([..."jkou,.<>;:-=_+[]", "arrowleft", "arrowright", "arrowup", "arrowdown"]);

const BOTH_MS = 800; // two digits within this are one number

/** @param {{session: object, reject: () => void, send: () => void, help: () => void, library: () => void, byPicture: () => void, byTake: () => void, note: () => void}} to */
export function keys({ session, reject, send, help, library, byPicture, byTake, note }) {
  const { player, listing, deciding, editing, tapping, onsets, retakes } = session;

  /** By the character that was typed, so that they lie where a keyboard has them. */
  const acts = {
    " ": () => session.toggle(),
    ArrowLeft: (event) => player.step(event.shiftKey ? -10 : -1),
    ArrowDown: () => session.rows.step(1),
    ArrowUp: () => session.rows.step(-1),
    ArrowRight: (event) => player.step(event.shiftKey ? 10 : 1),
    j: () => listing.step(1),
    k: () => listing.step(-1),
    n: () => listing.nextUndecided(),
    b: () => session.hearBefore(),
    Enter: () => (tapping.on ? tapping.end(true) : deciding.choose(true)),
    c: () => deciding.choose(),
    r: reject,
    u: () => deciding.undo(),
    a: () => onsets.add(),
    o: (event) => session.say("reach", { step: event.shiftKey ? -1 : 1 }),
    v: (event) => session.scale.step(event.shiftKey ? -1 : 1),
    t: () => tapping.tap(),
    Escape: () => tapping.end(false),
    Delete: () => onsets.delete(),
    Backspace: () => onsets.delete(),
    ",": (event) => (event.shiftKey ? editing.nudge(-1, 0) : editing.nudge(0, -1)),
    ".": (event) => (event.shiftKey ? editing.nudge(1, 0) : editing.nudge(0, 1)),
    "<": () => editing.nudge(-1, 0),
    ">": () => editing.nudge(1, 0),
    ";": () => editing.nudge(-1, 0),
    ":": () => editing.nudge(1, 0),
    "-": () => editing.level(-0.5),
    "=": () => editing.level(0.5),
    _: () => editing.level(-3),
    "+": (event) => editing.level(event.shiftKey ? 3 : 0.5),
    "[": () => onsets.stepSensitivity(-0.02),
    "]": () => onsets.stepSensitivity(0.02),
    p: () => retakes.place(),
    m: () => session.match(),
    g: () => retakes.more(),
    s: () => retakes.alike(),
    "/": library,
    i: byPicture,
    l: byTake,
    e: note,
    f: () => document.getElementById("filter").focus(),
    "?": help,
  };
  let last = { digit: 0, timeStamp: -BOTH_MS };
  for (let digit = 0; digit <= 9; digit += 1) {
    acts[digit] = ({ timeStamp }) => {
      const both = timeStamp - last.timeStamp < BOTH_MS ? last.digit * 10 + digit : 0;
      last = { digit, timeStamp };
      if (both >= 10 && session.takes[both - 1]) session.hearNumber(both);
      else if (digit) session.hearNumber(digit);
    };
  }

  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const command = event.ctrlKey || event.metaKey;
    const again = event.repeat && !HELD.has(event.key.toLowerCase());
    if (command && event.key === "Enter") {
      event.preventDefault();
      if (!again) send();
      return;
    }
    if (document.querySelector("dialog[open]")) {
      if (event.key === "?" && !typing(event.target)) help();
      return;
    }
    if (typing(event.target)) return;
    if (command && event.key.toLowerCase() === "z" && !event.shiftKey) {
      event.preventDefault();
      deciding.undo();
      return;
    }
    if (command || event.altKey) return;
    const { target } = event;
    // Enter and Space press the button that was reached by Tab; elsewhere they are the page's. Sliders keep their arrows.
    if ((event.key === "Enter" || event.key === " ") && target instanceof HTMLElement && target.matches("button:focus-visible, a, summary, [type=checkbox]:focus-visible") && target.getAttribute("role") !== "slider") {
      if (again) event.preventDefault();
      return;
    }
    if (event.key.startsWith("Arrow") && target instanceof HTMLInputElement && target.type === "range") return;
    const act = acts[event.key] ?? (event.key.length === 1 ? acts[event.key.toLowerCase()] : undefined);
    if (!act) return;
    event.preventDefault();
    if (!again) act(event);
  });

  // A slider that was moved with the pointer gives the arrows back.
  addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type === "range" && !event.target.matches(":focus-visible")) event.target.blur();
  });

  // A button that was pressed with the pointer does not keep Space and Enter for itself.
  addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button, input[type=checkbox]") : null;
    if (button && event.detail > 0 && button.getAttribute("role") !== "slider" && !button.closest("dialog")) button.blur();
  });
}
