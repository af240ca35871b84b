// Hands on what comes in between "begin" and "end", a quarter of a second at a time, with the number of its first frame.
registerProcessor(
  "tap",
  class extends AudioWorkletProcessor {
    constructor() {
      super();
      this.kept = [];
      this.port.onmessage = ({ data }) => {
        this.on = data === "begin";
        this.over = !this.on;
        if (this.over) this.send();
      };
    }

    process([[samples]]) {
      if (!this.on) return !this.over;
      if (!this.kept.length) this.frame = currentFrame;
      this.kept.push(samples ? samples.slice() : new Float32Array(128));
      if (this.kept.length === 96) this.send();
      return true;
    }

    send() {
      if (!this.kept.length) return;
      const samples = new Float32Array(this.kept.length * 128);
      this.kept.forEach((block, k) => samples.set(block, k * 128));
      this.port.postMessage({ frame: this.frame, samples }, [samples.buffer]);
      this.kept = [];
    }
  },
);
