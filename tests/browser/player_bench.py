"""A bench for the player: a page with nothing but it, windows whose frames and samples can be told, and what a witness saw.

The picture's frames carry their numbers (``media_movies``), the takes are noise that is nowhere like itself, so that a piece of
what came out says from where in the file it is.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from media_movies import make_movie
from playwright.sync_api import Page

PATIENCE_S = 30
PIECE = 1024
STATIC = Path(__file__).resolve().parents[2] / "foley_bridge" / "panel" / "static"
HERE = Path(__file__).resolve().parent
POLICY = "default-src 'self'; media-src 'self' blob:; img-src 'self' blob:; object-src 'none'"
PAGE = """<!doctype html><meta charset="utf-8"><title>player</title>
<div><video id="picture" width="320" height="180"></video></div>
<button>play</button><script type="module" src="/bench.js"></script>"""
SCRIPT = """import { Player } from "/static/player.js";
import { Witness } from "/witness.js";
import * as edits from "/static/edits.js";
const player = new Player(document.querySelector("video"));
const told = [];
for (const name of ["state", "heard", "error"]) player.addEventListener(name, ({ detail }) => {
  told.push([name, detail]);
  console.log(`${name} ${JSON.stringify(detail)}`);
});
document.querySelector("button").addEventListener("click", () => player.play());
Object.assign(globalThis, { player, Witness, edits, told });
"""


@dataclass(frozen=True)
class Window:
    """What ``Player.load`` takes, and the samples of its takes as they lie in the files, float32 (n, channels)."""

    told: dict[str, Any]
    rate: Fraction
    sample_rate: int
    takes: tuple[np.ndarray, ...]

    def sample(self, time_s: float) -> int:
        """Of the window, at a timeline time on a whole frame."""
        frame, first = (Fraction(round(s * self.rate)) for s in (time_s, self.told["window"]["start_s"]))
        return round(frame / self.rate * self.sample_rate) - round(first / self.rate * self.sample_rate)

    @property
    def loop(self) -> tuple[int, int]:
        """The first sample of what is looped, and the one after its last."""
        return self.sample(self.told["window"]["loop_start_s"]), self.sample(self.told["window"]["loop_end_s"])

    def looped(self, take: int, place: int, count: int) -> np.ndarray:
        """What is heard from a place on: the take, looped."""
        first, end = self.loop
        sound = self.takes[take][:, 0]
        return np.resize(np.roll(sound[first:end], first - place), count)


@dataclass(frozen=True)
class Bench:
    url: str
    folder: Path

    def open(self, page: Page) -> None:
        """Open the page."""
        (self.folder / "at once.js").unlink(missing_ok=True)
        page.goto(f"{self.url}/")
        until(page, "globalThis.player !== undefined")

    def open_untouched(self, page: Page, window: Window, said: str) -> None:
        """Open the page, which loads and plays a window by itself, and wait until it said something on its console: whatever a
        test evaluates in a page counts as touching it."""
        (self.folder / "at once.js").write_text(f"player.load({json.dumps(window.told)}).then(() => player.play())")
        with page.expect_console_message(lambda message: message.text == said, timeout=PATIENCE_S * 1000):
            page.goto(f"{self.url}/")

    def window(
        self,
        name: str,
        *,
        rate: Fraction = Fraction(25),
        sample_rate: int = 48000,
        seconds: float = 4.0,
        around: float = 1.0,
        start: float = 10.0,
        takes: int = 2,
        channels: int = 1,
        lufs: tuple[float, ...] = (),
    ) -> Window:
        """A window that loops ``seconds``, with ``around`` more at both ends."""
        around_frames, loop_frames = round(around * rate), max(1, round(seconds * rate))
        frames, first = loop_frames + 2 * around_frames, round(start * rate)
        make_movie(self.folder / f"{name}.mp4", rate=rate, count=frames, size=(320, 180), b_frames=0)
        length = round(Fraction(first + frames) / rate * sample_rate) - round(Fraction(first) / rate * sample_rate)
        sounds, said = [], []
        for number in range(takes):
            noise = np.random.default_rng(number).uniform(-0.25, 0.25, (length, channels))
            path = self.folder / f"{name}-{number}.wav"
            soundfile.write(path, noise, sample_rate, subtype="PCM_24")
            sounds.append(soundfile.read(path, dtype="float32", always_2d=True)[0])
            clip = {"clip_start_s": float(first / rate), "clip_end_s": float((first + frames) / rate)}
            loudness = {"lufs": lufs[number] if lufs else -20.0, "peak_dbfs": -12.0}
            said.append({"id": f"take {number}", "url": f"/media/{path.name}", "edit": {}, **loudness, **clip})
        window = {
            "number": 1,
            "start_s": float(first / rate),
            "end_s": float((first + frames) / rate),
            "loop_start_s": float((first + around_frames) / rate),
            "loop_end_s": float((first + around_frames + loop_frames) / rate),
            "frames": frames,
        }
        exact = f"{rate.numerator}/{rate.denominator}"
        told = {"window": window, "picture": f"/media/{name}.mp4", "takes": said, "rate": exact, "sampleRate": sample_rate}
        return Window(told, rate, sample_rate, tuple(sounds))


@contextlib.contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """The page and the media of ``folder`` on a port of their own."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            begin = folder / "at once.js"
            script = SCRIPT + begin.read_text() if begin.exists() else SCRIPT
            texts = {"/": ("text/html", PAGE), "/bench.js": ("text/javascript", script)}
            kind, body = (texts[path][0], texts[path][1].encode()) if path in texts else self.file(path)
            self.send_response(200 if body is not None else 404)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", len(body or b"")),
                ("Content-Security-Policy", POLICY),
            ):
                self.send_header(name, str(value))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body or b"")

        def file(self, path: str) -> tuple[str, bytes | None]:
            top, _, name = path[1:].partition("/")
            place = {"static": STATIC / name, "media": folder / name}.get(top, HERE / top)
            return self.guess_type(str(place)), place.read_bytes() if place.is_file() else None

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Bench(f"http://127.0.0.1:{server.server_port}", folder)
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Seen:
    """What a witness saw.

    Attributes:
        samples: float32, what came out, mono.
        first: the context's frame of its first sample.
        screens: (time ms, time of the picture seen then s), one for each frame of the page.
        clocks: (time ms, context time that is heard then s).
    """

    samples: np.ndarray
    first: int
    gaps: int
    screens: np.ndarray
    clocks: np.ndarray

    def heard_frame(self, sample_rate: int, at_ms: np.ndarray) -> np.ndarray:
        """The context's frame that is heard at times of the page, by what the browser said of its clock around them."""
        offsets = self.clocks[:, 0] / 1000 - self.clocks[:, 1]
        near = [np.median(offsets[np.abs(self.clocks[:, 0] - at) < 500]) for at in at_ms]
        return (at_ms / 1000 - np.array(near)) * sample_rate


