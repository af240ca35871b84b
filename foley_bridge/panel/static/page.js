// The page of a reel: puts its parts together.

import { adjust } from "./adjust.js";
import { Ahead } from "./ahead.js";
import { ReelApi, inWords } from "./api.js";
import { Axis } from "./axis.js";
import { bars } from "./bars.js";
import { helpDialog, rejectDialog, sendDialog } from "./dialogs.js";
import { announce, h, icon } from "./dom.js";
import { header } from "./header.js";
import { keys } from "./keys.js";
import { lanes } from "./lanes.js";
import { library } from "./library.js";
import { monitor } from "./monitor.js";
import { Placing } from "./placing.js";
import { Player } from "./player.js";
import { Session } from "./session.js";
import { Store } from "./store.js";
import { strip } from "./strip.js";
import { takes } from "./takes.js";
import { Clock } from "./time.js";

const at = (id) => document.getElementById(id);

/** Tabs beside the picture: what does not fit beside it on a narrow screen is behind one. */
function tabs(root, work, panels) {
  const buttons = panels.map(({ id, word, panel, narrow, shown }) => {
    const button = h(`button${narrow ? ".only-narrow" : ""}`, { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": panel?.id ?? "region", onclick: () => show(id) }, word);
    panel?.setAttribute("role", "tabpanel");
    panel?.setAttribute("aria-labelledby", `tab-${id}`);
    return { id, button, panel, shown };
  });
  function show(id) {
    work.dataset.tab = id;
    for (const one of buttons) {
      const on = one.id === id || (id === "takes" && one.id === "adjust" && !matchMedia("(max-width: 1240px)").matches);
      one.button.setAttribute("aria-selected", String(on));
      if (on && one.panel?.hidden) one.shown?.();
      if (one.panel) one.panel.hidden = !on;
    }
  }
  const list = h("div.tabs", { role: "tablist", "aria-label": "Beside the picture" }, ...buttons.map(({ button }) => button));
  list.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const there = buttons.filter(({ button }) => button.offsetParent);
    const now = there.findIndex(({ button }) => button === document.activeElement);
    const next = there[(now + step + there.length) % there.length];
    show(next.id);
    next.button.focus();
  });
  root.prepend(list);
  root.append(...panels.map(({ panel }) => panel).filter(Boolean));
  return show;
}

async function open() {
  const job = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1));
  const store = new Store(new ReelApi(job));
  await store.open();
  const { reel } = store;
  const video = h("video", { muted: true, playsInline: true, preload: "auto", disablePictureInPicture: true, tabIndex: -1, "aria-label": "Picture of the region" });
  const screen = at("picture").appendChild(h("div.screen", {}, video)); // in the page before a second one is laid over it
  const player = new Player(video);
  const clock = new Clock(reel.rate, reel.start_s);
  const session = new Session({ store, placing: new Placing(store), player, axis: new Axis(), clock });
  new Ahead(session);

  const reject = rejectDialog(session);
  const send = sendDialog(session);
  const help = helpDialog();
  header(at("header"), session, { send, help });
  bars(at("bars"), session);
  strip(at("strip"), session);
  monitor(at("picture"), session, screen, video);
  at("picture").firstElementChild.append(at("live")); // what happened is told where one looks

  const adjusting = h("div.tab.adjust", { id: "adjust" });
  const searching = h("div.tab.library", { id: "library" });
  adjust(adjusting, session);
  const found = library(searching, session);
  const tab = tabs(at("side"), at("work"), [
    { id: "takes", word: "Takes", narrow: true },
    { id: "adjust", word: "Adjust", panel: adjusting },
    { id: "library", word: "Library", panel: searching, shown: found.look },
  ]);
  const inLibrary = (act) => () => {
    tab("library");
    act();
  };
  const openLibrary = inLibrary(found.enter);
  takes(at("region"), session, { reject, library: openLibrary, tab });
  lanes(at("lanes"), session);
  tab("takes");
  keys({
    session, reject, send, help,
    library: openLibrary,
    byPicture: inLibrary(found.byPicture),
    byTake: inLibrary(found.byTake),
    note: () => {
      tab("adjust");
      at("note").focus();
    },
  });
  // Takes are what one wants to see when they change.
  session.addEventListener("open", () => matchMedia("(max-width: 1240px)").matches && tab("takes"));
  session.placing.addEventListener("placing", (event) => {
    if (event.detail.number === session.number && matchMedia("(max-width: 1240px)").matches && at("work").dataset.tab === "library") tab("takes");
  });
  store.addEventListener("told", (event) => announce(event.detail.text));
  store.addEventListener("away", () => announce("The daemon does not answer"));
  store.addEventListener("back", () => announce("The daemon is back"));

  const asked = Number(location.hash.slice(1));
  const first = reel.regions.find((summary) => summary.state === "proposed" && !summary.error) ?? reel.regions[0];
  if (store.regions.has(asked)) session.open(asked);
  else if (first) session.open(first.number);
  addEventListener("hashchange", () => session.open(Number(location.hash.slice(1))));
  addEventListener("pagehide", () => store.saving.sendAll());
  addEventListener("beforeunload", (event) => store.saving.unsaved && !store.saving.lasting && event.preventDefault());
  document.body.dataset.ready = "true";
  return session;
}

open().then(
  (session) => {
    // For whoever looks into the page by hand, and for its tests.
    globalThis.foley = session;
  },
  (error) => {
    console.error(error);
    at("work").replaceChildren(h("div.message.bad", { role: "alert" }, h("b", {}, icon("failed"), " This reel cannot be opened"), h("p", {}, inWords(error)), h("p", {}, h("button", { type: "button", onclick: () => location.reload() }, "Try again"), " ", h("a.button", { href: "../" }, "All reels"))));
  },
);
