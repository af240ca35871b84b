// Every request of the page, and the events. What goes wrong is an ApiError with the server's own words.

/** Everything lies under the token, wherever this file was loaded from: …/TOKEN/static/api.js */
export const BASE = new URL("../", import.meta.url).href;

const MOST_SOUNDS = 60; // that a search shows
const MOST_KEPT_ALIVE = 16_000; // characters; browsers let only little outlive its page

export class ApiError extends Error {
  /** @param {{kind: string, message: string, hint?: string}} error @param {number} status 0: nobody answered */
  constructor(error, status, body = null) {
    super(error.message);
    this.kind = error.kind;
    this.hint = error.hint ?? "";
    this.status = status;
    this.body = body;
  }

  /** Nobody there, or not now: what was asked may be asked again later. */
  get away() {
    return this.status === 0 || this.status === 503;
  }
}

/** What went wrong, and what to do, in one line for a person: of an ApiError, or of a job. */
export const inWords = ({ message, hint }) => (hint ? `${message} – ${hint}` : message);

/** A job goes on no more. */
export const ENDED = new Set(["done", "failed", "cancelled"]);

/**
 * Fetches anything of the server's, and reads it whole.
 * @param {string} url
 * @param {"text" | "blob" | "arrayBuffer"} as
 * @returns {Promise<any>}
 */
export async function fetched(url, as, { method = "GET", body, signal, keepalive, priority, answered } = {}) {
  try {
    const answer = await fetch(url, {
      method,
      signal,
      keepalive,
      priority,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body,
      referrerPolicy: "no-referrer",
    });
    if (answer.ok) {
      answered?.(answer);
      return await answer[as]();
    }
    const json = await answer.json().catch(() => null);
    const plain = { kind: "BridgeError", message: answer.status === 404 ? "no such thing here" : `the server answered ${answer.status}` };
    throw new ApiError(json?.error ?? plain, answer.status, json);
  } catch (error) {
    if (error instanceof ApiError || error.name === "AbortError") throw error;
    throw new ApiError({ kind: "BridgeError", message: "the daemon does not answer", hint: "try again in a moment" }, 0);
  }
}

/** Why a picture is black somewhere, in words. @param {Response} answer @returns {string[]} */
export const missingOf = (answer) => JSON.parse(decodeURIComponent(answer.headers.get("Foley-Missing") ?? "[]"));

async function ask(path, { body, ...how } = {}) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return JSON.parse((await fetched(BASE + path, "text", { ...how, body: text })) || "{}");
}

export const reels = () => ask("api/reels");

/** One reel: its requests, its media, its events. */
export class ReelApi {
  constructor(job) {
    this.job = job;
    this.path = `api/reels/${encodeURIComponent(job)}`;
    this.files = `${BASE}media/${encodeURIComponent(job)}`;
  }

  overview = (signal) => ask(this.path, { signal });
  region = (number, signal) => ask(`${this.path}/regions/${number}`, { signal });
  /** Goes on when the page is left meanwhile. */
  choose = (number, body) => ask(`${this.path}/regions/${number}/choice`, { method: "PUT", body, keepalive: JSON.stringify(body).length < MOST_KEPT_ALIVE });
  retake = (number, body) => ask(`${this.path}/regions/${number}/retakes`, { method: "POST", body });
  apply = (body) => ask(`${this.path}/apply`, { method: "POST", body });
  status = (job) => ask(`api/jobs/${encodeURIComponent(job)}`);
  cancel = (job) => ask(`api/jobs/${encodeURIComponent(job)}`, { method: "DELETE" });
  /** Sounds of the library: `asked` by name, as docs/audition.md has it. */
  library = (asked, signal) => ask(`api/library?${new URLSearchParams({ limit: String(MOST_SOUNDS), ...asked })}`, { signal });
  /** Can they be found by picture and by sound? */
  near = (signal) => ask("api/library/near", { signal });
  peaks = (number, take, signal) => ask(`${this.pathOf(number, take)}/peaks.json`, { signal });
  soundPeaks = (id, signal) => ask(`media/library/${encodeURIComponent(id)}/peaks.json`, { signal });

  pathOf = (number, take) => `media/${encodeURIComponent(this.job)}/${number}/take/${take}`;
  thumb = (number, k = 3) => `${this.files}/${number}/thumb/${k}.jpg`;
  picture = (number, window) => `${this.files}/${number}/${window}/picture.mp4`;
  take = (number, window, id) => `${this.files}/${number}/${window}/take/${id}.wav`;
  spectrogram = (number, id) => `${this.files}/${number}/take/${id}/spectrogram.png`;
  sound = (id) => `${BASE}media/library/${encodeURIComponent(id)}.wav`;

  /**
   * The reel's events as long as the page is shown. `told(name, data)`: "choice", "job", "away", "back" as the server tells them, "away" when the
   * server itself goes, "back" whenever it listens (again); "gone" when it answers but knows neither us nor the reel.
   * @returns {() => void} ends it
   */
  follow(told) {
    let source = null;
    let timer = 0;
    let lost = false;
    const end = () => {
      clearTimeout(timer);
      source?.close();
      source = null;
    };
    const open = () => {
      end();
      source = new EventSource(`${BASE}${this.path}/events`);
      for (const name of ["choice", "job", "away", "back"]) {
        source.addEventListener(name, (event) => told(name, event.data ? JSON.parse(event.data) : {}));
      }
      // What happened before is not told again: whoever hears this looks for himself.
      source.addEventListener("open", () => {
        lost = false;
        told("back", {});
      });
      source.addEventListener("error", () => {
        end();
        if (!lost) told("away", {});
        lost = true;
        timer = setTimeout(again, 1500);
      });
    };
    /** An EventSource does not say why it fails: the overview does. */
    const again = async () => {
      try {
        await this.overview();
        open();
      } catch (error) {
        if (error.status === 404 || error.status === 403) told("gone", {});
        else timer = setTimeout(again, 3000);
      }
    };
    open();
    addEventListener("pagehide", end);
    addEventListener("pageshow", (event) => event.persisted && open()); // a browser may keep a page that was left, and show it again
    return end;
  }
}
