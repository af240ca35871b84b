"use strict";
// Plays one sound at a time, keeps what was judged in this browser, and saves it as a file.
(() => {
  const comparison = document.body.dataset.comparison;
  const sections = [...document.querySelectorAll("section")];
  const kept = `foley-bridge-comparison-${comparison}`;
  const judged = read();
  const audio = new Audio();
  let playing = null;

  function read() {
    try {
      return JSON.parse(localStorage.getItem(kept)) || {};
    } catch {
      return {};
    }
  }

  function keep() {
    try {
      localStorage.setItem(kept, JSON.stringify(judged));
    } catch {
      // a browser that keeps nothing for files: the page still judges and saves
    }
    const count = sections.filter((section) => judged[section.dataset.number]).length;
    document.getElementById("done").textContent = `${count} of ${sections.length} judged`;
  }

  function stop() {
    audio.pause();
    if (playing) playing.classList.remove("playing");
    playing = null;
  }

  function play(button) {
    const again = button === playing;
    stop();
    if (again) return;
    playing = button;
    button.classList.add("playing", "heard");
    audio.src = button.dataset.sound;
    audio.play().catch(() => {
      if (playing === button) stop();
    });
  }

  function here() {
    const at = document.activeElement && document.activeElement.closest("section");
    return Math.max(0, sections.indexOf(at));
  }

  function go(index) {
    stop();
    const section = sections[Math.min(Math.max(index, 0), sections.length - 1)];
    section.focus({ preventScroll: true });
    section.scrollIntoView({ block: "start" });
  }

  function next(section, side) {
    const buttons = [...section.querySelectorAll(`.play[data-side="${side}"]`)];
    const at = buttons.indexOf(playing);
    const unheard = buttons.findIndex((button) => !button.classList.contains("heard"));
    const wanted = at >= 0 ? at + 1 : unheard;
    play(buttons[wanted < 0 ? 0 : wanted % buttons.length]);
  }

  function judge(section, value) {
    const choice = section.querySelector(`input[value="${value}"]`);
    choice.checked = true;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
  }

  for (const section of sections) {
    const before = judged[section.dataset.number];
    const choice = before && section.querySelector(`input[value="${CSS.escape(before)}"]`);
    if (choice) choice.checked = true;
  }
  keep();

  audio.addEventListener("ended", stop);
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".play");
    if (button) play(button);
  });
  document.addEventListener("change", (event) => {
    const section = event.target.closest("section");
    if (!section) return;
    judged[section.dataset.number] = event.target.value;
    keep();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const section = sections[here()];
    const act = {
      j: () => go(here() + (document.activeElement.closest("section") ? 1 : 0)),
      k: () => go(here() - 1),
      a: () => next(section, "left"),
      d: () => next(section, "right"),
      s: stop,
      1: () => judge(section, "left"),
      2: () => judge(section, "same"),
      3: () => judge(section, "right"),
    }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.getElementById("save").addEventListener("click", () => {
    const said = { foley_bridge_judgements: 1, comparison, judgements: judged };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(said, null, 1) + "\n"], { type: "application/json" }));
    link.download = `judgements-${comparison}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
})();
