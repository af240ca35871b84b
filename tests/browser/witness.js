// What really is seen and heard, noted beside the player: every frame that a video element draws, which element lies on top, what the
// browser says of its audio clock, and the very samples that come out. Reads nothing that the player thinks.

export class Witness {
  constructor(player) {
    this.player = player;
    this.videos = [...document.querySelectorAll("video")];
    this.frames = [];
    this.screens = [];
    this.clocks = [];
    this.blocks = [];
  }

  async start({ tap = new URL("tap.js", import.meta.url) } = {}) {
    const { context, output } = this.player;
    if (tap) {
      await context.audioWorklet.addModule(tap);
      this.tap = new AudioWorkletNode(context, "tap", { numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      this.tap.port.onmessage = ({ data }) => this.blocks.push(data);
      output.connect(this.tap);
      await new Promise((done) => setTimeout(done, 300)); // the first worklet of a context takes the rendering over, with a gap
      this.tap.port.postMessage("begin");
    }
    this.on = true;
    this.videos.forEach((video, which) => {
      const drawn = (now, frame) => {
        if (!this.on) return;
        this.frames.push([which, frame.expectedDisplayTime, frame.mediaTime]);
        video.requestVideoFrameCallback(drawn);
      };
      video.requestVideoFrameCallback(drawn);
    });
    const tick = (now) => {
      if (!this.on) return;
      const top = this.videos.length - 1;
      this.screens.push([now, Number(getComputedStyle(this.videos[top]).opacity) > 0.5 ? top : 0]);
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      this.clocks.push([performanceTime, contextTime]);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /** Ends, and says everything. The samples come as one run of float32, base64. */
  async stop() {
    this.on = false;
    if (this.tap) {
      this.tap.port.postMessage("end");
      await new Promise((done) => setTimeout(done, 300));
      this.player.output.disconnect(this.tap);
    }
    const first = this.blocks[0]?.frame ?? 0;
    const bytes = new Uint8Array(await new Blob(this.blocks.map(({ samples }) => samples)).arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    const { frames, screens, clocks } = this;
    const gaps = this.blocks.filter(({ frame }, k) => k && frame !== this.blocks[k - 1].frame + this.blocks[k - 1].samples.length).length;
    return { frames, screens, clocks, first, gaps, samples: btoa(text) };
  }
}
