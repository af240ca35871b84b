// The region: what was asked for, its takes side by side, and what one decides.

import { inWords } from "./api.js";
import { announce, h, icon, renew, setAttribute, setText, soon } from "./dom.js";
import { stillLouder } from "./material.js";
import { nearness } from "./near.js";
import { roving } from "./roving.js";
import { shortName, stateOf, wordOf } from "./states.js";
import { Wave } from "./wave.js";

const WAVE_PX = 34;
const HEARD_DB = 0.5; // differences of loudness below that are nothing
const FITS = [
  "How well it should fit, of 100: how sure the onsets are that it was laid on (yours count as sure), how its hits follow the picture,",
  "and of a library's sound how near its words, the picture and its length are. It tells takes on the same onsets apart; it says nothing of how they sound.",
].join("\n");

const whole = (score) => `${Math.round(score * 100)}`;

/** Where a take comes from, in a line; what differs between takes comes first. */
function origin(take, region) {
  const { source = {} } = take;
  const name = source.file?.replace(/\.[^.]+$/, "");
  if (source.library_id) return [name, source.creator, source.licence || "your library"].filter(Boolean).join(" · ");
  return [`seed ${take.seed}`, name ? `re-timed from ${name}` : region.engine].filter(Boolean).join(" · ");
}

const loudness = (take) =>
  take.lufs !== null && take.lufs !== undefined ? `${take.lufs.toFixed(1)} LUFS` : take.peak_dbfs !== null && take.peak_dbfs !== undefined ? `${take.peak_dbfs.toFixed(1)} dBFS` : "silent";

