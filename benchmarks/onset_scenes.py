"""Hard synthetic strikes for judging onset detection: drawn here with their own motion laws, not the stage's.

The stage is what demo and training use; a detector judged only there would be judged on one author's idea of a hit. These clips
differ: sticks swung from outside the picture, hands that clap, balls, knives, fingers, two hands in turn, struck things that
shake after; resting, rebounding and ballistic strokes; cameras that shake, pan and jolt at the blow; flicker, grain, low-rate
H.264, long shutters, repeated pictures, passers-by, near misses. The same seed gives the same clip.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import av
import cv2
import numpy as np

KINDS = ("stick", "hammer", "clap", "ball", "chop", "fingers", "two hands", "still")
RATES = (12.5, 15.0, 20.0, 23.976, 25.0, 29.97, 50.0, 59.94)
W, H = 320, 180


@dataclass(frozen=True, eq=False)
class Clip:
    """name; times_s float (n,): when each picture appears; grays uint8 (n, h, w); truth_s: contacts in seconds; kind;
    colours uint8 (n, h, w, 3), larger, where there are any."""

    name: str
    times_s: np.ndarray
    grays: np.ndarray
    truth_s: np.ndarray
    kind: str
    colours: np.ndarray | None = None


def make_clip(
    seed: int, *, seconds: float = 7.0, hard: float = 1.0, kind: str | None = None, rate: float | None = None
) -> Clip:
    """hard: 0 gives a calm studio, 1 the full range of troubles."""
    rng = np.random.default_rng([77, seed])
    kind = kind or KINDS[int(rng.integers(len(KINDS) - 1))]
    rate = rate or RATES[int(rng.integers(len(RATES)))]
    tempo = float(np.exp(rng.uniform(np.log(0.9), np.log(2.4 if rate < 20 else 5.0))))
    truth = _rhythm(rng, tempo, seconds)
    world = _World(rng, kind, truth, hard, seconds)
    shutter = float(rng.uniform(0.15, 0.9))
    count = int(seconds * rate)
    substeps = 5
    frames = np.empty((count, H, W), np.uint8)
    noise = rng.uniform(0, 5) * hard
    flicker = rng.uniform(0, 0.08) * hard * (rng.random() < 0.4)
    for k in range(count):
        t = k / rate
        exposure = [t + shutter / rate * ((s + 0.5) / substeps - 0.5) for s in range(substeps)]
        picture = np.mean([world.draw(e) for e in exposure], axis=0)
        picture = picture * (1 + flicker * np.sin(2 * np.pi * (3.7 * t + 0.3))) + rng.normal(0, 1, (H, W)) * noise
        frames[k] = np.clip(picture, 0, 255)
    times = np.arange(count) / rate
    if hard and rng.random() < 0.15:  # 12 pictures a second in a 24 a second stream, or three in four
        every = int(rng.choice([2, 4]))
        source = np.arange(count)
        source[1::every] = source[0::every][: len(source[1::every])]
        frames = frames[source]
    frames = _through_h264(frames, rate, int(rng.integers(24, 36)) if hard else 18)
    small = np.stack([cv2.resize(f, (176, 100), interpolation=cv2.INTER_AREA) for f in frames])
    return Clip(f"{kind} {rate:g} fps seed {seed}", times, small, truth if kind != "still" else np.zeros(0), kind)


def _rhythm(rng: np.random.Generator, tempo: float, seconds: float) -> np.ndarray:
    t, out = float(rng.uniform(0.2, 0.9)), []
    jitter = float(rng.uniform(0.02, 0.35))
    pause = float(rng.uniform(0, 0.15))
    while t < seconds - 0.15:
        out.append(t)
        t += max(0.13, (1 + jitter * rng.normal()) / tempo) + (rng.uniform(0.5, 1.5) if rng.random() < pause else 0)
    return np.array(out)


class _World:
    """Everything that moves, as a function of time."""

    def __init__(self, rng: np.random.Generator, kind: str, truth: np.ndarray, hard: float, seconds: float) -> None:
        self.kind, self.truth, self.hard, self.seconds = kind, truth, hard, seconds
        self.stroke = str(rng.choice(["ballistic", "rest", "rebound", "sine"] if kind != "ball" else ["ballistic"]))
        self.rest = float(rng.uniform(0.1, 0.45))
        self.strike_s = float(rng.uniform(0.06, 0.16))
        self.reach = float(rng.uniform(0.06, 0.2) if kind == "fingers" else rng.uniform(0.15, 0.6))
        self.heights = rng.uniform(0.6, 1.0, len(truth) + 2)
        self.scale = float(rng.uniform(0.5, 1.2))
        self.place = rng.uniform(0.3, 0.7), rng.uniform(0.5, 0.8)
        self.lean = float(rng.uniform(-0.6, 0.6))
        self.side = 1 if rng.random() < 0.5 else -1
        self.spots = rng.uniform(-0.03, 0.03, (len(truth) + 2, 2)) * (3 if kind in ("chop", "fingers") else 1)
        self.shade = float(rng.uniform(10, 245))
        self.object_shade = float(rng.uniform(30, 220))
        self.reaction = float(rng.uniform(0, 0.02)) if rng.random() < 0.6 else 0.0
        self.back = _texture(rng)
        camera = rng.choice(["locked", "held", "pan", "locked", "held"]) if hard else "locked"
        self.shake = float(rng.uniform(0.5, 4)) * hard if camera == "held" else 0.0
        self.pan = rng.uniform(-12, 12, 2) * hard if camera == "pan" else np.zeros(2)
        self.jolt = float(rng.uniform(0, 2.5)) * hard if rng.random() < 0.3 else 0.0
        self.phases = rng.uniform(0, 2 * np.pi, (6, 2))
        self.speeds = rng.uniform(0.3, 3.5, (6, 2))
        self.passer = rng.uniform(-0.25, 0.25) if hard and rng.random() < 0.35 else None
        self.passer_x = float(rng.uniform(-0.2, 1.2))
        self.sway = float(rng.uniform(0, 0.03)) * hard

    def height(self, t: float, hits: np.ndarray, first: int = 0) -> tuple[float, int]:
        """(height over the struck face 0-1, index of the hit being approached or left)."""
        i = int(np.searchsorted(hits, t, side="right"))
        before = hits[i - 1] if i > 0 else hits[0] - 1.0
        after = hits[i] if i < len(hits) else before + 1.0
        gap, u = after - before, max(0.0, t - before)
        top = self.heights[(first + i) % len(self.heights)]
        if i == len(hits):  # after the last: lift away and stay
            return top * _smooth(u / 0.5), i - 1
        x = u / gap
        if self.stroke == "ballistic":
            return top * min(1.0, gap * 2.5) * 4 * x * (1 - x), i if x > 0.5 else max(0, i - 1)
        if self.stroke == "sine":
            return top * np.sin(np.pi * x), i if x > 0.5 else max(0, i - 1)
        strike = min(self.strike_s, 0.35 * gap)
        if u > gap - strike:
            return top * (1 - ((u - gap + strike) / strike) ** 1.7), i
        rise = gap - strike
        if self.stroke == "rest":
            wait = min(self.rest, 0.5 * rise)
            return top * _smooth((u - wait) / (0.7 * (rise - wait) + 1e-6)), max(0, i - 1)
        bounce = min(0.5, 0.2 + 0.3 * top)
        quick = bounce * (1 - np.exp(-u / 0.05))
        return top * (quick + (1 - bounce) * _smooth(u / (0.8 * rise))), max(0, i - 1)

    def draw(self, t: float) -> np.ndarray:
        shift = self.pan * t + self.shake * np.sin(self.speeds * 2 * np.pi * t + self.phases).mean(axis=0) * 2
        shake = self._ring(t, 23.0) * self.jolt
        matrix = np.float32([[1, 0, -60 + shift[0]], [0, 1, -40 + shift[1] + shake]])
        canvas = cv2.warpAffine(self.back, matrix, (W, H), borderMode=cv2.BORDER_REFLECT)
        ox, oy = shift[0], shift[1] + shake
        px, py = self.place[0] * W + ox, self.place[1] * H + oy
        if self.passer is not None:
            x = (self.passer_x + self.passer * t) % 1.4 - 0.2
            cv2.ellipse(canvas, (round(x * W * 8), round(0.55 * H * 8)), (25 * 8, 60 * 8), 0, 0, 360, 70, -1, cv2.LINE_AA, 3)
        wobble = self._ring(t, 9.0) * self.reaction * H
        if self.kind not in ("clap",):
            _box(
                canvas,
                px - 40 * self.scale,
                py + wobble,
                px + 40 * self.scale,
                py + 30 * self.scale + wobble,
                self.object_shade,
            )
        if self.kind == "still":
            return canvas.astype(np.float32)
        if self.kind == "two hands":
            for part, side in ((self.truth[0::2], -1), (self.truth[1::2], 1)):
                if len(part):
                    h, i = self.height(t, part, side + 1)
                    self._stick(canvas, px + side * 22 * self.scale, py, h, side * 1.0, i)
            return canvas.astype(np.float32)
        h, i = self.height(t, self.truth)
        self._actor(canvas, px, py, h, i)
        return canvas.astype(np.float32)

    def _ring(self, t: float, rate: float) -> float:
        i = int(np.searchsorted(self.truth, t, side="right"))
        if i == 0:
            return 0.0
        u = t - self.truth[i - 1]
        return float(np.exp(-u / 0.12) * np.sin(2 * np.pi * rate * u))

    def _stick(self, canvas: np.ndarray, x: float, y: float, h: float, side: float, i: int) -> None:
        dx, dy = self.spots[i] * (W, H)
        angle = h * self.reach * 1.8
        length = 90 * self.scale
        hand = (x + dx + side * length, y - 4 + dy * 0 - 12 * h)
        tip = (hand[0] - side * length * np.cos(angle), hand[1] - length * np.sin(angle) + 12 * h * (1 - min(1.0, h * 8)))
        _line(canvas, hand, tip, max(2, round(4 * self.scale)), self.shade)
        _disc(canvas, hand, 9 * self.scale, self.shade * 0.6 + 60)

    def _actor(self, canvas: np.ndarray, x: float, y: float, h: float, i: int) -> None:
        rise = h * self.reach * H
        dx, dy = self.spots[i] * (W, H)
        if self.kind == "stick":
            self._stick(canvas, x, y, h, self.side, i)
        elif self.kind == "hammer":
            head = (x + dx + self.lean * rise, y - 8 * self.scale - rise)
            _line(canvas, (head[0] + self.side * 110, head[1] + 15 - 0.2 * rise), head, 6, self.shade)
            _box(canvas, head[0] - 9, head[1] - 10 * self.scale, head[0] + 9, head[1] + 8 * self.scale, self.shade * 0.7)
        elif self.kind == "clap":
            for side in (-1, 1):
                cx = x + side * (7 * self.scale + rise)
                cv2.ellipse(
                    canvas, (round(cx * 8), round((y - 20 + dy) * 8)), (round(7 * 8 * self.scale), round(26 * 8 * self.scale)),
                    side * 8, 0, 360, self.shade, -1, cv2.LINE_AA, 3,
                )  # fmt: skip
                _line(canvas, (x + side * 90 + side * rise * 0.3, H + 10), (cx, y), 10, self.shade * 0.8)
        elif self.kind == "ball":
            radius = 10 * self.scale
            _disc(canvas, (x + dx, y - radius - rise), radius, self.shade)
        elif self.kind == "chop":
            top = y - rise
            _box(canvas, x + dx - 50 * self.scale, top - 22 * self.scale, x + dx + 15 * self.scale, top, self.shade)
            _disc(canvas, (x + dx + self.side * 40, top - 20), 16 * self.scale, self.shade * 0.5 + 70)
        else:  # fingers
            for f in range(4):
                up = rise if f == i % 4 else 0.02 * H
                fx = x + (f - 1.5) * 14 * self.scale
                _line(
                    canvas,
                    (fx + self.side * 14, y - 40 * self.scale - 0.3 * up),
                    (fx, y - 3 - up),
                    max(3, round(7 * self.scale)),
                    self.shade,
                )
            _disc(canvas, (x + self.side * 16, y - 52 * self.scale - 0.2 * rise), 26 * self.scale, self.shade)


def _smooth(x: float) -> float:
    x = min(1.0, max(0.0, x))
    return x * x * (3 - 2 * x)


def _line(canvas: np.ndarray, a: tuple[float, float], b: tuple[float, float], width: int, shade: float) -> None:
    cv2.line(canvas, (round(a[0] * 8), round(a[1] * 8)), (round(b[0] * 8), round(b[1] * 8)), shade, width, cv2.LINE_AA, 3)


def _disc(canvas: np.ndarray, at: tuple[float, float], radius: float, shade: float) -> None:
    cv2.circle(canvas, (round(at[0] * 8), round(at[1] * 8)), round(radius * 8), shade, -1, cv2.LINE_AA, 3)


def _box(canvas: np.ndarray, x0: float, y0: float, x1: float, y1: float, shade: float) -> None:
    points = np.round(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) * 8).astype(np.int32)
    cv2.fillPoly(canvas, [points], shade, cv2.LINE_AA, 3)


def _texture(rng: np.random.Generator) -> np.ndarray:
    size = (H + 80, W + 120)
    picture = np.full(size, rng.uniform(60, 180), np.float32)
    for cells in (3, 8, 24, 70):
        rough = rng.normal(0, 1, (cells, round(cells * 1.7))).astype(np.float32)
        picture += cv2.resize(rough, (size[1], size[0]), interpolation=cv2.INTER_CUBIC) * rng.uniform(0, 22)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _through_h264(frames: np.ndarray, rate: float, crf: int) -> np.ndarray:
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as out:
        stream = out.add_stream(
            "libx264", rate=round(rate * 1000) // 1000 or 1, options={"crf": str(crf), "preset": "veryfast", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for gray in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(gray, format="gray").reformat(format="yuv420p")))
        out.mux(stream.encode(None))
    memory.seek(0)
    with av.open(memory) as back:
        return np.stack([f.to_ndarray(format="gray") for f in back.decode(video=0)])
