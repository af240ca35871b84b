// Plays takes, moves the play head, and shows the picture under it. The page can be read without it.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const frameSeconds = data.frame_s;
  const takes = [];
  let current = null;

  const regions = [...document.querySelectorAll(".region")].map((element, index) => ({
    ...data.regions[index],
    element,
    head: element.querySelector(".overlay .head"),
    viewer: element.querySelector(".viewer:not(.none)"),
    label: element.querySelector(".viewer-time"),
  }));

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // Show a moment of a region: the play head there, and the picture that is on screen then.
  function show(region, time) {
    const length = region.end - region.start;
    if (length <= 0) return;
    region.head.hidden = false;
    region.head.style.left = `${(100 * (clamp(time, region.start, region.end) - region.start)) / length}%`;
    if (!region.viewer) return;
    let frame = 0;
    while (frame + 1 < region.frames.length && region.frames[frame + 1] <= time + 1e-6) frame += 1;
    if (region.shown !== frame) region.viewer.style.backgroundImage = `var(--f${frame})`;
    region.shown = frame;
    region.label.textContent = `${region.labels[frame]} · play head at ${time.toFixed(3)} s`;
  }

  const now = (take) => take.start + take.audio.currentTime - take.offset;

  function seek(take, time) {
    take.audio.currentTime = take.offset + clamp(time - take.start, 0, take.length);
    show(take.region, clamp(time, take.start, take.start + take.length));
  }

  function select(take) {
    if (current === take) return;
    if (current) {
      current.element.classList.remove("current");
      current.element.removeAttribute("aria-current");
    }
    current = take;
    take.element.classList.add("current");
    take.element.setAttribute("aria-current", "true");
  }

  function follow() {
    if (!current || current.audio.paused) return;
    if (current.audio.currentTime >= current.offset + current.length) current.audio.pause();
    show(current.region, now(current));
    requestAnimationFrame(follow);
  }

  function toggle(take) {
    if (!take.audio.paused) return take.audio.pause();
    if (now(take) >= take.start + take.length - 0.01) seek(take, take.start);
    take.audio.play();
  }

  // Go to another take; inside a region the moment stays the same, so that takes can be compared while playing.
  function step(by) {
    if (!takes.length) return;
    const from = current;
    const to = from ? takes[clamp(takes.indexOf(from) + by, 0, takes.length - 1)] : takes[0];
    if (to === from) return;
    const playing = from && !from.audio.paused;
    if (from) from.audio.pause();
    select(to);
    seek(to, from && from.region === to.region ? now(from) : to.start);
    to.element.scrollIntoView({ block: "nearest" });
    if (playing) to.audio.play();
  }

  for (const region of regions) {
    for (const element of region.element.querySelectorAll(".take")) {
      const { start, offset, length } = element.dataset;
      const audio = element.querySelector("audio");
      const take = { element, audio, region, start: +start, offset: +offset, length: +length };
      takes.push(take);
      audio.addEventListener("play", () => {
        for (const other of takes) if (other !== take) other.audio.pause();
        select(take);
        if (audio.currentTime < take.offset) seek(take, take.start);
        requestAnimationFrame(follow);
      });
      audio.addEventListener("seeked", () => show(region, now(take)));
      element.querySelector(".lane").addEventListener("click", (event) => {
        const box = event.currentTarget.getBoundingClientRect();
        const playing = current && !current.audio.paused;
        if (current && current !== take) current.audio.pause();
        select(take);
        seek(take, region.start + ((event.clientX - box.left) / box.width) * (region.end - region.start));
        if (playing) audio.play();
      });
    }
    const strip = region.element.querySelector(".top .lane");
    strip.addEventListener("pointermove", (event) => {
      if (current && !current.audio.paused) return;
      const box = strip.getBoundingClientRect();
      show(region, region.start + ((event.clientX - box.left) / box.width) * (region.end - region.start));
    });
  }

  const keys = {
    " ": () => toggle(current),
    j: () => step(1),
    k: () => step(-1),
    ArrowRight: () => seek(current, now(current) + frameSeconds),
    ArrowLeft: () => seek(current, now(current) - frameSeconds),
  };
  document.addEventListener("keydown", (event) => {
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || !takes.length) return;
    if (event.target.closest("audio, a, button, summary, input")) return;
    event.preventDefault();
    if (!current) select(takes[0]);
    action();
  });
})();
