// Every request of the page, and the events. What goes wrong is an ApiError with the server's own words.

/** Everything lies under the token, wherever this file was loaded from: …/TOKEN/static/api.js */
export const BASE = new URL("../", import.meta.url).href;

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

  /** One line for a person. */
  get told() {
    return this.hint ? `${this.message} – ${this.hint}` : this.message;
  }
}

/** @returns {Promise<any>} */
async function ask(path, { method = "GET", body, signal } = {}) {
  let answer;
  try {
    answer = await fetch(BASE + path, {
      method,
      signal,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ kind: "BridgeError", message: "the daemon does not answer" }, 0);
  }
  const text = await answer.text();
  let json = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    json = null;
  }
  if (answer.ok && json !== null) return json;
  if (answer.ok) return {};
  const plain = { kind: "BridgeError", message: answer.status === 404 ? "no such thing here" : `the server answered ${answer.status}` };
  throw new ApiError(json?.error ?? plain, answer.status, json);
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
  choose = (number, body) => ask(`${this.path}/regions/${number}/choice`, { method: "PUT", body });
  retake = (number, body) => ask(`${this.path}/regions/${number}/retakes`, { method: "POST", body });
  apply = (body) => ask(`${this.path}/apply`, { method: "POST", body });
  status = (job) => ask(`api/jobs/${encodeURIComponent(job)}`);
  cancel = (job) => ask(`api/jobs/${encodeURIComponent(job)}`, { method: "DELETE" });
  library = (words, limit = 60, signal) => ask(`api/library?${new URLSearchParams({ words, limit: String(limit) })}`, { signal });
  peaks = (number, take, signal) => ask(`${this.pathOf(number, take)}/peaks.json`, { signal });
  soundPeaks = (id, signal) => ask(`media/library/${encodeURIComponent(id)}/peaks.json`, { signal });

  pathOf = (number, take) => `media/${encodeURIComponent(this.job)}/${number}/take/${take}`;
  thumb = (number, k = 3) => `${this.files}/${number}/thumb/${k}.jpg`;
  picture = (number, window) => `${this.files}/${number}/${window}/picture.mp4`;
  take = (number, window, id) => `${this.files}/${number}/${window}/take/${id}.wav`;
  spectrogram = (number, id) => `${this.files}/${number}/take/${id}/spectrogram.png`;
  sound = (id) => `${BASE}media/library/${encodeURIComponent(id)}.wav`;

  /**
   * The reel's events as long as the page is open. `told(name, data)`: "choice", "job", "away", "back" as the server tells them,
   * and "away" / "back" when the server itself goes and comes; "gone" when it answers but knows neither us nor the reel.
   * @returns {() => void} ends it
   */
  follow(told) {
    let source = null;
    let timer = 0;
    let ended = false;
    let lost = false;
    const open = () => {
      source = new EventSource(`${BASE}${this.path}/events`);
      for (const name of ["choice", "job", "away", "back"]) {
        source.addEventListener(name, (event) => told(name, event.data ? JSON.parse(event.data) : {}));
      }
      source.addEventListener("open", () => {
        if (lost) told("back", {});
        lost = false;
      });
      source.addEventListener("error", () => {
        if (ended) return;
        if (!lost) told("away", {});
        lost = true;
        source.close();
        clearTimeout(timer);
        timer = setTimeout(again, 1500);
      });
    };
    const again = async () => {
      try {
        await this.overview();
      } catch (error) {
        if (error.status === 404 || error.status === 403) told("gone", {});
        if (!ended) timer = setTimeout(again, 3000);
        return;
      }
      if (!ended) open();
    };
    const end = () => {
      ended = true;
      clearTimeout(timer);
      source?.close();
    };
    open();
    addEventListener("pagehide", end, { once: true });
    return end;
  }
}
