/** The map: draws the sounds, moves and zooms, says what lies under the pointer, filters. Names are shown as text only. */
"use strict";
(() => {
  const SIDE = 65535; // of the map, in the data's steps
  const NEAREST_ZOOM = 400;
  const REACH = 14; // pixels around the pointer
  const LISTED = 60; // matches named in the list
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const canvas = at("map"), context = canvas.getContext("2d"), tip = at("tip");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const count = data.id.length;
  const x = Float32Array.from(data.x, (each) => each / SIDE);
  const y = Float32Array.from(data.y, (each) => each / SIDE);
  const categoryOf = Uint8Array.from(data.kind, (each) => data.kinds[each].category);
  const members = data.categories.map(() => []);
  for (let sound = 0; sound < count; sound++) members[categoryOf[sound]].push(sound);
  const matched = new Uint8Array(count).fill(1);
  const shown = data.categories.map(() => true);
  let filtering = false, chosen = -1, over = -1, asked = 0;
  let wide = 1, high = 1, fit = 1; // of the canvas and of the whole map, CSS pixels
  const extent = { x: between(x), y: between(y) };
  const middle = { x: (extent.x[0] + extent.x[1]) / 2, y: (extent.y[0] + extent.y[1]) / 2, zoom: 1 };
  const view = { ...middle }; // what lies in the middle of the canvas

  function between(values) {
    let low = 1, high = 0;
    for (const each of values) [low, high] = [Math.min(low, each), Math.max(high, each)];
    return high - low > 0.01 ? [low, high] : [low - 0.5, high + 0.5];
  }

  // Places

  const scale = () => fit * view.zoom;
  const right = (value) => (value - view.x) * scale() + wide / 2;
  const down = (value) => (value - view.y) * scale() + high / 2;

  function zoomBy(factor, px = wide / 2, py = high / 2) {
    const zoom = Math.min(NEAREST_ZOOM, Math.max(0.5, view.zoom * factor));
    const change = 1 / scale() - 1 / (fit * zoom);
    view.x += (px - wide / 2) * change;
    view.y += (py - high / 2) * change;
    view.zoom = zoom;
    draw();
  }

  function moveBy(dx, dy) {
    view.x = Math.min(1.2, Math.max(-0.2, view.x - dx / scale()));
    view.y = Math.min(1.2, Math.max(-0.2, view.y - dy / scale()));
    draw();
  }

  function showAll() {
    Object.assign(view, middle);
    draw();
  }

  function measure() {
    const box = canvas.getBoundingClientRect(), dense = window.devicePixelRatio || 1;
    wide = Math.max(1, box.width);
    high = Math.max(1, box.height);
    fit = Math.max(1, Math.min((wide - 48) / (extent.x[1] - extent.x[0]), (high - 48) / (extent.y[1] - extent.y[0])));
    canvas.width = Math.round(wide * dense);
    canvas.height = Math.round(high * dense);
    context.setTransform(dense, 0, 0, dense, 0, 0);
    draw();
  }

  // Sounds by the square they lie in, to find the nearest one quickly

  const cells = Math.max(1, Math.min(256, Math.round(Math.sqrt(count / 4))));
  const cellOf = (value) => Math.min(cells - 1, Math.max(0, Math.floor(value * cells)));
  const inCell = Array.from({ length: cells * cells }, () => []);
  for (let sound = 0; sound < count; sound++) inCell[cellOf(y[sound]) * cells + cellOf(x[sound])].push(sound);

  function under(px, py) {
    const reach = REACH / scale();
    const mx = (px - wide / 2) / scale() + view.x, my = (py - high / 2) / scale() + view.y;
    let best = -1, least = reach * reach;
    for (let row = cellOf(my - reach); row <= cellOf(my + reach); row++) {
      for (let column = cellOf(mx - reach); column <= cellOf(mx + reach); column++) {
        for (const sound of inCell[row * cells + column]) {
          const square = (x[sound] - mx) ** 2 + (y[sound] - my) ** 2;
          if (square < least && shown[categoryOf[sound]] && matched[sound]) [best, least] = [sound, square];
        }
      }
    }
    return best;
  }

  // Drawing

  function draw() {
    if (!asked) asked = requestAnimationFrame(drawNow);
  }

  const colour = (category) => data.categories[category].colours[dark.matches ? 1 : 0];

  function drawNow() {
    asked = 0;
    const style = getComputedStyle(document.documentElement);
    context.fillStyle = style.getPropertyValue("--bg");
    context.fillRect(0, 0, wide, high);
    const room = Math.sqrt((wide * high) / Math.max(1, count));
    const size = Math.min(7, Math.max(0.9, Math.min(4.5, room * 0.14) * view.zoom ** 0.35));
    if (filtering) {
      context.fillStyle = style.getPropertyValue("--faint");
      dots(size * 0.7, () => true, (sound) => !matched[sound]);
    }
    context.globalAlpha = count > 3000 ? 0.8 : 0.9;
    dots(filtering ? size * 1.2 : size, (category) => (context.fillStyle = colour(category)), (sound) => matched[sound]);
    context.globalAlpha = 1;
    ring(over, size + 3, style.getPropertyValue("--ink"), 1.5);
    ring(chosen, size + 4, style.getPropertyValue("--accent"), 3);
    names(style);
  }

  /** Those of few sounds come last, so that they are seen. */
  function dots(size, begin, wanted) {
    const round = size >= 1.6 && count <= 40000;
    members.forEach((own, category) => {
      if (!shown[category] || !begin(category)) return;
      context.beginPath();
      for (const sound of own) {
        if (!wanted(sound)) continue;
        const px = right(x[sound]), py = down(y[sound]);
        if (px < -size || py < -size || px > wide + size || py > high + size) continue;
        if (round) {
          context.moveTo(px + size, py);
          context.arc(px, py, size, 0, 2 * Math.PI);
        } else {
          context.rect(px - size, py - size, 2 * size, 2 * size);
        }
      }
      context.fill();
    });
  }

  function ring(sound, size, ink, width) {
    if (sound < 0) return;
    context.beginPath();
    context.arc(right(x[sound]), down(y[sound]), size, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = ink;
    context.stroke();
  }

  /** Names of categories, those for most sounds first; one that would touch another waits until there is room. */
  function names(style) {
    const taken = [];
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    for (const [category, mx, my] of data.names) {
      if (!shown[category] || (filtering && !members[category].some((sound) => matched[sound]))) continue;
      const px = right(mx), py = down(my), text = data.categories[category].name;
      const half = context.measureText(text).width / 2 + 5;
      if (px < half || py < 12 || px > wide - half || py > high - 12) continue;
      if (taken.some(([ox, oy, other]) => Math.abs(px - ox) < half + other && Math.abs(py - oy) < 17)) continue;
      taken.push([px, py, half]);
      context.lineWidth = 4;
      context.strokeStyle = style.getPropertyValue("--bg");
      context.strokeText(text, px, py);
      context.fillStyle = style.getPropertyValue("--ink");
      context.fillText(text, px, py);
    }
  }

  // A sound in words

  function element(kind, text) {
    const made = document.createElement(kind);
    made.textContent = text;
    return made;
  }

  function category(sound) {
    const kind = data.kinds[data.kind[sound]], name = data.categories[kind.category].name;
    if (!name) return "no category";
    return `${name} ${kind.sub} · ${kind.catId}${data.guessed[sound] === "1" ? " (guessed)" : ""}`;
  }

  function length(sound) {
    const seconds = data.seconds[sound];
    if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
    const whole = Math.round(seconds);
    return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }

  function point(sound, px, py) {
    if (sound !== over) {
      over = sound;
      canvas.classList.toggle("over", sound >= 0);
      draw();
    }
    tip.hidden = sound < 0;
    if (sound < 0) return;
    const name = element("b", "");
    name.append(element("bdi", data.name[sound]));
    tip.replaceChildren(name, element("span", category(sound)), element("span", `${length(sound)} · ${data.id[sound]}`));
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(px + 14, wide - box.width - 4))}px`;
    tip.style.top = `${Math.max(4, py + 18 + box.height > high ? py - box.height - 12 : py + 18)}px`;
  }

  function choose(sound) {
    chosen = sound;
    at("sound").hidden = sound < 0;
    if (sound >= 0) {
      at("sound-name").replaceChildren(element("bdi", data.name[sound]));
      at("sound-category").textContent = category(sound);
      at("sound-length").textContent = length(sound);
      at("sound-id").textContent = data.id[sound];
    }
    draw();
  }

  /** Brings a sound into the middle, near enough to see it among its neighbours. */
  function goTo(sound) {
    choose(sound);
    Object.assign(view, { x: x[sound], y: y[sound], zoom: Math.max(view.zoom, 4) });
    draw();
  }

  // Hands: one pointer moves, two zoom, a click chooses

  const held = new Map();
  let moved = 0;

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (!held.size) moved = 0;
    held.set(event.pointerId, [event.offsetX, event.offsetY]);
    canvas.classList.add("held");
  });

  canvas.addEventListener("pointermove", (event) => {
    const was = held.get(event.pointerId), now = [event.offsetX, event.offsetY];
    if (!was) {
      point(under(...now), ...now);
      return;
    }
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    held.set(event.pointerId, now);
    const steps = Math.hypot(now[0] - was[0], now[1] - was[1]);
    moved += steps;
    if (other) {
      const apart = (from) => Math.max(1, Math.hypot(from[0] - other[0], from[1] - other[1]));
      zoomBy(apart(now) / apart(was), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      moveBy((now[0] - was[0]) / 2, (now[1] - was[1]) / 2);
    } else if (moved > 3) {
      point(-1);
      moveBy(now[0] - was[0], now[1] - was[1]);
    }
  });

  function letGo(event) {
    held.delete(event.pointerId);
    if (!held.size) canvas.classList.remove("held");
  }

  canvas.addEventListener("pointerup", (event) => {
    letGo(event);
    if (moved <= 3) choose(under(event.offsetX, event.offsetY));
  });
  canvas.addEventListener("pointercancel", letGo);
  canvas.addEventListener("pointerleave", () => point(-1));
  canvas.addEventListener("dblclick", (event) => zoomBy(2, event.offsetX, event.offsetY));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const step = event.deltaMode === 1 ? 16 : 1; // lines, in Firefox
    zoomBy(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * step)) / 300), event.offsetX, event.offsetY);
  }, { passive: false });

  const KEYS = {
    "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: showAll,
    ArrowLeft: () => moveBy(60, 0), ArrowRight: () => moveBy(-60, 0), ArrowUp: () => moveBy(0, 60), ArrowDown: () => moveBy(0, -60),
    Escape: () => choose(-1),
  };
  canvas.addEventListener("keydown", (event) => {
    const key = KEYS[event.key];
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    key();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === at("find")) return;
    event.preventDefault();
    at("find").focus();
  });
  at("in").addEventListener("click", () => zoomBy(1.5));
  at("out").addEventListener("click", () => zoomBy(1 / 1.5));
  at("all").addEventListener("click", showAll);

  // The filter

  const compare = new Intl.Collator("en", { numeric: true }).compare;
  let texts = null, waiting = 0;

  const named = (sound, words) => words.every((word) => data.name[sound].toLowerCase().includes(word));

  function filter() {
    const words = at("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    filtering = words.length > 0;
    texts ??= data.name.map((name, sound) => `${name} ${data.id[sound]} ${category(sound)}`.toLowerCase());
    const found = [];
    for (let sound = 0; sound < count; sound++) {
      const fits = words.every((word) => texts[sound].includes(word));
      matched[sound] = fits ? 1 : 0;
      if (fits && filtering && shown[categoryOf[sound]]) found.push(sound);
    }
    found.sort((one, other) => named(other, words) - named(one, words) || compare(data.name[one], data.name[other]));
    at("found").textContent = filtering ? `${found.length.toLocaleString("en")} of ${count.toLocaleString("en")}` : "";
    at("matches").hidden = !found.length;
    at("matches").replaceChildren(...found.slice(0, LISTED).map((sound) => {
      const item = element("li", ""), button = element("button", "");
      button.type = "button";
      button.append(element("bdi", data.name[sound]));
      button.addEventListener("click", () => goTo(sound));
      item.append(button);
      return item;
    }));
    point(-1);
    draw();
  }

  at("find").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, count > 20000 ? 150 : 0);
  });

  // The legend

  const entries = data.categories.map((own, category) => {
    const item = element("li", ""), label = element("label", ""), box = element("input", ""), only = element("button", "only");
    box.type = "checkbox";
    box.checked = true;
    box.addEventListener("change", () => show((other) => (other === category ? box.checked : shown[other])));
    label.append(box, element("span", own.name || "no category"));
    only.type = "button";
    only.setAttribute("aria-label", `only ${own.name || "no category"}`);
    only.addEventListener("click", () => show((other) => other === category));
    const sounds = element("data", own.sounds.toLocaleString("en"));
    const near = element("data", own.share === null ? "–" : `${Math.round(100 * own.share)} %`);
    if (own.share !== null) near.title = `of their nearest have this category; chance would give ${(100 * own.chance).toFixed(1)} %`;
    item.append(label, only, sounds, near);
    return { item, box };
  });
  at("legend").append(...entries.map((entry) => entry.item));

  function show(wanted) {
    entries.forEach((entry, category) => (shown[category] = entry.box.checked = wanted(category)));
    if (filtering) filter();
    point(-1);
    draw();
  }

  at("every").addEventListener("click", () => show(() => true));
  at("none").addEventListener("click", () => show(() => false));

  function paint() {
    entries.forEach((entry, category) => entry.item.style.setProperty("--own", colour(category)));
    draw();
  }

  dark.addEventListener("change", paint);
  new ResizeObserver(measure).observe(canvas);
  paint();
})();