export function takes(root, session, { reject, library, tab }) {
  const { placing, api, rows: order, scale } = session;
  const title = h("h2");
  const verdict = h("span.verdict");
  const about = h("p.about");
  const list = h("ol.takes", { "aria-label": "Takes" });
  const narrow = h("button.only-narrow", { type: "button", onclick: () => tab("adjust") }, "Adjust");
  const choose = h("button.main", { type: "button", id: "choose", title: "Choose the take that is heard, and go on (Enter)", "aria-label": "Choose, go on", onclick: () => session.deciding.choose(true) }, icon("chosen"), h("span", {}, "Choose", h("span.text", {}, ", go on")), h("kbd", {}, "↵"));
  const turnDown = h("button.reject", { type: "button", id: "reject", onclick: () => reject() }, icon("rejected"), h("span", {}, "Reject"), h("kbd", {}, "R"));
  const more = h("button", { type: "button", id: "more", onclick: () => session.retakes.more() }, icon("add"), "More", h("kbd", {}, "G"));
  const alike = h("button", { type: "button", id: "alike", onclick: () => session.retakes.alike() }, icon("alike"), "Like this", h("kbd", {}, "S"));
  const search = h("button", { type: "button", onclick: () => library() }, icon("search"), "Library", h("kbd", {}, "/"));
  const progress = h("div", { hidden: true });
  root.append(
    h("header", {}, title, verdict, narrow, about),
    list,
    progress,
    h("div.decide", {}, choose, turnDown, h("div.more", { role: "group", "aria-label": "Other takes" }, more, alike, search)),
  );

  /** @type {Map<string, object>} */
  const rows = new Map();
  const folded = h("button.plain", { type: "button", title: "Takes that were placed anew on other onsets", onclick: () => order.toggle() });
  const fold = h("li.fold", {}, folded);
  let shown = 0;
  let asked = null;
  let told = null;

  function row(take) {
    const box = h("span.wave");
    const place = h("span");
    const mark = h("span");
    const from = h("span.from");
    const figures = h("span.figures", {}, h("b.number", { title: FITS }, `fits ${whole(take.score)}`), h("span.number", {}, loudness(take)));
    const badges = h("span.badges");
    const button = h("button", { type: "button", onclick: () => session.hear(take.id) }, h("span.place", {}, place, mark), box, h("span.what", {}, badges, from), figures);
    const wave = new Wave(box, { height: WAVE_PX });
    wave.gain(scale.of(take));
    const li = h("li.take", { dataset: { take: take.id } }, button);
    const { number } = session;
    api.peaks(number, take.id, asked.signal).then((peaks) => !asked.signal.aborted && rows.has(take.id) && number === session.number && wave.show(peaks, 0)).catch(() => {});
    return { li, button, wave, place, mark, from, badges, take };
  }

  function clear() {
    for (const one of rows.values()) one.wave.destroy();
    rows.clear();
    list.replaceChildren();
    asked?.abort();
    asked = new AbortController();
  }

  /** Words where there is nothing to listen to. */
  function instead() {
    const { detail, problem } = session;
    if (!detail) return problem ? null : h("li.message", {}, "…");
    if (detail.error && !detail.takes.length) {
      const { message, hint } = detail.error;
      return h("li.message.bad", {}, h("b", {}, "This region could not be done"), h("p", {}, message), hint && h("p", {}, hint),
        h("p", {}, "Other words, or a sound of your library, may do it; or reject it."), h("button.main", { type: "button", onclick: () => library() }, icon("search"), "Search the library"));
    }
    if (detail.takes.length) return null;
    return h("li.message", {}, h("b", {}, "There is no take here"), detail.reason && h("p", {}, detail.reason), h("p", {}, "Look for a sound in your library and lay it on the onsets."), h("button.main", { type: "button", onclick: () => library() }, icon("search"), "Search the library"));
  }

  const show = soon(() => {
    const { detail, entry, choice } = session;
    if (shown !== session.number || !detail) {
      shown = session.number;
      clear();
      list.scrollTop = 0;
    }
    const summary = entry?.summary;
    if (summary) {
      const state = stateOf(summary);
      setText(title, shortName(summary));
      title.title = summary.text || summary.name;
      verdict.className = `verdict state-${state}`;
      verdict.replaceChildren(icon(state), wordOf(state));
      const parts = [`${summary.timecode} – ${summary.timecode_end}`, summary.engine];
      if (detail?.error) parts.push(summary.text);
      else if (detail && detail.reliable === false && !detail.tapped) parts.push(detail.reason || "no reliable onsets");
      else if (summary.text) parts.push(summary.text);
      setText(about, parts.filter(Boolean).join(" · "));
      about.title = [...parts, ...(detail?.notes ?? [])].join("\n");
    }
    const items = [];
    const words = instead();
    if (words) items.push(words);
    const { heard } = session.player;
    if (session.player.playing) session.retakes.fresh.delete(heard); // it is heard, so it is new no more
    const { earlier, listed } = order;
    const there = session.takes.filter(({ id }) => !session.missing.has(id));
    for (const take of listed) {
      const place = session.takes.indexOf(take);
      if (take === earlier[0]) items.push(fold);
      if (!rows.has(take.id)) rows.set(take.id, row(take));
      const one = rows.get(take.id);
      const on = take.id === heard && !session.preview;
      const isChosen = choice.state === "chosen" && choice.take === take.id;
      setText(one.place, String(place + 1));
      one.mark.replaceChildren(...(on ? [icon("ear")] : []));
      setText(one.from, origin(take, detail));
      setAttribute(one.button, "aria-pressed", String(on));
      one.wave.lit(on);
      const tags = [];
      if (isChosen) tags.push(h("span.tag.is-chosen", {}, "chosen"));
      if (session.retakes.fresh.has(take.id)) tags.push(h("span.tag.new", {}, "new"));
      if (choice.edits[take.id]) tags.push(h("span.tag", {}, "adjusted"));
      const lacking = session.missing.get(take.id);
      if (lacking) tags.push(h("span.tag.bad", { title: inWords(lacking) }, "no file"));
      const over_db = session.player.matched && !lacking ? stillLouder(take, there) : 0;
      if (over_db >= HEARD_DB) tags.push(h("span.tag", { title: `Matched, takes are turned down by 12 dB at most: this one still sounds ${over_db.toFixed(0)} dB louder than the quietest` }, `+${over_db.toFixed(0)} dB`));
      if (!session.onsets.carry(take)) tags.push(h("span.tag", { title: "It was made for other onsets than those shown" }, "other onsets"));
      if (!tags.length && take.made && take.made !== "generate") tags.push(h("span.tag", {}, "retake"));
      one.badges.replaceChildren(...tags);
      const texts = [`Take ${place + 1}`, `fits ${whole(take.score)} of 100`, loudness(take), origin(take, detail), ...tags.map((tag) => tag.textContent)];
      setAttribute(one.button, "aria-label", texts.join(", "));
      one.button.title = [take.source?.file, take.source?.licence, take.source?.creator, nearness(take.source ?? {}).text].filter(Boolean).join("\n");
      items.push(one.li);
    }
    if (earlier.length && !order.opened) items.push(fold);
    setText(folded, `${earlier.length} earlier`);
    setAttribute(folded, "aria-expanded", String(order.opened));
    for (const [id, one] of rows) {
      if (session.takes.some((take) => take.id === id)) continue;
      one.wave.destroy();
      rows.delete(id);
    }
    const making = placing.of(session.number);
    if (making.busy) {
      progress.className = "progress";
      progress.hidden = false;
      told = null;
      const { number } = session;
      renew(progress, [number, making.words], () => {
        const turning = icon("wait");
        turning.classList.add("turning");
        return [turning, h("p", {}, making.words), h("button", { type: "button", onclick: () => placing.stop(number) }, "Stop")];
      });
    } else if (making.error) {
      progress.className = "progress bad";
      progress.hidden = false;
      const { number } = session;
      const why = inWords(making.error);
      renew(progress, [number, why, "bad"], () => [icon("failed"), h("p", {}, h("b", {}, "No new take: "), why), h("button", { type: "button", onclick: () => placing.clear(number) }, "Close")]);
      if (told !== making.error) announce(`No new take: ${why}`);
      told = making.error;
    } else progress.hidden = true;
    const before = [...list.children];
    if (items.length !== before.length || items.some((item, k) => item !== before[k])) list.replaceChildren(...items);
    settle(rows.get(heard)?.button);
    settleMore();
    const usable = session.usable;
    const any = usable && Boolean(session.heard);
    choose.disabled = !any;
    alike.disabled = !any || making.busy;
    more.disabled = !usable || making.busy;
    turnDown.disabled = search.disabled = !usable;
    const rejected = choice?.state === "rejected";
    setText(turnDown.children[1], rejected ? "Rejected" : "Reject");
    setAttribute(turnDown, "aria-pressed", String(Boolean(rejected)));
  });

  const settle = roving(list, ".take > button", {}); // ↑ ↓ hear the next one
  const settleMore = roving(root.querySelector(".more"), "button");
  const draw = soon(() => {
    for (const one of rows.values()) one.wave.gain(scale.of(one.take));
  });
  const reveal = soon(() => {
    const one = rows.get(session.player.heard);
    one?.li.scrollIntoView({ block: "nearest" });
    if (one && document.activeElement !== one.button && document.activeElement?.closest(".take")) one.button.focus({ preventScroll: true });
  });
  for (const name of ["open", "region", "takes", "choice", "heard", "problem"]) session.addEventListener(name, show);
  session.addEventListener("heard", () => requestAnimationFrame(reveal));
  for (const name of ["takes", "choice", "heard", "loading"]) session.addEventListener(name, draw);
  scale.addEventListener("scale", draw);
  session.player.addEventListener("state", show);
  session.store.addEventListener("reel", show);
  placing.addEventListener("placing", (event) => event.detail.number === session.number && show());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => rows.forEach((one) => one.wave.repaint()));
  show();
}
