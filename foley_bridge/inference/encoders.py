"""Pictures and sounds become points in one space, by the two encoders of a pack (task ``recommendation``).

Embeddings can be compared when they come from one space. The same pictures and sounds give the same bytes each time, on a CPU
also whether alone or among others (on a GPU they may differ by rounding).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import MediaError, PackError
from foley_bridge.inference import features
from foley_bridge.inference.golden import WITHIN, read_golden
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import RECOMMENDATION
from foley_bridge.inference.recommendation_task import EMBEDDING
from foley_bridge.inference.session import Session

TASK = RECOMMENDATION
_LOUDEST = 1e6  # full scale is 1
_UNIT_WITHIN = 1e-2
_SHOWN = 16  # pictures, or segments, that are made ready together
Floats = NDArray[np.float32]


class Encoders:
    """The two encoders of a pack, loaded and proven on the pack's own golden inputs. May be used by several threads.

    Args:
        pack: with task ``recommendation``.
        threads, providers: as for ``Session``.

    Raises:
        PackError: the pack has no such task, its graphs run nowhere, or compute something else than they should.
    """

    def __init__(self, pack: Pack, *, threads: int | None = None, providers: str | None = None) -> None:
        self.pack = pack
        self._task = pack.recommendation
        self.space = pack.space
        self.dimension = self._task.dimension
        self.picture = Session(pack.graph(self._task.picture_graph), threads=threads, providers=providers)
        self.sound = Session(pack.graph(self._task.sound_graph), threads=threads, providers=providers)
        self._prove()

    def embed_pictures(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        """One point for each picture.

        Args:
            images: uint8 (height, width, 3), RGB, upright; of any sizes.

        Returns:
            float32 (n, dimension), each of length 1.
        """
        made = []
        for first in range(0, len(images), _SHOWN):
            shown = [features.picture(image, self._task.picture) for image in images[first : first + _SHOWN]]
            made += self._run(self.picture, "picture", np.stack(shown))
        return self._joined(made)

    def embed_sounds(self, samples: Floats, sample_rate: int) -> tuple[Floats, Floats]:
        """One point for each segment of a recording that is not silent.

        Args:
            samples: float32 (n,) or (n, channels), full scale 1.
            sample_rate: Hz.

        Returns:
            starts of the segments, seconds, float32 (k,), and float32 (k, dimension).

        Raises:
            MediaError: it has samples that are no numbers, or far too large to be sound.
        """
        if not (np.abs(samples) < _LOUDEST).all():
            raise MediaError(
                "the sound has samples that are no numbers, or far too large", "write the file again, or take another"
            )
        starts, heard = self.heard(samples, sample_rate)
        return starts, self.embed_heard(heard)

    def heard(self, samples: Floats, sample_rate: int) -> tuple[Floats, Floats]:
        """The first half of ``embed_sounds``: the starts, and what ``embed_heard`` makes points of."""
        wanted = self.sample_rate
        if sample_rate != wanted and len(samples):
            import soxr

            mono = samples.mean(axis=1, dtype=np.float32) if samples.ndim == 2 else samples
            samples = soxr.resample(mono, sample_rate, wanted)
        starts, cut = features.segments(samples, self._task.sound)
        return starts, self._log_mel(cut)

    def embed_heard(self, heard: Floats) -> Floats:
        """The second half: a point for each segment, of one recording or of several one after another."""
        return self._joined(self._run(self.sound, "sound", heard))

    def embed_segments(self, cut: Floats) -> Floats:
        """One point for each segment.

        Args:
            cut: float32 (k, samples of a segment), at the pack's rate.

        Returns:
            float32 (k, dimension), each of length 1.
        """
        pieces = (cut[first : first + _SHOWN] for first in range(0, len(cut), _SHOWN))
        return self._joined([made for piece in pieces for made in self._run(self.sound, "sound", self._log_mel(piece))])

    @property
    def sample_rate(self) -> int:
        """Hz, of what ``embed_segments`` is given."""
        return self._task.sound.sample_rate

    @property
    def segment(self) -> int:
        """Samples of a segment."""
        return self._task.sound.samples

    def score(self, distance: float) -> float:
        """What a Euclidean distance between two embeddings means: 0-1."""
        return self._task.calibration.score(distance)

    def _log_mel(self, cut: Floats) -> Floats:
        try:
            return features.log_mel(cut, self._task.sound)
        except UserWarning as warning:  # of librosa: a band without a bin
            raise PackError(f"{self.pack.folder}: its settings of sound cannot be: {warning}") from None

    def _joined(self, made: list[Floats]) -> Floats:
        return np.concatenate(made) if made else np.empty((0, self.dimension), np.float32)

    def _run(self, session: Session, name: str, shown: Floats) -> list[Floats]:
        batches = (shown[first : first + session.at_once] for first in range(0, len(shown), session.at_once))
        return [self._checked(session.run({name: batch})[EMBEDDING], len(batch), session, name) for batch in batches]

    def _checked(self, made: Floats, count: int, session: Session, name: str) -> Floats:
        lengths = np.linalg.norm(made, axis=1) if made.shape == (count, self.dimension) else np.array([np.nan])
        if not (np.abs(lengths - 1) < _UNIT_WITHIN).all():
            raise PackError(f"{session.graph.path}: what it gives for a {name} is no embedding", "use another pack")
        return made

    def _prove(self) -> None:
        out = (self.dimension,)
        shapes = {
            "picture_in": self._task.picture_shape,
            "picture_out": out,
            "sound_in": self._task.sound_shape,
            "sound_out": out,
        }
        try:
            golden = read_golden(self.pack.read(self._task.golden), shapes)
        except ValueError as error:
            raise PackError(f"{self.pack.folder}: {self._task.golden}: {error}", "get the pack again") from None
        for name, session in (("picture", self.picture), ("sound", self.sound)):
            session.prove({name: golden[f"{name}_in"]}, {EMBEDDING: golden[f"{name}_out"]}, WITHIN)
