// The strip: all regions in order. Only those in sight are in the page, so 500 cost what 12 do.

import { h, icon, setAttribute, setText, soon } from "./dom.js";
import { roving } from "./roving.js";
import { shortName, stateOf, wordOf } from "./states.js";

const GAP = 8;
const BEYOND = 2; // cards kept on either side of what is in sight

export function strip(root, session) {
  const { store, api } = session;
  const list = h("ol", { role: "list" });
  const none = h("p.none.quiet", { hidden: true }, "No region is like that. ", h("button", { type: "button", onclick: () => session.listing.filter({ states: "all", words: "" }) }, "List all"));
  root.append(list, none);
  /** @type {Map<number, {li: HTMLElement, show: (summary: object) => void}>} */
  const cards = new Map();
  const settle = roving(list, ".card");
  let listed = [];
  let pitch = 172;

  function measure() {
    const probe = h("li", { hidden: false });
    list.append(probe);
    pitch = probe.offsetWidth + GAP;
    probe.remove();
  }

  function card(summary) {
    const image = h("img", { alt: "", decoding: "async", draggable: false });
    image.addEventListener("error", () => image.removeAttribute("src"));
    const number = h("span.count.number");
    const badge = h("span.badge");
    const tapped = h("span.tapped", { title: "Tapped: the onsets are the editor's" }, icon("tap"));
    const name = h("span.name");
    const when = h("span.when");
    const button = h("button.card", { type: "button", onclick: () => session.open(summary.number) }, h("span.shot", {}, image, number, badge, tapped), name, when);
    const li = h("li", {}, button);
    let state = "";
    // A picture is asked for when its card stays, not when it flies past.
    const timer = setTimeout(() => (image.src = api.thumb(summary.number)), 120);
    return {
      li,
      end: () => {
        clearTimeout(timer);
        image.removeAttribute("src");
        li.remove();
      },
      show(known, place) {
        const now = stateOf(known);
        if (now !== state) {
          state = now;
          button.className = `card state-${now}`;
          badge.replaceChildren(icon(now), wordOf(now));
        }
        tapped.hidden = !known.tapped;
        setText(number, String(known.number));
        setText(name, shortName(known));
        setText(when, known.timecode);
        const texts = [`${known.number}: ${known.name}`, wordOf(now), known.timecode];
        if (known.tapped) texts.push("tapped");
        setAttribute(button, "aria-label", texts.join(", "));
        button.title = known.error ? `${known.name}: ${known.error}` : known.text || known.name;
        setAttribute(button, "aria-current", known.number === session.number ? "true" : null);
        setAttribute(li, "aria-setsize", listed.length);
        setAttribute(li, "aria-posinset", place + 1);
        li.style.transform = `translateX(${GAP + place * pitch}px)`;
      },
    };
  }

  const show = soon(() => {
    const first = Math.max(0, Math.floor(root.scrollLeft / pitch) - BEYOND);
    const last = Math.min(listed.length, Math.ceil((root.scrollLeft + root.clientWidth) / pitch) + BEYOND);
    const kept = new Set();
    for (let place = first; place < last; place += 1) kept.add(listed[place].number);
    const focused = document.activeElement;
    for (const [number, one] of cards) {
      if (kept.has(number)) continue;
      if (one.li.contains(focused)) root.focus({ preventScroll: true });
      one.end();
      cards.delete(number);
    }
    let after = null;
    for (let place = first; place < last; place += 1) {
      const summary = listed[place];
      let one = cards.get(summary.number);
      if (!one) {
        one = card(summary);
        cards.set(summary.number, one);
        if (after) after.after(one.li);
        else list.prepend(one.li);
      }
      one.show(summary, place);
      after = one.li;
    }
    settle(cards.get(session.number)?.li.firstElementChild);
  });

  function relist() {
    listed = session.listing.regions;
    list.style.width = `${GAP + listed.length * pitch}px`;
    none.hidden = listed.length > 0;
    show();
  }

  /** Brings the region that is open into sight, with some of what comes after it. */
  function follow() {
    const place = listed.findIndex((summary) => summary.number === session.number);
    if (place < 0) return;
    const left = GAP + place * pitch;
    const room = root.clientWidth;
    if (left < root.scrollLeft + pitch * 0.5) root.scrollLeft = left - pitch * 1.2;
    else if (left + pitch > root.scrollLeft + room - pitch) root.scrollLeft = left - room + pitch * 2.6;
    show();
  }

  root.tabIndex = -1;
  root.addEventListener("scroll", show, { passive: true });
  root.addEventListener("wheel", (event) => {
    // A wheel that only goes up and down goes along the strip.
    if (event.ctrlKey || Math.abs(event.deltaX) >= Math.abs(event.deltaY)) return;
    event.preventDefault();
    root.scrollLeft += event.deltaY;
  }, { passive: false });
  new ResizeObserver(() => {
    measure();
    relist();
    follow();
  }).observe(root);
  session.addEventListener("filter", () => {
    relist();
    follow();
  });
  session.addEventListener("open", follow);
  store.addEventListener("reel", soon(relist));
  measure();
  relist();
}
