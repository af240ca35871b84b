// The list of reels.

import { BASE, inWords, reels } from "./api.js";
import { h, icon } from "./dom.js";

function row(reel) {
  const open = reel.regions - reel.chosen - reel.rejected - reel.failed;
  const when = reel.finished ? new Date(reel.finished * 1000) : null;
  const bar = h("progress", { max: Math.max(1, reel.regions - reel.failed), value: reel.chosen + reel.rejected, "aria-hidden": "true" });
  return h("li", {}, h("a", { href: `${BASE}reel/${encodeURIComponent(reel.job)}` },
    h("h2", {}, reel.title),
    h("p.quiet.number", {}, when ? when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : ""),
    bar,
    h("p.counts", {},
      h("span", {}, icon("proposed"), `${open} undecided`), h("span", {}, icon("chosen"), `${reel.chosen} chosen`), h("span", {}, icon("rejected"), `${reel.rejected} rejected`),
      reel.failed > 0 && h("span", {}, icon("failed"), `${reel.failed} failed`))));
}

async function show() {
  const root = document.getElementById("reels");
  try {
    const list = (await reels()).reels;
    root.replaceChildren(
      list.length
        ? h("ol", {}, ...list.map(row))
        : h("div.none", {}, h("h2", {}, "There is no reel yet"), h("p", {}, "A reel is what “foley-bridge generate”, or an editor's Generate action, made of a timeline. It is listed here when it is done.")),
    );
  } catch (error) {
    root.replaceChildren(h("div.none", { role: "alert" }, h("h2", {}, "The reels cannot be listed"), h("p", {}, inWords(error)), h("button", { type: "button", onclick: show }, "Try again")));
  }
  root.removeAttribute("aria-busy");
}

show();
addEventListener("pageshow", (event) => event.persisted && show());
