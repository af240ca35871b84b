// A group of controls is one stop of Tab; within it the arrows go on.

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

/**
 * @param {HTMLElement} root
 * @param {string} which its members
 * @param {Object<string, number>} [steps] by key; none: something else goes on within it
 * @returns {(wanted?: Element | null) => void} to be called when members came, went, or another one is to be the stop
 */
export function roving(root, which, steps = STEPS) {
  const members = () => [...root.querySelectorAll(which)];
  const open = (one) => !one.disabled && !one.closest("[hidden]");

  function settle(wanted = null) {
    const all = members();
    const there = all.filter(open);
    const stop = [wanted, document.activeElement, all.find((one) => one.tabIndex === 0)].find((one) => there.includes(one)) ?? there[0];
    for (const one of all) {
      const index = one === stop ? 0 : -1;
      if (one.tabIndex !== index || !one.hasAttribute("tabindex")) one.tabIndex = index;
    }
  }

  root.addEventListener("focusin", (event) => event.target.matches(which) && settle(event.target));
  root.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || !event.target.matches(which)) return;
    event.preventDefault();
    const there = members().filter(open);
    there[there.indexOf(event.target) + step]?.focus();
  });
  settle();
  return settle;
}
