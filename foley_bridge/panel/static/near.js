// What sounds of the library are to be near to, beside words: the picture of the region, a sound of the library, or a take. And why not, where
// that cannot be.

import { inWords } from "./api.js";
import { announce, h, icon, setAttribute, setText, soon } from "./dom.js";

/** How many of 100. */
const whole = (score) => Math.round(score * 100);
const plainName = (name) => name.replace(/\.[^.]+$/, "");

/**
 * What is searched by, and its two buttons.
 * @param {{changed: () => void, known: () => void}} tell `changed`: it is something else than before, search anew; `known`: whether it can be
 */
export function near(session, { changed, known }) {
  const { api } = session;
  let to = null; // {kind: "picture"} | {kind: "sound", name, asked}, where `asked` goes with the request
  let can = null; // what the panel says of it; null: not known yet
  let asking = null;

  const said = { picture: h("span"), sound: h("span") };
  const key = h("kbd", {}, "L");
  const picture = h("button", { type: "button", id: "by-picture", onclick: () => toggle(byPicture, "picture") }, icon("picture"), said.picture, h("kbd", {}, "I"));
  const sound = h("button", { type: "button", id: "by-sound", onclick: () => toggle(byTake, "sound") }, icon("alike"), said.sound, key);
  const why = h("p.quiet.why-not", { id: "near-why", hidden: true });
  const row = h("div.near", { role: "group", "aria-label": "Near to what" }, picture, sound, why);
  setText(said.picture, "This picture");

  function toggle(set, kind) {
    if (to?.kind === kind) release();
    else set();
  }

  /** Is it known that it cannot be? Then that is said, and looked at once more. */
  function refused() {
    if (!can?.error) return false;
    announce(inWords(can.error));
    look();
    return true;
  }

  function set(wanted) {
    if (refused()) return false;
    to = wanted;
    show();
    changed();
    return true;
  }

  const byPicture = () => set({ kind: "picture" });

  function byTake() {
    const { heard, number, takes } = session;
    if (!heard) {
      announce("No take is heard");
      return false;
    }
    return set({ kind: "sound", name: `take ${takes.indexOf(heard) + 1}`, asked: { job: api.job, region: String(number), take: heard.id } });
  }

  const bySound = ({ id, name }) => set({ kind: "sound", name: plainName(name), asked: { like: id } });

  /** A take of another region says so. */
  const nameOf = ({ name, asked }) => (asked.region && asked.region !== String(session.number) ? `${name} of region ${asked.region}` : name);

  function release() {
    to = null;
    show();
    changed();
  }

  /** Asks whether it can be: another pack may be in use by now, or more of the library embedded. */
  async function look() {
    asking?.abort();
    asking = new AbortController();
    try {
      can = await api.near(asking.signal);
    } catch {
      return; // a search says what is wrong
    }
    if (can.error) to = null; // words can go on alone
    show();
    known();
  }

  const show = soon(() => {
    const { heard, takes, usable } = session;
    const reason = can?.error ? inWords(can.error) : "";
    const told = to?.kind === "sound" ? nameOf(to) : heard ? `take ${takes.indexOf(heard) + 1}` : "the take";
    setText(said.sound, `Like ${told}`);
    key.hidden = Boolean(to?.asked?.like); // it means the heard take
    sound.title = reason || `Sounds that sound like ${told} (L)`;
    picture.title = reason || "Sounds that go with what is on screen here (I)";
    for (const [button, kind] of [[picture, "picture"], [sound, "sound"]]) {
      const pressed = to?.kind === kind;
      setAttribute(button, "aria-pressed", String(pressed));
      // Who comes to it by Tab is told why it cannot be used; so it is no `disabled` one.
      setAttribute(button, "aria-disabled", String(Boolean(reason) || !usable || (kind === "sound" && !pressed && !heard)));
      if (reason) button.setAttribute("aria-describedby", why.id);
      else button.removeAttribute("aria-describedby");
    }
    why.hidden = !reason;
    setText(why, reason);
  });

  // Who comes back from a terminal may have done what was missing.
  addEventListener("focus", () => can?.error && row.offsetParent && look());
  for (const name of ["open", "region", "takes", "heard"]) session.addEventListener(name, show);
  show();

  return {
    row, look, byPicture, byTake, bySound,
    get to() {
      return to;
    },
    get reason() {
      return can?.error ?? null;
    },
    /** What goes with a search's words. */
    get asked() {
      return !to ? {} : to.kind === "picture" ? { job: api.job, region: String(session.number) } : to.asked;
    },
    /** What it is near to, for a person. */
    get words() {
      return !to ? "" : to.kind === "picture" ? "this picture" : nameOf(to);
    },
  };
}

/** How near a sound is, of 100: by words, by picture or by sound, as far as it was asked for (a take's source has it as text). */
export function nearness(found, kind = "picture") {
  const parts = [["words", found.words_score], [kind, found.picture_score]].filter(([, score]) => (score ?? "") !== "");
  const text = parts.map(([name, score]) => `${name} ${whole(score)}`).join(" · ");
  const where = typeof found.at_s === "number" && found.at_s > 0 ? `, nearest ${found.at_s.toFixed(1)} s into it` : "";
  return { text, title: text && `How near it is, of 100: ${text.replace(" · ", ", ")}${where}` };
}
