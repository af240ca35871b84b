// Looks at the audition page from inside: when a region is there, how far frames of the page are apart. Started before the page.

(() => {
  const watch = { frames: [], opened: null, steps: [], key: null };
  globalThis.watch = watch;

  /** Is the region that was asked for here, its picture standing on a frame and the take that is heard decoded? */
  watch.there = () => {
    const session = globalThis.foley;
    if (!session?.detail || !session.window || session.loading || session.problem) return false;
    const { player } = session;
    return Boolean(player.takes.get(player.heard)?.buffer) && player.video.readyState >= 2 && !player.video.seeking;
  };

  addEventListener("keydown", (event) => {
    if (event.key === "j") watch.key = { at: event.timeStamp, from: globalThis.foley?.number };
  }, { capture: true });

  const tick = (now) => {
    watch.frames.push(now);
    if (watch.there()) {
      watch.opened ??= performance.now();
      if (watch.key && foley.number !== watch.key.from) {
        watch.steps.push(performance.now() - watch.key.at);
        watch.key = null;
      }
    }
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);

  /** Goes from region to region by the key as soon as each is there, and says how many came. */
  watch.through = async (count) => {
    let came = 0;
    for (; came < count; came += 1) {
      const before = watch.steps.length;
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true, cancelable: true }));
      const ends = performance.now() + 20_000;
      while (watch.steps.length === before && performance.now() < ends) await new Promise(requestAnimationFrame);
      if (watch.steps.length === before) break;
    }
    return came;
  };
})();
