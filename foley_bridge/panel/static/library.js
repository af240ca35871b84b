// The sound library: words, a picture or a sound in, sounds out, each heard against the picture at the onsets, and used as a take or as an
// example.

import { inWords } from "./api.js";
import { announce, h, icon, rested, setAttribute, soon, typing } from "./dom.js";
import { narrowing } from "./narrowing.js";
import { near, nearness } from "./near.js";

const about = (sound) => [`${sound.duration_s.toFixed(1)} s`, sound.cat_id, sound.creator, sound.licence].filter(Boolean).join(" · ");

export function library(root, session) {
  const { api, player } = session;
  let asked = null;
  let searched = null; // settles with the last search
  let sounds = null;
  let notes = [];
  let problem = null;
  let on = null; // the sound that is listened to
  let turn = 0; // of listening: what was asked for before comes too late
  let coming = false;
  let typed = false;
  let shown = 0; // the region
  let reaching = false; // the first sound found is to get the focus

  const words = h("input", {
    type: "search", id: "words", "aria-label": "Search the sound library by words", placeholder: "gravel, metal hit…", autocomplete: "off", spellcheck: false,
    oninput: () => (typed = true),
  });
  const go = h("button", { type: "submit", "aria-label": "Search" }, icon("search"));
  const only = narrowing(() => sounds && search());
  const beside = near(session, { changed: turned, known: mark });
  const form = h("form", { role: "search", onsubmit: (event) => { event.preventDefault(); search(); }, onkeydown: leave }, h("div.words", {}, words, go, only.button), only.row, beside.row);
  const propose = h("button", { type: "button", hidden: true, onclick: () => session.retakes.words(words.value.trim()) });
  const list = h("ul.sounds", { "aria-label": "Sounds found" });
  const said = h("p.quiet", { role: "status" });
  root.append(form, said, propose, list);

  /** Escape leaves what is typed into. */
  function leave(event) {
    if (event.key !== "Escape" || !typing(event.target)) return;
    quiet();
    event.target.blur();
    event.preventDefault();
    event.stopPropagation();
  }

  function search() {
    searched = find();
  }

  async function find() {
    asked?.abort();
    if (!words.value.trim() && !beside.to) {
      sounds = problem = null;
      return show();
    }
    asked = new AbortController();
    const { signal } = asked;
    problem = null;
    said.textContent = beside.to ? `Looking for what is near to ${beside.words}…` : "Searching…";
    said.hidden = false;
    try {
      ({ sounds, notes } = await api.library({ words: words.value.trim(), ...only.asked, ...beside.asked }, signal));
    } catch (error) {
      if (error.name === "AbortError") return;
      sounds = null;
      problem = error;
      if (beside.to) beside.look(); // a pack may be in use no more
    }
    show();
    if (reaching) reach();
  }

  /** It is near to something else, or to nothing. The region's own words step aside for its picture, a question's words for a sound. */
  function turned() {
    if (beside.to?.kind === "sound" || (beside.to && !typed)) words.value = "";
    if (!beside.to && !typed) words.value = plain(session.detail);
    if (!words.value) typed = false;
    sounds = null; // how near those were to something else says nothing
    show();
    root.scrollTop = 0;
    search();
  }

  /** Whoever asked with the keys goes on with them. */
  function reach() {
    reaching = false;
    const { activeElement } = document;
    if (activeElement === document.body || root.contains(activeElement)) list.querySelector(".listen")?.focus();
    if (sounds?.length) announce(`${sounds.length} sound${sounds.length === 1 ? "" : "s"}, nearest to ${beside.words} first`);
  }

  const later = rested(350, search);

  /** Stops the preview. */
  function quiet() {
    if (on === null) return;
    on = null;
    turn += 1;
    coming = false;
    player.stopAudition();
    session.say("heard");
    mark();
  }

  async function listen(sound) {
    if (on === sound.id) return quiet();
    on = sound.id;
    session.previewed = sound;
    const mine = ++turn;
    coming = true;
    mark();
    const times = session.onsets.times.length ? session.onsets.times : [session.window?.loop_start_s ?? 0];
    await player.audition(api.sound(sound.id), times);
    if (mine !== turn) return;
    coming = false;
    if (player.auditioning && !player.playing) player.play();
    session.say("heard");
  }

  /** A take is heard again: the preview is over. */
  function heard() {
    if (on === null || coming || player.auditioning) return;
    on = null;
    mark();
  }

  function mark() {
    for (const item of list.children) {
      const playing = item.dataset.sound === on;
      item.classList.toggle("on", playing);
      const button = item.querySelector(".listen");
      button.replaceChildren(icon(playing ? "pause" : "play"));
      button.setAttribute("aria-pressed", String(playing));
      setAttribute(item.querySelector(".like"), "aria-disabled", String(Boolean(beside.reason)));
    }
    words.placeholder = beside.to ? "and words, if you like" : "gravel, metal hit…";
  }

  function use(act, sound) {
    quiet();
    act(sound);
  }

  function like(sound, byKey) {
    reaching = beside.bySound(sound) && byKey;
  }

  function item(sound) {
    const { text, title } = nearness(sound, beside.to?.kind);
    return h("li.sound", { dataset: { sound: sound.id } },
      h("button.listen", { type: "button", "aria-label": `Listen to ${sound.name} at the onsets`, title: "Listen at the onsets", onclick: () => listen(sound) }, icon("play")),
      h("span.name", { title: sound.name }, sound.name),
      h("span.about", { title: sound.description ?? "" }, about(sound)),
      text && h("span.nearness.number", { title }, text),
      h("div.uses", {},
        h("button", { type: "button", "aria-label": `Use ${sound.name} as a take`, onclick: () => use((one) => session.retakes.sound(one), sound) }, "Use as a take"),
        h("button", { type: "button", "aria-label": `Use ${sound.name} as an example`, title: "Its hits are laid on the onsets one by one", onclick: () => use((one) => session.retakes.example(one), sound) }, "As an example"),
        h("button.like", { type: "button", "aria-label": `Find sounds like ${sound.name}`, title: "Find sounds like this one", onclick: (event) => like(sound, event.detail === 0) }, icon("alike"))));
  }

  function show() {
    const usable = session.usable;
    const found = sounds ?? [];
    list.replaceChildren(...found.map(item));
    for (const button of list.querySelectorAll("button")) button.disabled = !usable;
    mark();
    propose.hidden = !found.length || !words.value.trim() || beside.to?.kind === "sound";
    propose.disabled = !usable;
    propose.textContent = `Two takes of what fits “${words.value.trim()}”`;
    said.hidden = found.length > 0 && !notes.length && !problem;
    said.textContent = problem ? inWords(problem) : told(found);
  }

  /** What is to be said of what was found, or why there is nothing. */
  function told(found) {
    const typed = words.value.trim();
    if (sounds === null) return "Words find sounds in your library, or this picture does; listen to them against it.";
    if (found.length) return notes.join("; ");
    if (beside.to) return `Nothing that may be found is near to ${beside.words}.`;
    return `Nothing in your library fits “${typed}”. Other words may.`;
  }

  session.addEventListener("leave", quiet);
  // The region's own words are a good beginning, as long as nobody typed others; and another region shows another picture.
  session.addEventListener("region", soon(() => {
    const own = beside.to || typed ? words.value : plain(session.detail);
    if (words.value !== own || (beside.to?.kind === "picture" && shown !== session.number)) {
      words.value = own;
      sounds = null;
      asked?.abort();
      show();
      // Who has the library open sees what fits this region, once he stays.
      if (root.offsetParent) later();
    }
    shown = session.number;
    for (const button of list.querySelectorAll("button")) button.disabled = !session.usable;
  }));
  session.addEventListener("heard", heard);
  show();

  function nearTo(set) {
    if (session.usable) reaching = set();
  }

  return {
    /** The library is shown. What takes the daemon time waits for what is asked for at once. */
    async look() {
      await null;
      await searched;
      beside.look();
    },
    /** The words are ready to be typed over. */
    enter() {
      if (sounds === null && (words.value || beside.to)) search();
      words.focus();
      words.select();
    },
    byPicture: () => nearTo(beside.byPicture),
    byTake: () => nearTo(beside.byTake),
  };
}

/** A region's words without the marker's FOLEY and its options. */
function plain(detail) {
  return (detail?.text || detail?.name || "").replace(/\bfoley\b/gi, " ").replace(/\S+=("[^"]*"|\S+)/g, " ").replace(/\s+/g, " ").trim();
}
