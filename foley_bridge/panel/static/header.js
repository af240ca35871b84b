// The head of the page: the reel, how far it is, which regions are listed, and sending back.

import { h, icon, setAttribute, setText, soon } from "./dom.js";
import { roving } from "./roving.js";
import { applyWords } from "./sending.js";
import { counted } from "./states.js";

const FILTERS = [
  { id: "all", word: "All" },
  { id: "proposed", word: "Undecided" },
  { id: "chosen", word: "Chosen" },
  { id: "rejected", word: "Rejected" },
  { id: "failed", word: "Failed" },
  { id: "tapped", word: "Tapped", icon: "tap" },
];

export function header(root, session, { send, help }) {
  const { store } = session;
  const title = h("h1", {}, store.reel.title);
  const done = h("p.done");
  const buttons = FILTERS.map((filter) => {
    const count = h("b");
    const button = h(
      `button.state-${filter.id}`,
      { type: "button", title: filter.word, onclick: () => session.listing.filter({ states: session.listing.states === filter.id ? "all" : filter.id }) },
      filter.id !== "all" && icon(filter.icon ?? filter.id),
      h("span.text", {}, filter.word),
      count,
    );
    return { ...filter, button, count };
  });
  const words = h("input.words", {
    id: "filter", type: "search", placeholder: "Filter  F", "aria-label": "Filter the regions by words", autocomplete: "off", spellcheck: false,
    oninput: () => session.listing.filter({ words: words.value }),
    onkeydown: (event) => {
      if (event.key === "Escape") {
        if (words.value) {
          words.value = "";
          session.listing.filter({ words: "" });
        } else words.blur();
        event.preventDefault();
      } else if (event.key === "Enter") {
        const [first] = session.listing.regions;
        if (first) session.open(first.number);
        words.blur();
        event.preventDefault();
      }
    },
  });
  const sent = h("p.sent");
  const undo = h("button", { type: "button", "aria-label": "Undo", title: "Undo (U)", onclick: () => session.deciding.undo() }, icon("undo"));
  root.append(
    h("div.title", {}, title, done),
    h("div.counts", { role: "group", "aria-label": "List only regions that are" }, ...buttons.map(({ button }) => button)),
    words,
    h("span.space"),
    sent,
    undo,
    h("button", { type: "button", "aria-label": "Help: all keys", title: "All keys (?)", onclick: help }, icon("help")),
    h("button.main", { type: "button", id: "send", title: "Send the choices back to the timeline (Ctrl+Enter)", "aria-label": "Send back", onclick: send }, icon("send"), h("span.text", {}, "Send back")),
  );

  const settle = roving(root.querySelector(".counts"), "button");

  const show = () => {
    const { regions } = store.reel;
    const counts = counted(regions);
    const decided = counts.chosen + counts.rejected;
    setText(title, store.reel.title);
    setText(done, `${decided} of ${counts.all - counts.failed} decided`);
    for (const { id, word, button, count } of buttons) {
      setText(count, String(counts[id]));
      setAttribute(button, "aria-pressed", String(session.listing.states === id));
      setAttribute(button, "aria-label", `${word}: ${counts[id]}`);
      button.hidden = (id === "failed" || id === "tapped") && !counts[id] && session.listing.states !== id;
    }
    settle();
    const { text, bad } = applyWords(store);
    const unsaved = store.away || store.gone ? store.saving.unsaved : 0;
    setText(sent, unsaved ? `${unsaved} not saved yet` : text);
    sent.title = sent.textContent;
    sent.classList.toggle("bad", bad);
    undo.disabled = store.undone.empty;
    document.title = `${store.reel.title} – ${decided}/${counts.all - counts.failed} – foley_bridge`;
  };
  for (const name of ["reel", "away", "back", "gone"]) store.addEventListener(name, soon(show));
  session.addEventListener("filter", show);
  show();
}