def seen_by(said: dict[str, Any]) -> Seen:
    frames, screens = np.array(said["frames"]), np.array(said["screens"])
    shown = []
    for (_, which), (at, _) in itertools.pairwise(screens):  # what a frame of the page is made of is seen with the next one
        drawn = frames[(frames[:, 0] == which) & (frames[:, 1] <= at + 0.5)]
        if len(drawn):
            shown.append((at, drawn[-1, 2]))
    samples = np.frombuffer(base64.b64decode(said["samples"]), np.float32)
    return Seen(samples, said["first"], said["gaps"], np.array(shown), np.array(said["clocks"]))


def until(page: Page, told: str) -> None:
    """Waits until an expression is true. (The browser's own way evaluates text, which the page's policy forbids.)"""
    ends = time.monotonic() + PATIENCE_S
    while not page.evaluate(told):
        assert time.monotonic() < ends, told
        page.wait_for_timeout(20)


def witness(page: Page, seconds: float) -> Seen:
    """What is seen and heard for some seconds."""
    page.evaluate("() => { globalThis.witness = new Witness(player); return witness.start(); }")
    page.wait_for_timeout(seconds * 1000)
    return seen_by(page.evaluate("witness.stop()"))


def place_of(piece: np.ndarray, sound: np.ndarray) -> int | None:
    """Where in ``sound`` a piece lies, however loud it is; None where it does not. Both mono."""
    size = 1 << (len(sound) + len(piece)).bit_length()
    match = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(piece, size)), size)[: len(sound) - len(piece) + 1]
    at = int(match.argmax())
    return at if lies_at(piece, sound, at) else None


def lies_at(piece: np.ndarray, sound: np.ndarray, at: int) -> bool:
    """Whether a piece is what ``sound`` holds from there on, however loud it is."""
    there = sound[at : at + len(piece)]
    gain = float(there @ piece) / (float(there @ there) or 1.0)
    return gain > 1e-3 and bool(np.abs(there * gain - piece).max() < 1e-4)


def offsets_ms(seen: Seen, window: Window, *, take: int) -> tuple[np.ndarray, np.ndarray]:
    """How far what was seen was from what was heard, for each frame of the page: the middle of the frame on the display against
    the place that was heard then, by the samples that came out. Later pictures are negative. (A frame stands for a while, so
    single offsets lie up to half a frame, and what the display rounds, to both sides.)

    Returns:
        times of the page and offsets, both ms.
    """
    first, end = window.loop
    sound, rate = np.tile(window.takes[take].mean(axis=1)[first:end], 2), window.sample_rate
    size = min(end - first, 2 * rate)  # a take that has the same sound at two hits is like itself for less
    found: set[int] = set()
    for at in range(0, len(seen.samples) - size, rate // 2):
        piece = seen.samples[at : at + size]
        if any(lies_at(piece, sound, (seen.first + at + shift) % (end - first)) for shift in found):
            continue  # as it should go on: looking for it everywhere takes long
        if (place := place_of(piece, sound)) is not None:
            found.add((place - seen.first - at) % (end - first))
    assert len(found) == 1, f"the sound did not go on evenly: {found}"
    at_ms, shown_s = seen.screens.T
    heard_s = (seen.heard_frame(rate, at_ms) + found.pop()) % (end - first) / rate
    offset_s = shown_s + 0.5 / float(window.rate) - first / rate - heard_s
    loop_s = (end - first) / rate
    return at_ms, ((offset_s + loop_s / 2) % loop_s - loop_s / 2) * 1000
