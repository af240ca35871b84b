// Takes made while the page is open: what is asked for, and what becomes of the choice when they are here.

import { mostLevel } from "./editing.js";
import { announce } from "./dom.js";

const PLACING = "placing…";
const WRONG_COUNT = 1e9;
const WRONG_SEED = 1;

/** How to ask for this very take again, with other onsets. */
function again(take) {
  if (!take) return { takes: "1" };
  const { source = {}, seed } = take;
  const asked = { takes: "1", seed: String(seed) };
  if (source.library_id) return { ...asked, engine: "recommend", pin: source.library_id };
  if (source.computed) asked.engine = "analogy"; // newly made
  else if (source.like) asked.engine = "transfer";
  return source.like ? { ...asked, like: source.like } : asked;
}

/** Are they of the same sound and seed, laid at other times? */
const akin = (one, other) => one.seed === other.seed && ["library_id", "like", "computed"].every((name) => one.source?.[name] === other.source?.[name]);

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
    this.instead = null; // the take that was to be placed anew last
  }

  // ---- placed anew

  /** Has the heard take placed on the onsets as they are kept, when the hands rest. One that lies there already is heard at once. */
  place() {
    const { number, heard, onsets, placing, detail, usable } = this.session;
    if (!usable) return;
    const wanted = onsets.kept;
    const there = heard && detail.takes.find((take) => akin(take, heard) && onsets.carry(take));
    this.instead = heard;
    if (there || !wanted.length || (!heard && detail.error)) {
      placing.stop(number);
      if (there) this.replace(number, heard, [], there);
      return;
    }
    const ready = ([first]) => first ?? (heard && nearest(this.session.store.regions.get(number).detail.takes, wanted, heard.seed));
    placing.later(number, PLACING, { options: again(heard), hits_s: wanted }, (takes) => this.replace(number, heard, takes, ready(takes)));
  }

  /** Is this take being placed, so that another one will stand for it? */
  replaces(take) {
    const { number, placing } = this.session;
    return placing.of(number).words === PLACING && this.instead?.id === take.id;
  }

  /** A take that lies on the onsets, for one that does not: of the same origin, or else the first. */
  carried(take) {
    const { takes, onsets } = this.session;
    const there = takes.filter((other) => onsets.carry(other));
    return there.find((other) => akin(other, take)) ?? there[0] ?? null;
  }

  /**
   * What was chosen before goes over to the take that replaces it.
   * @param {object | null} ready when no take is new, it was there already
   */
  async replace(number, instead, takes, ready) {
    const { store } = this.session;
    const { choice } = store.regions.get(number);
    if (instead && ready && ready.id !== instead.id) {
      const edits = { ...choice.edits };
      const edit = edits[instead.id];
      if (edit && !edits[ready.id]) edits[ready.id] = { ...edit, level_db: Math.min(edit.level_db, mostLevel(ready)) };
      // Of a region that nobody decided of, the take is the one listened to last.
      const take = choice.take === instead.id || choice.state === "proposed" ? ready.id : choice.take;
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
    if (session.tapping.on) {
      await this.tapped(); // who taps along goes on hearing what he taps to
      if (session.placing.of(number).busy) return;
    }
    await session.bring();
    if (number !== session.number) return;
    session.hear(first.id);
    if (takes.length) this.fresh.add(first.id);
    session.say("takes");
    announce(takes.length > 1 ? `${takes.length} new takes` : takes.length ? "The new take is here" : "The take was there already");
  }

  /** Resolves when nobody taps along any more. */
  tapped() {
    const { session } = this;
    return new Promise((resolve) => {
      const look = () => {
        if (session.tapping.on) return;
        session.removeEventListener("tapping", look);
        resolve();
      };
      session.addEventListener("tapping", look);
    });
  }
}
