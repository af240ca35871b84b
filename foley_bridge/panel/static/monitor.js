// The picture and the transport under it.

import { inWords } from "./api.js";
import { h, icon, renew, setAttribute, setText, soon } from "./dom.js";
import { stateOf, wordOf } from "./states.js";

export function monitor(root, session, screen, video) {
  const { player, clock } = session;
  const over = h("div.over.middle", { hidden: true });
  const state = h("span.state", { hidden: true });
  const drift = h("span.drift", { title: "Picture against sound, median of five seconds" });
  screen.append(state, drift, over);
  video.addEventListener("click", () => session.toggle());

  const play = h("button.main.play", { type: "button", id: "play", onclick: () => session.toggle() });
  const time = h("output", { "aria-label": "Timecode", "aria-live": "off" }); // read aloud it would never end
  const matched = h("input", { type: "checkbox", role: "switch", id: "matched", onchange: () => session.match(matched.checked) });
  const button = (name, label, act) => h("button", { type: "button", "aria-label": label, title: label, onclick: act }, icon(name));
  root.append(
    h("div.transport", {},
      button("back", "Previous region (K)", () => session.listing.step(-1)),
      play,
      button("forward", "Next region (J)", () => session.listing.step(1)),
      h("button", { type: "button", title: "A frame back (←)", "aria-label": "A frame back", onclick: () => player.step(-1) }, "−1"),
      h("button", { type: "button", title: "A frame on (→)", "aria-label": "A frame on", onclick: () => player.step(1) }, "+1"),
      time,
      h("span.space"),
      h("label", { title: "Takes at matched loudness (M)" }, matched, "Matched"),
    ),
  );

  const showState = () => {
    const { playing } = player;
    play.replaceChildren(icon(playing ? "pause" : "play"));
    setAttribute(play, "aria-label", playing ? "Pause" : "Play");
    play.title = playing ? "Pause (Space)" : "Play (Space)";
  };
  let counted = 0;
  const showTime = () => {
    setText(time, clock.timecode(player.time_s));
    if (counted++ % 20 === 0) showDrift();
  };
  const showDrift = () => {
    const { ms, samples } = player.drift;
    setText(drift, player.playing && samples && !player.picture.missing.length ? `sync ${ms > 0 ? "+" : "−"}${Math.abs(ms).toFixed(0)} ms` : "");
  };
  const offline = () => (player.picture.missing.length ? `Media offline: ${player.picture.missing.join("; ")}` : "");
  const showOver = soon(() => {
    const { detail, problem, loading, window } = session;
    const summary = session.entry?.summary;
    const words = problem ? inWords(problem) : detail?.error && !window ? "This region failed" : loading || !detail ? "Making the picture…" : offline();
    const bad = Boolean(problem || detail?.error || offline());
    const again = () => h("button", { type: "button", onclick: () => session.retry() }, "Try again");
    renew(over, [words, bad, Boolean(problem)], () => [icon(bad ? "failed" : "wait"), h("span", {}, words), ...(problem ? [again()] : [])]);
    over.hidden = !words;
    // What comes at once needs no words.
    over.classList.toggle("later", !bad);
    state.hidden = !summary;
    if (summary) setText(state, `${summary.number} · ${wordOf(stateOf(summary))}`);
  });
  player.addEventListener("state", showState);
  player.addEventListener("state", showDrift);
  player.addEventListener("time", showTime);
  player.addEventListener("heard", () => (matched.checked = player.matched));
  session.addEventListener("heard", () => (matched.checked = player.matched));
  for (const name of ["open", "region", "window", "loading", "problem", "choice", "heard"]) session.addEventListener(name, showOver);
  for (const name of ["region", "window", "loading"]) session.addEventListener(name, showTime);
  matched.checked = player.matched;
  showState();
  showTime();
}
