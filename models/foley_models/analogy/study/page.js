"use strict";
// Shows a participant's sets one by one, plays one clip at a time, keeps what was said in this browser, and saves it as a file.
(() => {
  const study = JSON.parse(document.body.dataset.study);
  const kept = `foley-study-${study.id}`;
  const clips = ["example", "left", "right"];
  const $ = (id) => document.getElementById(id);
  const video = (clip) => document.querySelector(`figure[data-clip="${clip}"] video`);
  let state = read() || begun(); // written with the first click: a page that found nothing overwrites nothing
  let playing = null;

  // --- who is shown what ---

  function random(below) {
    // without the slight preference for small numbers that a remainder alone would have
    const word = new Uint32Array(1);
    const limit = 2 ** 32 - (2 ** 32 % below);
    do crypto.getRandomValues(word);
    while (word[0] >= limit);
    return word[0] % below;
  }

  function shuffled(things) {
    const order = [...things];
    for (let last = order.length - 1; last > 0; last--) {
      const other = random(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  }

  function begun() {
    const given = new URLSearchParams(location.search).get("participant") || "";
    const bytes = crypto.getRandomValues(new Uint8Array(6));
    const drawn = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    let order = [];
    while (order.length < study.sets) order = order.concat(shuffled(study.pairs));
    const sets = order.slice(0, study.sets).map((pair) => {
      const two = shuffled([pair.base, pair.others[random(pair.others.length)]]);
      return { example: pair.example, left: two[0], right: two[1] };
    });
    return { participant: /^[\w-]{1,64}$/.test(given) ? given : drawn, begun: false, at: 0, sets, heard: [], answers: [], saved: false };
  }

  function read() {
    try {
      return JSON.parse(localStorage.getItem(kept));
    } catch {
      return null;
    }
  }

  function keep() {
    try {
      localStorage.setItem(kept, JSON.stringify(state));
    } catch {
      // a browser that keeps nothing for files: the page still asks and saves, but not over a reload
    }
  }

  // --- what is shown ---

  function show() {
    stop();
    const which = !state.begun ? "begin" : state.at < study.sets ? "set" : "end";
    for (const id of ["begin", "set", "end"]) $(id).hidden = id !== which;
    if (which === "set") {
      const set = state.sets[state.at];
      const practice = state.at < study.practice ? ", for practice" : "";
      $("set-title").textContent = `Set ${state.at + 1} of ${study.sets}${practice}`;
      for (const clip of clips) video(clip).src = set[clip];
      for (const input of document.querySelectorAll("fieldset input")) {
        input.checked = (state.answers[state.at] || {})[input.name] === input.value;
      }
      told();
    }
    if (which === "end") $("another").disabled = !state.saved;
    $(which).focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  function heard() {
    return state.heard[state.at] || [];
  }

  function told() {
    const unheard = clips.filter((clip) => !heard().includes(clip));
    const open = study.questions.filter((name) => !(state.answers[state.at] || {})[name]);
    for (const clip of clips) document.querySelector(`figure[data-clip="${clip}"]`).classList.toggle("heard", heard().includes(clip));
    $("next").disabled = unheard.length > 0 || open.length > 0;
    $("next").textContent = state.at + 1 < study.sets ? "Next" : "Finish";
    $("wanted").textContent = unheard.length
      ? `Still to be watched to the end: ${unheard.join(", ")}`
      : open.length
        ? `${open.length === 1 ? "One question is" : "Both questions are"} open`
        : "";
  }

  // --- what is done ---

  function stop() {
    if (playing) {
      video(playing).pause();
      document.querySelector(`figure[data-clip="${playing}"]`).classList.remove("playing");
    }
    playing = null;
  }

  function play(clip) {
    stop();
    playing = clip;
    document.querySelector(`figure[data-clip="${clip}"]`).classList.add("playing");
    video(clip).currentTime = 0;
    video(clip).play().catch(() => {
      if (playing === clip) stop();
    });
  }

  function answer(name, side) {
    state.answers[state.at] = { ...state.answers[state.at], [name]: side };
    keep();
    told();
  }

  function press(name, side) {
    document.querySelector(`fieldset[data-question="${name}"] input[value="${side}"]`).checked = true;
    answer(name, side);
  }

  function next() {
    if ($("next").disabled) return;
    state.at += 1;
    keep();
    show();
  }

  function save() {
    const rows = state.sets.slice(0, state.at).map((set, number) => {
      const said = { study: study.id, participant: state.participant, set: number + 1, practice: number < study.practice ? 1 : 0 };
      return study.columns.map((column) => ({ ...said, ...set, ...state.answers[number] })[column]).join(",");
    });
    const text = [study.columns.join(","), ...rows].join("\n") + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = `answers-${state.participant}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    state.saved = true;
    keep();
    $("another").disabled = false;
    $("saved").textContent = `Saved as ${link.download}`;
  }

  for (const clip of clips) {
    video(clip).addEventListener("ended", () => {
      if (playing === clip) stop();
      if (!heard().includes(clip)) state.heard[state.at] = [...heard(), clip];
      keep();
      told();
    });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".play");
    if (button) (playing === button.dataset.clip ? stop : play)(button.dataset.clip);
  });
  document.addEventListener("change", (event) => answer(event.target.name, event.target.value));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("set").hidden) return;
    const [first, second] = study.questions;
    const act = {
      e: () => play("example"),
      a: () => play("left"),
      d: () => play("right"),
      s: stop,
      1: () => press(first, "left"),
      2: () => press(first, "right"),
      3: () => press(second, "left"),
      4: () => press(second, "right"),
      enter: event.target.closest("button") ? null : next,
    }[event.key.toLowerCase()];
    if (!act || event.repeat) return;
    event.preventDefault();
    act();
  });
  $("start").addEventListener("click", () => {
    state.begun = true;
    keep();
    show();
  });
  $("next").addEventListener("click", next);
  $("save").addEventListener("click", save);
  $("another").addEventListener("click", () => {
    state = begun();
    keep();
    show();
  });
  show();
})();
