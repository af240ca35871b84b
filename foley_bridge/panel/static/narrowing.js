// Which sounds of the library may be found: of one UCS category, of some length.

import { h, setText } from "./dom.js";

/** @param {() => void} changed other sounds may be found than before */
export function narrowing(changed) {
  const field = (name, having) => h("input", { id: `only-${name}`, autocomplete: "off", onchange: () => { show(); changed(); }, ...having });
  const seconds = { type: "number", min: "0", step: "any", inputMode: "decimal" };
  const ucs = field("ucs", { type: "text", placeholder: "METAL, FEETGrvl…", spellcheck: false, maxLength: 64 });
  const shortest = field("shortest", { ...seconds, "aria-label": "No shorter than, in seconds", placeholder: "from" });
  const longest = field("longest", { ...seconds, "aria-label": "No longer than, in seconds", placeholder: "to" });
  const told = h("summary");
  const element = h("details.only", {}, told,
    h("div", {}, h("label", { htmlFor: ucs.id }, "UCS"), ucs, h("span", {}, "Seconds"), shortest, longest));

  const value = (input) => (input.validity.valid ? input.value.trim() : "");

  function show() {
    const [least, most] = [value(shortest), value(longest)];
    const length = least && most ? `${least} to ${most} s` : least ? `${least} s or longer` : most ? `up to ${most} s` : "";
    const parts = [value(ucs), length].filter(Boolean);
    setText(told, parts.length ? `Only ${parts.join(", ")}` : "Any category, any length");
  }

  show();
  return {
    element,
    /** What goes with a search's words. */
    get asked() {
      return Object.fromEntries(Object.entries({ ucs: value(ucs), shortest: value(shortest), longest: value(longest) }).filter(([, one]) => one));
    },
  };
}
