// When a sample is heard: the audio clock against the page's. What the browser says of it trembles by some milliseconds, so the
// median of the last second is taken.

const KEPT = 61;

export class HeardClock {
  /** @param {AudioContext} context */
  constructor(context) {
    this.context = context;
    this.offsets = [];
    this.offset = null;
  }

  /** Looks at both clocks; to be called once a frame while it matters. */
  look() {
    const heard = this.context.getOutputTimestamp?.();
    // Where a browser does not say, or not yet: what is rendered now is heard after the latency.
    const told = heard && heard.contextTime > 0 && heard.performanceTime > 0;
    const latency = this.context.outputLatency || this.context.baseLatency || 0;
    const offset = told
      ? heard.performanceTime / 1000 - heard.contextTime
      : performance.now() / 1000 - (this.context.currentTime - latency);
    this.offsets.push(offset);
    if (this.offsets.length > KEPT) this.offsets.shift();
    this.offset = median(this.offsets);
  }

  /** Forgets what was before: the context stood still, or another device is used. */
  reset() {
    this.offsets = [];
    this.look();
  }

  /** The context time, seconds, that is heard at a time of the page, milliseconds. */
  contextAt(page_ms) {
    if (this.offset === null) this.look();
    return page_ms / 1000 - this.offset;
  }

  /** And the other way round. */
  pageAt(context_s) {
    if (this.offset === null) this.look();
    return (context_s + this.offset) * 1000;
  }
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
