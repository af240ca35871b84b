// The sound library: words in, sounds out, each heard against the picture at the onsets, and used as a take or as an example.

import { inWords } from "./api.js";
import { h, icon, rested, soon } from "./dom.js";

const about = (sound) => [`${sound.duration_s.toFixed(1)} s`, sound.cat_id, sound.creator, sound.licence].filter(Boolean).join(" · ");

export function library(root, session) {
  const { api, player } = session;
  let asked = null;
  let sounds = null;
  let problem = null;
  let on = null; // the sound that is listened to
  let turn = 0; // of listening: what was asked for before comes too late
  let coming = false;
  let typed = false;

  const words = h("input", {
    type: "search", id: "words", "aria-label": "Search the sound library by words", placeholder: "gravel, metal hit…", autocomplete: "off", spellcheck: false,
    oninput: () => (typed = true),
    onkeydown: (event) => {
      if (event.key !== "Escape") return;
      quiet();
      words.blur();
      event.preventDefault();
      event.stopPropagation();
    },
  });
  const go = h("button", { type: "submit", "aria-label": "Search" }, icon("search"));
  const form = h("form", { role: "search", onsubmit: (event) => { event.preventDefault(); search(); } }, words, go);
  const propose = h("button", { type: "button", hidden: true, onclick: () => session.retakes.words(words.value.trim()) });
  const list = h("ul.sounds", { "aria-label": "Sounds found" });
  const said = h("p.quiet", { role: "status" });
  root.append(form, said, propose, list);

  async function search() {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    problem = null;
    said.textContent = "Searching…";
    said.hidden = false;
    try {
      sounds = (await api.library(words.value.trim(), 60, signal)).sounds;
    } catch (error) {
      if (error.name === "AbortError") return;
      sounds = null;
      problem = error;
    }
    show();
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
    }
  }

  function use(act, sound) {
    quiet();
    act(sound);
  }

  function item(sound) {
    return h("li.sound", { dataset: { sound: sound.id } },
      h("button.listen", { type: "button", "aria-label": `Listen to ${sound.name} at the onsets`, title: "Listen at the onsets", onclick: () => listen(sound) }, icon("play")),
      h("span.name", { title: sound.name }, sound.name),
      h("span.about", { title: sound.description ?? "" }, about(sound)),
      h("div.uses", {},
        h("button", { type: "button", "aria-label": `Use ${sound.name} as a take`, onclick: () => use((one) => session.retakes.sound(one), sound) }, "Use as a take"),
        h("button", { type: "button", "aria-label": `Use ${sound.name} as an example`, title: "Its hits are laid on the onsets one by one", onclick: () => use((one) => session.retakes.example(one), sound) }, "As an example")));
  }

  function show() {
    const usable = session.usable;
    const found = sounds ?? [];
    list.replaceChildren(...found.map(item));
    for (const button of list.querySelectorAll("button")) button.disabled = !usable;
    mark();
    propose.hidden = !found.length || !words.value.trim();
    propose.disabled = !usable;
    propose.textContent = `Two takes of what fits “${words.value.trim()}”`;
    said.hidden = found.length > 0 && !problem;
    said.textContent = problem ? inWords(problem) : sounds === null ? "Words find sounds in your library; listen to them against the picture." : found.length ? "" : words.value.trim() ? `Nothing in your library fits “${words.value.trim()}”. Other words may.` : "Your library is empty: “foley-bridge library add FOLDER” fills it.";
  }

  session.addEventListener("leave", quiet);
  // The region's own words are a good beginning, as long as nobody typed others.
  session.addEventListener("region", soon(() => {
    if (!typed && words.value !== plain(session.detail)) {
      words.value = plain(session.detail);
      sounds = null;
      asked?.abort();
      show();
      // Who has the library open sees what fits this region, once he stays.
      if (root.offsetParent) later();
    }
    for (const button of list.querySelectorAll("button")) button.disabled = !session.usable;
  }));
  session.addEventListener("heard", heard);
  show();

  return {
    /** The library is shown: the words are ready to be typed over. */
    enter() {
      if (sounds === null && words.value) search();
      words.focus();
      words.select();
    },
  };
}

/** A region's words without the marker's FOLEY and its options. */
function plain(detail) {
  return (detail?.text || detail?.name || "").replace(/\bfoley\b/gi, " ").replace(/\S+=("[^"]*"|\S+)/g, " ").replace(/\s+/g, " ").trim();
}
