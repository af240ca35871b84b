"""What a manifest says of the task ``recommendation``: two encoders, what they are shown, what their distances mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from foley_bridge.inference.features import PictureFeatures, SoundFeatures, settings_from_json, settings_to_json
from foley_bridge.inference.saying import Saying, mapping, within

if TYPE_CHECKING:
    from foley_bridge.inference.manifest import File, GraphEntry

DIMENSION = 128
EMBEDDING = "embedding"
_SIZE, _FPS = (16, 1024), (1, 60)
_RATE, _SEGMENT_S, _FFT, _MELS = (8000, 192_000), (1, 10), (64, 1 << 14), (8, 512)
_Settings = TypeVar("_Settings", PictureFeatures, SoundFeatures)


@dataclass(frozen=True)
class Calibration:
    """Euclidean distances, of held-out data, between what belongs together (median), and what does not."""

    near: float
    far: float

    def score(self, distance: float) -> float:
        """1 at ``near`` and under it, 0 at ``far`` and over it, linear between."""
        return min(1.0, max(0.0, (self.far - distance) / (self.far - self.near)))

    @classmethod
    def from_json(cls, said: Any, place: str) -> Calibration:
        given = Saying(said, place, ("near", "far"))
        calibration = cls(given.number("near", 0.0, 2.0), given.number("far", 0.0, 2.0))
        if not calibration.near < calibration.far:
            raise ValueError(f"{place}: near is not under far")
        return calibration

    def to_json(self) -> dict[str, float]:
        return {"near": self.near, "far": self.far}


@dataclass(frozen=True)
class RecommendationTask:
    """The task's part of a manifest.

    Attributes:
        picture_graph, sound_graph: names of graphs.
        picture, sound: how what they are shown is made.
        calibration: what distances mean.
        golden: file of inputs and what must come out for them.
        dimension: of an embedding.
    """

    picture_graph: str
    sound_graph: str
    picture: PictureFeatures
    sound: SoundFeatures
    calibration: Calibration
    golden: str
    dimension: int = DIMENSION

    @classmethod
    def from_json(cls, said: Any, place: str) -> RecommendationTask:
        given = Saying(said, place, ("graphs", "picture", "sound", "dimension", "calibration", "golden"))
        graphs = given.made("graphs", lambda value, where: Saying(value, where, ("picture", "sound")))
        return cls(
            graphs.text("picture"),
            graphs.text("sound"),
            given.made("picture", _picture),
            given.made("sound", _sound),
            given.made("calibration", Calibration.from_json),
            given.file("golden"),
            given.whole("dimension", DIMENSION, DIMENSION),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "graphs": {"picture": self.picture_graph, "sound": self.sound_graph},
            "picture": settings_to_json(self.picture),
            "sound": settings_to_json(self.sound),
            "dimension": self.dimension,
            "calibration": self.calibration.to_json(),
            "golden": self.golden,
        }

    def fit(self, place: str, graphs: Mapping[str, GraphEntry], files: Mapping[str, File]) -> None:
        """See that graphs and features belong together; raises ValueError."""
        if self.golden not in files:
            raise ValueError(f"{place}.golden: {self.golden} is not among the files")
        for role, name, given in (
            ("picture", self.picture_graph, self.picture_shape),
            ("sound", self.sound_graph, self.sound_shape),
        ):
            if name not in graphs:
                raise ValueError(f"{place}.graphs.{role}: there is no graph {name[:60]!a}")
            ends = [(role, given, graphs[name].inputs), (EMBEDDING, (self.dimension,), graphs[name].outputs)]
            for wanted, shape, tensors in ends:
                only = tensors[0] if len(tensors) == 1 else None
                if only is None or (only.name, only.dtype, only.shape[1:]) != (wanted, "float32", shape):
                    said = ", ".join(map(str, tensors)) or "nothing"
                    sizes = ", ".join(map(str, shape))
                    raise ValueError(f"graphs.{name}: {said}, where {place} wants {wanted} float32 (batch, {sizes})")
                if not isinstance(only.shape[0], str):
                    raise ValueError(f"graphs.{name}: {only}: its first axis has no name, so it takes no batches")

    @property
    def picture_shape(self) -> tuple[int, ...]:
        """Of one input."""
        return (3, self.picture.size, self.picture.size)

    @property
    def sound_shape(self) -> tuple[int, ...]:
        """Of one input."""
        return (1, self.sound.mels, self.sound.frames)

    def space(self, picture: str, sound: str) -> str:
        """Names what can be compared with each other.

        Args:
            picture, sound: SHA-256 of the graphs, their weights included.
        """
        said = {
            "graphs": [picture, sound],
            "picture": settings_to_json(self.picture),
            "sound": settings_to_json(self.sound),
        }
        return sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def _picture(said: Any, place: str) -> PictureFeatures:
    settings = _settings(PictureFeatures, said, place)
    within(place, settings, size=_SIZE, fps=_FPS)
    return settings


def _sound(said: Any, place: str) -> SoundFeatures:
    settings = _settings(SoundFeatures, said, place)
    within(place, settings, sample_rate=_RATE, segment_s=_SEGMENT_S, n_fft=_FFT, hop=(1, settings.n_fft), mels=_MELS)
    if not 0 <= settings.low_hz < settings.high_hz <= settings.sample_rate / 2:
        raise ValueError(f"{place}: low_hz and high_hz are no range of frequencies at {settings.sample_rate} Hz")
    return settings


def _settings(kind: type[_Settings], said: Any, place: str) -> _Settings:
    try:
        return settings_from_json(kind, mapping(said, place))
    except ValueError as error:
        raise ValueError(f"{place}.{error}") from None
