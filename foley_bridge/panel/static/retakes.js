// Takes made while the page is open: what is asked for, and what becomes of the choice when they are here.

import { mostLevel } from "./editing.js";
import { announce } from "./dom.js";

const WRONG_COUNT = 1e9;
const WRONG_SEED = 1;

/** How to ask for this very take again, with other onsets. */
function again(take) {
  if (!take) return { takes: "1" };
  const { source = {}, seed } = take;
  const asked = { takes: "1", seed: String(seed) };
  if (source.library_id) return { ...asked, engine: "recommend", pin: source.library_id };
  return source.like ? { ...asked, engine: "transfer", like: source.like } : asked;
}

/** The take whose onsets are nearest to those wanted, one of the same seed first. */
function nearest(takes, wanted, seed) {
  const apart = (onsets) => (onsets?.length === wanted.length ? Math.max(0, ...wanted.map((time_s, k) => Math.abs(time_s - onsets[k]))) : WRONG_COUNT);
  const off = (take) => apart(take.onsets_s) + (take.seed === seed ? 0 : WRONG_SEED);
  return takes.toSorted((a, b) => off(a) - off(b))[0] ?? null;
}

export class Retakes {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    /** Takes that are new and were not heard yet. */
    this.fresh = new Set();
  }

  // ---- placed anew

  /**
   * Has the heard take placed on other onsets when the hands rest.
   * @param {{hits_s: number[]} | {sensitivity: string}} where
   */
  place({ hits_s, sensitivity }) {
    const { number, heard, onsets, placing } = this.session;
    const options = again(heard);
    const wanted = onsets.times;
    const body = sensitivity === undefined ? { options, hits_s } : { options: { ...options, sensitivity } };
    placing.later(number, "placing…", body, (takes) => this.replace(number, heard, takes, wanted));
  }

  /** What was chosen before goes over to the take that replaces it. When no take is new, it was there already. */
  async replace(number, instead, takes, wanted) {
    const { store } = this.session;
    const { choice, detail } = store.regions.get(number);
    const ready = takes[0] ?? (instead && nearest(detail.takes, wanted, instead.seed));
    if (instead && ready && ready.id !== instead.id) {
      const edits = { ...choice.edits };
      const edit = edits[instead.id];
      if (edit && !edits[ready.id]) edits[ready.id] = { ...edit, level_db: Math.min(edit.level_db, mostLevel(ready)) };
      const take = choice.take === instead.id || choice.take === null ? ready.id : choice.take;
      store.amend(number, { take, edits });
    }
    await this.show(number, takes, ready);
  }

  // ---- more of them

  ask(words, body) {
    const { session } = this;
    if (!session.usable) return;
    const { number, onsets } = session;
    announce(words);
    // They keep to the editor's onsets where there are any.
    const hits = onsets.changed && onsets.times.length ? { hits_s: onsets.times } : {};
    session.placing.now(number, words, { ...body, ...hits }, (takes) => this.show(number, takes, takes[0]));
  }

  more() {
    this.ask("asking for more…", { more: true, options: { takes: "2" } });
  }

  alike() {
    const { heard } = this.session;
    if (heard) this.ask("looking for takes like this…", { like_take: heard.id, options: { takes: "2" } });
  }

  sound(sound) {
    this.ask(`placing ${sound.name}…`, { options: { takes: "1", engine: "recommend", pin: sound.id } });
  }

  example(sound) {
    this.ask(`re-timing ${sound.name}…`, { options: { takes: "1", engine: "transfer", like: `lib:${sound.id}` } });
  }

  words(words) {
    this.ask(`looking for “${words}”…`, { words, options: { takes: "2", engine: "recommend" } });
  }

  // ---- here

  /** Has the player get them, and hears the first one. */
  async show(number, takes, first) {
    const { session } = this;
    for (const take of takes) this.fresh.add(take.id);
    if (number !== session.number) return session.store.letGo(session.store.regions.get(number));
    if (!first) return announce("There was no other take");
    await session.bring();
    if (number !== session.number) return;
    session.hear(first.id);
    if (takes.length) this.fresh.add(first.id);
    session.say("takes");
    announce(takes.length > 1 ? `${takes.length} new takes` : takes.length ? "The new take is here" : "The take was there already");
  }
}
