"""A pack at work, for ``analogy.py``: its stages one by one, and whole takes as the engine makes them, from a movie to samples.

The movie is small (160x120, noise, a hit every 0.8 s): decoding it is next to nothing. A region is asked for that one clip of
the networks covers, because that is what the published way makes: 1.84 s, 10 columns of codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import opentimelineio as otio

from foley_bridge.conform import cut_for
from foley_bridge.engines import transfer
from foley_bridge.engines.analogy.propose import Example, propose
from foley_bridge.engines.candidate import Curve, Detection
from foley_bridge.inference import clips, decode
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.decode import Cache, Codes, Floats, Prefix
from foley_bridge.inference.pack import Pack
from foley_bridge.jobs.request import DEFAULTS
from foley_bridge.timeline.options import Options
from foley_bridge.timeline.picture import picture_under
from foley_bridge.timeline.regions import parse_region

RATE, SIZE, SAMPLE_RATE = 25, (160, 120), 48000
CLIP_S, REGION_S = Fraction(2), Fraction(46, 25)
UNSEEN = Detection((), False, "nobody looked", Curve(np.zeros(0), np.zeros(0)))
"""The published way looks for no onsets."""


def draw(path: Path, seconds: int) -> Path:
    """A movie in which no second is like another."""
    random = np.random.default_rng(1)
    n = np.arange(seconds * SAMPLE_RATE)
    sound = 0.5 * np.exp(-(n % 38400) / 4000) * np.cos(n / 9) + 0.02 * random.normal(size=len(n))
    with av.open(str(path), "w") as container:
        seen = container.add_stream("libx264", rate=RATE, options={"crf": "30", "preset": "veryfast"})
        seen.width, seen.height, seen.pix_fmt = *SIZE, "yuv420p"
        heard = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
        for _ in range(seconds * RATE):
            image = random.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
            container.mux(seen.encode(av.VideoFrame.from_ndarray(image)))
        frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        container.mux(heard.encode(frame))
        for stream in (seen, heard):
            container.mux(stream.encode(None))
    return path


def analogy_of(folder: Path, precision: str, threads: int) -> Analogy:
    """A pack's graphs, of a precision as far as it has them so."""
    return Analogy(Pack.open(folder), threads=threads, precision=precision)


def name_of(pack: Analogy, precision: str) -> str:
    """The precision, and what is done in it where that is not everything: sound itself is never of mels in smaller numbers."""
    smaller = [role for role in ("decoder", "picture") if pack.graph(role).precision != "fp32"]
    smaller += ["judged mel"] if pack.judging != "mel" else []
    return f"{precision}: {', '.join(smaller)}" if smaller else precision


class Engine:
    """A pack, and the movie that it makes sound for.

    Args:
        pack: as ``analogy_of`` opens it.
        precision: that it was opened with.
        movie: as ``draw`` makes it.
        stretches: seconds of it at which nobody has looked yet; shared by all, for what was looked at once is remembered.
    """

    def __init__(self, pack: Analogy, precision: str, movie: Path, stretches: Iterator[Fraction]) -> None:
        self.pack, self.precision, self.task = pack, precision, pack.task
        self._movie, self._stretches = movie, stretches
        self._example = self._listen()
        for role in (*self.task.roles, self.pack.judging):
            self.pack.session(role)
        self.take(cold=False, candidates=1)  # the example is known from here on

    # --- stages ---

    def codes(self, samples: Floats) -> Codes:
        """Of the example's sound: (44100,) to (1, columns, rows)."""
        sound = self.task.sound
        return self.pack.codes(clips.mel(clips.levelled(samples[None], sound), sound))

    def prefix(self, known: Prefix) -> Cache:
        """Everything before the first code."""
        return decode.Pinned(self.pack.session("decoder"), self.task, known).before(known.features)[0]

    def token(self, known: Prefix, rows: int) -> Callable[[], object]:
        """One code of as many rows, half way through a clip."""
        clip = self.task.rows * self.task.columns
        cache = self.prefix(known).rows_after(rows, clip)
        nothing, code = np.zeros((rows, 0, self.task.features), np.float32), np.zeros((rows, 1), np.int64)

        def run() -> None:
            cache.tokens = clip // 2
            cache.run(nothing, code)

        run()
        return run

    # --- takes ---

    def take(self, *, cold: bool, candidates: int, length_s: Fraction = REGION_S) -> None:
        """A take of a stretch that was not seen before, to its last sample.

        Args:
            cold: the example was never heard before, too.
        """
        example = self._listen() if cold else self._example
        start, rate = next(self._stretches), Fraction(RATE)
        end = start + length_s
        span = otio.opentime.TimeRange(otio.opentime.RationalTime(0, RATE), otio.opentime.RationalTime(10**6, RATE))
        clip = otio.schema.Clip("c", otio.schema.ExternalReference(str(self._movie), span), span)
        timeline = otio.schema.Timeline("t", [otio.schema.Track("V1", [clip], kind="Video")])
        region = parse_region(f"{float(start)}-{float(end)} thing", rate, end)
        options = Options(takes=1, seed=1, candidates=candidates, choose="sync").over(DEFAULTS)
        picture = picture_under(timeline, start, end, lambda path: Fraction(0), base=Path())
        cut = cut_for(start, end, rate)
        made = propose(region, options, UNSEEN, picture, example, cut=cut, analogy=self.pack)
        for _ in made.candidates[0].sound.blocks():
            pass

    def _listen(self) -> Example:
        start = next(self._stretches)
        exemplar = transfer.listen(self._movie, sample_rate=SAMPLE_RATE, start=start, duration=CLIP_S)
        return Example(exemplar, self._movie, start)
