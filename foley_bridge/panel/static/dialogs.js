// What opens over the page: why a region is rejected, sending back, all keys.

import { ENDED } from "./api.js";
import { announce, h, icon, renew, setText, soon } from "./dom.js";
import { KEYS } from "./keys.js";
import { changedSince, missed, touched, whyNot } from "./sending.js";
import { counted } from "./states.js";

export const REASONS = ["the wrong sound", "not in sync", "too close or too far", "the production sound will do", "no sound is needed here", "it sounds processed"];
const MOST_NAMED = 6;

function dialog(name, title, ...inside) {
  const heading = h("h2", { id: `${name}-title` }, title);
  const element = h(`dialog.${name}`, { "aria-labelledby": heading.id },
    h("header", {}, heading, h("button.plain", { type: "button", "aria-label": "Close", onclick: () => element.close() }, icon("close"))), ...inside);
  // A press beside it closes it; one that only ended there, or on its edge, does not.
  const beside = ({ target, clientX, clientY }) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return target === element && (clientX < left || clientX > right || clientY < top || clientY > bottom);
  };
  let begun = false;
  element.addEventListener("pointerdown", (event) => (begun = beside(event)));
  element.addEventListener("click", (event) => begun && beside(event) && element.close());
  document.body.append(element);
  return element;
}

