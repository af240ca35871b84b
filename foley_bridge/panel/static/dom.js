// Small helpers for building the page: elements, icons, what a screen reader is told.

const SVG = "http://www.w3.org/2000/svg";

/** Paths on a 24 x 24 field; drawn in the text's colour. */
const ICONS = {
  proposed: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm0 2.4a5.6 5.6 0 1 1 0 11.2 5.6 5.6 0 0 1 0-11.2Z",
  chosen: "M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 0 0 0-19Zm-1.4 14L6 12l1.8-1.8 2.8 2.8 5.6-5.6L18 9.2Z",
  rejected: "M5 3h14l2 2v14l-2 2H5l-2-2V5Zm2.4 3.1L6.1 7.4 10.7 12l-4.6 4.6 1.3 1.3 4.6-4.6 4.6 4.6 1.3-1.3-4.6-4.6 4.6-4.6-1.3-1.3-4.6 4.6Z",
  failed: "M12 2.5 23 21.5H1Zm-1.2 7v6h2.4v-6Zm0 7.5v2.3h2.4V17Z",
  play: "M7 4.5v15l12.5-7.5Z",
  pause: "M6 4.5h4.5v15H6Zm7.5 0H18v15h-4.5Z",
  back: "M6 5h2.4v14H6Zm12.5 0v14L9 12Z",
  forward: "M15.6 5H18v14h-2.4ZM5.5 5v14l9.5-7Z",
  undo: "M8.5 3.5 3 9l5.5 5.5V11H14a4 4 0 0 1 0 8H8v2.4h6a6.4 6.4 0 0 0 0-12.8H8.5Z",
  send: "M3 20.5V14l9-2-9-2V3.5L22 12Z",
  add: "M10.8 4h2.4v6.8H20v2.4h-6.8V20h-2.4v-6.8H4v-2.4h6.8Z",
  remove: "M4 10.8h16v2.4H4Z",
  bin: "M9 3h6l1 2h4v2.4H4V5h4Zm-3.5 6h13l-1 12.5h-11Z",
  ear: "M4 9v6h4l5 4.5v-15L8 9Zm11-.9v7.8a4.5 4.5 0 0 0 0-7.8Zm0-4.3v2.4a6.4 6.4 0 0 1 0 11.6v2.4a8.8 8.8 0 0 0 0-16.4Z",
  alike: "M8 3.5A5.5 5.5 0 0 0 8 14.5a5.5 5.5 0 0 0 1.3-.2A5.5 5.5 0 1 0 14.7 9.7 5.5 5.5 0 0 0 8 3.5Zm0 2.3a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4Z",
  tap: "M12 2.5a3 3 0 0 1 1.2 5.7V12l5.3 1.3V21.5H8L4.5 15l1.4-1.2 4.9 2.2V8.2A3 3 0 0 1 12 2.5Z",
  search: "M10.5 3a7.5 7.5 0 1 0 4.5 13.5l5 5 1.7-1.7-5-5A7.5 7.5 0 0 0 10.5 3Zm0 2.4a5.1 5.1 0 1 1 0 10.2 5.1 5.1 0 0 1 0-10.2Z",
  filter: "M3 4.5h18L14 13v7l-4-2.2V13Z",
  picture: "M3 5h18v14H3Zm2.3 2.3v9.4h13.4V7.3Zm1.7 8 3.2-4.6 2.4 3 1.9-2.3 2.8 3.9Z",
  note: "M4 3h16v12l-6 6H4Zm3 4.5v2h10v-2Zm0 4v2h7v-2Z",
  tall: "M6 3h12v2.2H6Zm0 15.8h12V21H6ZM12 7l4 4h-3v2h3l-4 4-4-4h3v-2H8Z",
  fit: "M3 6h2.2v12H3Zm15.8 0H21v12h-2.2ZM9 8l-4 4 4 4v-3h6v3l4-4-4-4v3H9Z",
  wait: "M12 3a9 9 0 1 0 9 9h-2.6A6.4 6.4 0 1 1 12 5.6Z",
  help: "M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 0 0 0-19ZM10.8 16h2.4v2.3h-2.4Zm-2.5-6.3a3.7 3.7 0 1 1 5.6 3.2c-.6.4-.7.7-.7 1.4h-2.4c0-1.7.4-2.5 1.7-3.3a1.4 1.4 0 1 0-2-1.3Z",
  close: "m6.4 4.7 5.6 5.6 5.6-5.6 1.7 1.7-5.6 5.6 5.6 5.6-1.7 1.7-5.6-5.6-5.6 5.6-1.7-1.7 5.6-5.6-5.6-5.6Z",
};

/**
 * An element: `h("button.small", {type: "button", onclick}, "text", child, …)`.
 * Properties that the element has are set as such, others as attributes; null and false are left out.
 * @param {string} what tag and classes, with dots
 * @param {Object<string, any>} [having]
 * @param {...(Node|string|null|false|undefined)} children
 * @returns {HTMLElement}
 */
export function h(what, having = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(having)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element && !name.startsWith("aria") && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon icon-${name}`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/** Sets text only where it differs, so that nothing is laid out for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets or takes away an attribute. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

const shown = new WeakMap();

/** Puts new children only when what they say differs: a button among them keeps the focus, and a press that has begun. */
export function renew(root, what, make) {
  const text = JSON.stringify(what);
  if (shown.get(root) === text) return;
  shown.set(root, text);
  root.replaceChildren(...make());
}

const STAYS_MS = 2500;
let said = 0;
let kept = { text: "", until: 0 };

/**
 * Tells what happened: to a screen reader, and in a line that fades.
 * @param {{stays?: boolean}} [how] stays: what is told soon after comes behind it rather than in its place
 */
export function announce(text, { stays = false } = {}) {
  const now = performance.now();
  if (stays) kept = { text, until: now + STAYS_MS };
  else if (now < kept.until) text = `${kept.text} · ${text}`;
  const live = document.getElementById("live");
  if (!live) return;
  // The same words twice in a row are told twice: the mark at the end differs.
  live.textContent = text + (said++ % 2 ? "\u00a0" : "");
  live.classList.toggle("stays", now < kept.until);
  live.classList.remove("fresh");
  void live.offsetWidth;
  live.classList.add("fresh");
}

/** Is somebody typing there? Then keys are his. */
export function typing(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
  return target.tagName === "INPUT" && !["range", "checkbox", "radio", "button"].includes(target.type);
}

/** Calls `run` once `ms` after the last call; `flush` calls it now if it waits, `cancel` not at all. */
export function rested(ms, run) {
  let timer = 0;
  let kept = null;
  const call = (...args) => {
    kept = args;
    clearTimeout(timer);
    timer = setTimeout(call.flush, ms);
  };
  call.flush = () => {
    clearTimeout(timer);
    const args = kept;
    kept = null;
    if (args) run(...args);
  };
  call.cancel = () => {
    clearTimeout(timer);
    kept = null;
  };
  return call;
}

/** Once a frame is often enough to show what changed. */
export function soon(show) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      show();
    });
  };
}

/** Times and numbers as a person reads them. */
export const decibels = (value) => (value === null || value === undefined ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(1)} dB`);
