// Which sounds of the library may be found: of one UCS category, of some length.

import { h, icon, setAttribute } from "./dom.js";

/** @param {() => void} changed other sounds may be found than before */
export function narrowing(changed) {
  const field = (name, having) => h("input", { id: `only-${name}`, autocomplete: "off", onchange: () => { show(); changed(); }, ...having });
  const seconds = { type: "number", min: "0", step: "any", inputMode: "decimal" };
  const ucs = field("ucs", { type: "text", placeholder: "METAL…", title: "A CatID such as FEETGrvl, or a category's name for all in it", spellcheck: false, maxLength: 64 });
  const shortest = field("shortest", { ...seconds, "aria-label": "No shorter than, in seconds", placeholder: "from" });
  const longest = field("longest", { ...seconds, "aria-label": "No longer than, in seconds", placeholder: "to" });
  const row = h("div.only", { id: "only", hidden: true },
    h("label", { htmlFor: ucs.id }, "UCS"), ucs, shortest, longest, h("span", { "aria-hidden": "true" }, "s"));
  const button = h("button", { type: "button", "aria-controls": row.id, onclick: () => { row.hidden = !row.hidden; show(); } }, icon("filter"));

  const value = (input) => (input.validity.valid ? input.value.trim() : "");

  function show() {
    const [least, most] = [value(shortest), value(longest)];
    const length = least && most ? `${least} to ${most} s` : least ? `${least} s or longer` : most ? `up to ${most} s` : "";
    const parts = [value(ucs), length].filter(Boolean);
    button.title = parts.length ? `Only ${parts.join(", ")}` : "Only some category or length";
    setAttribute(button, "aria-label", button.title);
    setAttribute(button, "aria-expanded", String(!row.hidden));
    button.classList.toggle("narrows", parts.length > 0);
  }

  show();
  return {
    button, row,
    /** What goes with a search's words. */
    get asked() {
      return Object.fromEntries(Object.entries({ ucs: value(ucs), shortest: value(shortest), longest: value(longest) }).filter(([, one]) => one));
    },
  };
}