/** @returns {() => void} opens it */
export function rejectDialog(session) {
  const typed = h("input", { type: "text", id: "reason", maxLength: 500, "aria-label": "Another reason", placeholder: "or in your own words", autocomplete: "off" });
  const done = (reason) => {
    element.close();
    session.deciding.reject(reason);
  };
  const element = dialog("why", "Why not?",
    h("div.list", {},
      ...REASONS.map((reason, k) => h("button", { type: "button", onclick: () => done(reason) }, h("kbd", {}, String(k + 1)), reason[0].toUpperCase() + reason.slice(1))),
      h("button", { type: "button", id: "no-reason", onclick: () => done("") }, h("kbd", {}, "R"), "Reject without a reason"),
      h("form", { onsubmit: (event) => { event.preventDefault(); done(typed.value.trim()); } }, typed, h("button.main", { type: "submit" }, "Reject"))));
  element.addEventListener("keydown", (event) => {
    if (event.target === typed || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const reason = REASONS[Number(event.key) - 1];
    if (reason) done(reason);
    else if (event.key.toLowerCase() === "r") done("");
    else {
      if (/^\p{L}$/u.test(event.key)) typed.focus(); // whoever begins to type means own words
      return;
    }
    event.preventDefault();
  });
  return () => {
    if (!session.usable || element.open) return;
    typed.value = "";
    element.showModal();
    element.querySelector("#no-reason").focus();
  };
}

/** @returns {() => void} opens it; sends when it is open */
export function sendDialog(session) {
  const { store, api } = session;
  const what = h("ul");
  const option = (value, label, checked) => h("label", {}, h("input", { type: "radio", name: "undecided", value, checked }), label);
  const undecided = h("fieldset", {}, h("legend"), option("best", "keep their best take", true), option("none", "get no sound", false));
  const open = h("div.open", { hidden: true });
  const missing = h("div.trouble", { role: "alert", hidden: true });
  const trouble = h("p.trouble", { role: "alert", hidden: true });
  const under = h("p.quiet", { role: "status" }); // what is announced on the page is not heard in a dialog
  const force = h("button.main", { type: "button", id: "send-anyway", hidden: true, onclick: () => send(true) }, "Send anyway");
  const go = h("button.main", { type: "submit", id: "send-now" }, icon("send"), "Send back", h("kbd", {}, "↵"));
  const cancel = h("button", { type: "button", onclick: () => element.close() }, "Cancel");
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); send(false); } }, missing, what, undecided, open, under, trouble, h("div.row", {}, cancel, force, go));
  const element = dialog("send", "Send the choices back", form);
  form.addEventListener("change", () => show());
  let sending = false;
  let watched = null;
  let refused = false; // the timeline was changed: to send is to write over it

  /** Regions by name, each a way there; many are told as a number. */
  function ways(root, head, regions) {
    root.hidden = !regions.length;
    renew(root, [head, regions], () => [
      h("p", {}, h("b", {}, head)),
      h("ul", {}, ...regions.slice(0, MOST_NAMED).map(([number, why]) => {
        const { name } = store.regions.get(number).summary;
        return h("li", {}, h("button", { type: "button", onclick: () => { element.close(); session.open(number); } }, `${number}: ${name}`), why && h("span.quiet", {}, why));
      })),
      regions.length > MOST_NAMED && h("p.quiet", {}, `and ${regions.length - MOST_NAMED} more`),
    ].filter(Boolean));
  }

  function show() {
    const counts = counted(store.reel.regions);
    const line = (state, count, words) => count > 0 && h("li", {}, icon(state), `${count} ${words}`);
    what.replaceChildren(...[
      line("chosen", counts.chosen, "chosen"),
      line("rejected", counts.rejected, "rejected: no sound there"),
      line("failed", counts.failed, "failed: left as they are"),
    ].filter(Boolean));
    undecided.hidden = !counts.proposed;
    undecided.firstElementChild.textContent = `${counts.proposed} undecided region${counts.proposed === 1 ? "" : "s"}`;
    const yours = touched(store).map(({ number }) => [number]);
    const fate = new FormData(form).get("undecided") === "none" ? "they get no sound" : "their first take goes in, not the one you worked on, nor your onsets";
    ways(open, `${yours.length} of these ${yours.length === 1 ? "has" : "have"} changes of yours but no decision: ${fate}. To use what you did, choose:`, yours);
    const [last] = store.reel.applied;
    const running = sending || last?.state === "queued" || last?.state === "running" || (last?.state === "done" && !last.failed);
    const silent = running ? [] : missed(store);
    ways(missing, `When it was last sent, ${silent.length === 1 ? "this region" : "these regions"} got no sound:`, silent.map(({ region, why }) => [region, why]));
    go.disabled = force.disabled = running || store.gone;
    force.hidden = !refused;
    go.hidden = refused;
    setText(under, running ? "Sending back…" : "");
    if (running || last?.job !== watched || !ENDED.has(last?.state)) return;
    watched = null;
    if (last.state !== "done") return complain(last.error ?? { message: "Sending back was stopped" });
    if (silent.length) {
      setText(cancel, "Close");
      return announce(`Sent, but ${silent.length} region${silent.length === 1 ? "" : "s"} got no sound`, { stays: true });
    }
    announce("The choices are in the timeline");
    element.close();
  }

  function complain(error) {
    trouble.hidden = false;
    trouble.textContent = whyNot(error, store.reel.out);
    refused = changedSince(error);
    force.hidden = !refused;
    go.hidden = refused;
    if (refused) cancel.focus(); // Enter writes over nothing
  }

  function begin() {
    trouble.hidden = true;
    refused = false;
    setText(cancel, "Cancel");
    show();
  }

  async function send(overwrite) {
    if (sending) return;
    sending = true;
    begin();
    try {
      await store.saving.settled();
      const body = { undecided: new FormData(form).get("undecided") ?? "best" };
      if (overwrite) body.force = true;
      const { job } = await api.apply(body);
      watched = job;
      store.noteJob({ job, kind: "apply", state: "queued", error: null });
      store.watchApply(job);
    } catch (error) {
      complain(error);
    } finally {
      sending = false;
      show();
    }
  }

  store.addEventListener("reel", soon(() => (element.open || watched) && show()));
  return () => {
    if (element.open) return go.disabled || refused || form.requestSubmit();
    watched = null;
    begin();
    element.showModal();
    go.focus();
  };
}

/** @returns {() => void} opens and closes it */
export function helpDialog() {
  const groups = [...new Set(KEYS.map(({ group }) => group))];
  const element = dialog("keys", "Keys",
    h("div.columns", {}, ...groups.map((group) => h("section", {}, h("h3", {}, group),
      h("dl", {}, ...KEYS.filter((key) => key.group === group).flatMap(({ shown, what }) => [h("dt", {}, ...shown.flatMap((one, k) => [k ? " " : null, h("kbd", {}, one)])), h("dd", {}, what)]))))),
    h("p.quiet", {}, "On an onset that has the focus: ← → move it by a frame (Shift: ten), , . by a millisecond. With the pointer, hold Shift to move finely; Ctrl and the wheel zoom."));
  return () => (element.open ? element.close() : element.showModal());
}
