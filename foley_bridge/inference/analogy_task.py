"""What a manifest says of the task ``analogy``: the graphs that make sound by example, and how they are to be used.

The names of the graphs' inputs and outputs are fixed here, for who writes packs and who runs them. ``rows`` and ``columns`` are
those of the grid of codes of one clip; codes go column by column, in each from the lowest bands up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from foley_bridge.inference.clips import ClipPicture, ClipSound, settings_from_json, settings_to_json
from foley_bridge.inference.saying import Saying, mapping, within

if TYPE_CHECKING:
    from foley_bridge.inference.manifest import File, GraphEntry, Tensor

PICTURES, FEATURES = "pictures", "features"
MEL, CODES = "mel", "codes"
BEFORE, LOGITS = "before", "logits"
MAGNITUDES, WAVE = "magnitudes", "wave"
OFFSETS, ONSETS = "offsets", "onsets"
NEEDED, OPTIONAL = ("picture", "codes", "decoder", "mel"), ("vocoder", "sync", "onset")
ROLES = NEEDED + OPTIONAL
SMALLER = {"decoder": ("int8", "int4", "fp16"), "picture": ("int8",), "mel": ("int8",)}
"""Roles of which a pack may have the graph in smaller numbers, too: as ``decoder_int8`` and so on; the mel's, to judge by."""
SMALLER_ROLES = tuple(f"{role}_{precision}" for role, precisions in SMALLER.items() for precision in precisions)
CONDITIONS = ("all", "sound", "none")
_COUNT = (1, 4096)
_Settings = TypeVar("_Settings", ClipPicture, ClipSound)
Wanted = tuple[str, str, tuple[int | str, ...]]
"""An input or output of a graph: name, dtype, shape, in which a name stands for any number."""


class Named(NamedTuple):
    """Keys or values of one layer: those that all rows share, and each row's own, as they go in and as they come out."""

    shared: str
    past: str
    present: str


@dataclass(frozen=True)
class Cached:
    """The decoder, and the memory that its graph works in.

    Attributes:
        layers, heads, head_size: of its attention; for each layer there are keys and values.
        positions: the longest sequence.
        condition: what stands before the codes of the sound to be: ``all`` (the example's pictures, the own pictures, the
            example's codes), ``sound`` (without the example's pictures), ``none`` (the own pictures alone).
        dtype: of the buffers; float16 where the decoder's graph of that size is the one that runs. No part of a manifest.
    """

    layers: int
    heads: int
    head_size: int
    positions: int
    condition: str
    dtype: str = "float32"

    @classmethod
    def from_json(cls, said: Any, place: str) -> Cached:
        given = Saying(said, place, ("layers", "heads", "head_size", "positions", "condition"))
        return cls(
            given.whole("layers", 1, 256),
            given.whole("heads", 1, 256),
            given.whole("head_size", 1, 1024),
            given.whole("positions", 1, 1 << 16),
            given.text("condition", "|".join(CONDITIONS)),
        )

    def to_json(self) -> dict[str, Any]:
        return {name: each for name, each in vars(self).items() if name != "dtype"}

    def shape(self, rows: int, room: int) -> tuple[int, int, int, int]:
        """Of a buffer of keys or values of one layer, of some rows with room for so many tokens each."""
        return (self.heads, rows, room, self.head_size)

    @property
    def buffers(self) -> tuple[Named, ...]:
        """Names of all keys and values, in the graph's order."""
        names = [f"{what}_{layer}" for layer in range(self.layers) for what in ("key", "value")]
        return tuple(Named(f"shared_{name}", f"past_{name}", f"present_{name}") for name in names)


@dataclass(frozen=True)
class AnalogyTask:
    """The task's part of a manifest.

    Attributes:
        graphs: names of graphs by role, of ``ROLES`` and ``SMALLER_ROLES``; a role that there is no graph for is not in it.
        picture, sound: what a clip is.
        entries, rows, columns: how many codes there are, and how many of them a clip has.
        features: numbers of each picture.
        decoder: the decoder's cache.
        top_k, temperature: how codes are drawn.
        statistics: of the picture network's normalisations: ``frozen``, or of each ``call`` its own, which then takes one clip.
        fill: what a mel shorter than a clip's is filled up with, in the mel's own numbers (-1 is silence).
        slide: where the window over a longer sound lies when a column is drawn: the column in its middle (``half``), or the
            ``last`` of it.
        pictures_per_column: by how many pictures that window moves with each column.
        sound_as: how codes enter the decoder: ``indices`` of vectors that it learned, or the codebook's own ``vectors``.
        offsets_s: what the classes of graph ``sync`` mean; empty without it.
        origin: ``runs`` of ours, or what was ``published``.
        golden: file of inputs and what must come out for them.
    """

    graphs: Mapping[str, str]
    picture: ClipPicture
    sound: ClipSound
    entries: int
    rows: int
    columns: int
    features: int
    decoder: Cached
    top_k: int
    temperature: float
    statistics: str
    fill: float
    slide: str
    pictures_per_column: float
    sound_as: str
    offsets_s: tuple[float, ...]
    origin: str
    golden: str

    @classmethod
    def from_json(cls, said: Any, place: str) -> AnalogyTask:
        names = ("graphs", "picture", "sound", "codes", "features", "decoder", "sampling", "statistics", "window", "sound_as")
        given = Saying(said, place, (*names, "wave", "offsets_s", "origin", "golden"))
        codes = given.made("codes", lambda value, where: Saying(value, where, ("entries", "rows", "columns", "order")))
        codes.text("order", "columns")
        sampling = given.made("sampling", lambda value, where: Saying(value, where, ("top_k", "temperature")))
        window = given.made(
            "window", lambda value, where: Saying(value, where, ("keeps", "fill", "slide", "pictures_per_column"))
        )
        window.text("keeps", "first")
        task = cls(
            graphs=given.made("graphs", _graphs),
            picture=given.made("picture", _picture),
            sound=given.made("sound", _sound),
            entries=codes.whole("entries", 2, 1 << 20),
            rows=codes.whole("rows", *_COUNT),
            columns=codes.whole("columns", *_COUNT),
            features=given.whole("features", 1, 1 << 16),
            decoder=given.made("decoder", Cached.from_json),
            top_k=sampling.whole("top_k", 1, 1 << 20),
            temperature=sampling.number("temperature", 1e-3, 1e3),
            statistics=given.text("statistics", "frozen|call"),
            fill=window.number("fill", -1.0, 1.0),
            slide=window.text("slide", "half|last"),
            pictures_per_column=window.number("pictures_per_column", 0.0, 1e3),
            sound_as=given.text("sound_as", "indices|vectors"),
            offsets_s=given.each("offsets_s", _offset),
            origin=given.text("origin", "runs|published"),
            golden=given.file("golden"),
        )
        if given.text("wave", "vocoder|griffin-lim") != task.wave:
            raise ValueError(f"{place}.wave: it is vocoder when there is a graph of that role, else griffin-lim")
        return task

    def to_json(self) -> dict[str, Any]:
        return {
            "graphs": {role: self.graphs.get(role) for role in ROLES} | self.smaller,
            "picture": settings_to_json(self.picture),
            "sound": settings_to_json(self.sound),
            "codes": {"entries": self.entries, "rows": self.rows, "columns": self.columns, "order": "columns"},
            "features": self.features,
            "decoder": self.decoder.to_json(),
            "sampling": {"top_k": self.top_k, "temperature": self.temperature},
            "statistics": self.statistics,
            "window": {
                "keeps": "first",
                "fill": self.fill,
                "slide": self.slide,
                "pictures_per_column": self.pictures_per_column,
            },
            "sound_as": self.sound_as,
            "wave": self.wave,
            "offsets_s": list(self.offsets_s),
            "origin": self.origin,
            "golden": self.golden,
        }

    def in_words(self) -> list[tuple[str, str]]:
        """For people: what, and what is said of it."""
        sees = {"all": "the example's pictures and sound", "sound": "the example's sound", "none": "nothing of the example"}
        own = {"frozen": "those of training", "call": "each clip's own"}[self.statistics]
        clip = f"{self.sound.samples / self.sound.sample_rate:g} s: {self.picture.frames} pictures of {self.picture.size} px"
        window = f"first {self.sound.frames} frames, filled up with {self.fill:g}; longer sounds: {self.slide}"
        said = [
            ("clip", f"{clip}, {self.rows} x {self.columns} of {self.entries} codes"),
            ("window", f"{window}, {self.pictures_per_column:.3g} pictures a column"),
            ("the decoder knows", f"{sees[self.decoder.condition]}; codes as {self.sound_as}"),
            ("draws", f"from the {self.top_k} likeliest, temperature {self.temperature:g}"),
            ("statistics", own),
            ("wave by", self.wave),
            ("origin", self.origin),
        ]
        if self.offsets_s:
            said.append(("sync", f"{len(self.offsets_s)} offsets from {self.offsets_s[0]:+g} to {self.offsets_s[-1]:+g} s"))
        return said

    @property
    def wave(self) -> str:
        """What makes a wave of a mel: ``vocoder`` or ``griffin-lim``."""
        return "vocoder" if "vocoder" in self.graphs else "griffin-lim"

    @property
    def roles(self) -> tuple[str, ...]:
        """Those that there are graphs for, in whatever precisions."""
        return tuple(role for role in ROLES if role in self.graphs)

    @property
    def smaller(self) -> dict[str, str]:
        """The graphs in smaller numbers, by role."""
        return {role: name for role, name in self.graphs.items() if role in SMALLER_ROLES}

    def with_decoder(self, role: str) -> AnalogyTask:
        """As it is where the graph of this role draws the codes."""
        dtype = "float16" if role == "decoder_fp16" else "float32"
        return replace(self, decoder=replace(self.decoder, dtype=dtype))

    @property
    def prefix(self) -> tuple[int, int]:
        """How many pictures and codes stand before the first code that is drawn."""
        clips = 2 if self.decoder.condition == "all" else 1
        return clips * self.picture.frames, 0 if self.decoder.condition == "none" else self.rows * self.columns

    def ends(self, role: str) -> tuple[list[Wanted], list[Wanted]]:
        """Inputs and outputs of a role's graph, in their order. Those of smaller numbers take and give the same, but for the
        buffers of ``decoder_fp16``."""
        dtype = "float16" if role == "decoder_fp16" else "float32"
        role = role.partition("_")[0]
        size, entries = self.picture.size, self.entries
        one: int | str = 1 if self.statistics == "call" else "batch"
        clip = (3, "pictures", size, size)
        mel = (1, self.sound.mels, self.sound.frames)
        if role == "picture":
            return [(PICTURES, "float32", (one, *clip))], [(FEATURES, "float32", (one, "pictures", self.features))]
        if role == "codes":
            return [(MEL, "float32", ("batch", *mel))], [(CODES, "int64", ("batch", self.columns, self.rows))]
        if role == "mel":
            given: list[Wanted] = [(CODES, "int64", ("batch", "columns", self.rows))]
            return given, [(MAGNITUDES, "float32", ("batch", self.sound.mels, "frames"))]
        if role == "vocoder":
            given = [(MAGNITUDES, "float32", ("batch", self.sound.mels, "frames"))]
            return given, [(WAVE, "float32", ("batch", 1, "samples"))]
        if role == "sync":
            pictures = (PICTURES, "float32", (1, 3, self.picture.frames, size, size))
            classes = len(self.offsets_s)
            return [pictures, (MEL, "float32", ("batch", *mel))], [(OFFSETS, "float32", ("batch", classes))]
        if role == "onset":
            return [(PICTURES, "float32", (one, *clip))], [(ONSETS, "float32", (one, "pictures"))]
        given = [
            (FEATURES, "float32", ("batch", "pictures", self.features)),
            (CODES, "int64", ("batch", "length")),
            (BEFORE, "int64", ()),
        ]
        made: list[Wanted] = [(LOGITS, "float32", ("batch", entries))]
        buffers, heads, head_size = self.decoder.buffers, self.decoder.heads, self.decoder.head_size
        shared, own = (heads, 1, "shared", head_size), (heads, "batch", "room", head_size)
        given += [(each.shared, dtype, shared) for each in buffers]
        return (
            given + [(each.past, dtype, own) for each in buffers],
            made + [(each.present, dtype, own) for each in buffers],
        )

    def fit(self, place: str, graphs: Mapping[str, GraphEntry], files: Mapping[str, File]) -> None:
        """See that graphs and settings belong together; raises ValueError."""
        if self.golden not in files:
            raise ValueError(f"{place}.golden: {self.golden} is not among the files")
        if self.top_k > self.entries:
            raise ValueError(f"{place}.sampling.top_k: {self.top_k} is more than there are codes")
        if ("sync" in self.graphs) != bool(self.offsets_s):
            raise ValueError(f"{place}.offsets_s: they belong to a graph of role sync, and it to them")
        frames, columns = self.sound.frames, self.columns
        if frames % columns:
            raise ValueError(f"{place}.codes.columns: {frames} frames of a mel are not {columns} columns of one width")
        before = sum(self.prefix) + self.rows * columns
        if before > self.decoder.positions + 1:  # the last code is drawn, and not looked at
            raise ValueError(f"{place}.decoder.positions: {self.decoder.positions} hold no sequence of {before}")
        for role, name in self.graphs.items():
            if name not in graphs:
                raise ValueError(f"{place}.graphs.{role}: there is no graph {name[:60]!a}")
            if role.startswith("decoder") and any(each.name == "total" for each in graphs[name].inputs):
                raise ValueError(
                    f"graphs.{name}: it was made for an older foley-bridge, which kept a copy of the prefix for each row; "
                    "export it anew"
                )
            for wanted, tensors in zip(self.ends(role), (graphs[name].inputs, graphs[name].outputs), strict=True):
                _see(f"graphs.{name}", f"{place}.graphs.{role}", wanted, tensors)

    def golden_shapes(self) -> dict[str, tuple[int, ...]]:
        """Of one row of each array in the golden file, by name: what goes into a role's graph, and what must come out.

        ``decoder_…``: the features and codes before the first that is drawn, the numbers to draw by, the codes that are drawn,
        and the logits that each of them is drawn from.
        """
        pictures, codes = self.prefix
        drawn = self.rows * self.columns
        frames, size = self.picture.frames, self.picture.size
        clip, mel, grid = (3, frames, size, size), (1, self.sound.mels, self.sound.frames), (self.columns, self.rows)
        hops = self.sound.frames * self.sound.hop
        shapes: dict[str, dict[str, tuple[int, ...]]] = {
            "picture": {"in": clip, "out": (frames, self.features)},
            "codes": {"in": mel, "out": grid},
            "mel": {"in": grid, "out": mel[1:]},
            "vocoder": {"in": mel[1:], "out": (1, hops)},
            "sync": {"pictures": clip, "in": mel, "out": (len(self.offsets_s),)},
            "onset": {"in": clip, "out": (frames,)},
            "decoder": {
                "in": (pictures, self.features),
                "condition": (codes,),
                "draws": (drawn,),
                "codes": (drawn,),
                "out": (drawn, self.entries),
            },
        }
        return {f"{role}_{what}": shape for role in self.roles for what, shape in shapes[role].items()}


def _see(graph: str, place: str, wanted: list[Wanted], tensors: tuple[Tensor, ...]) -> None:
    """That a graph's inputs or outputs are those wanted; what has a name there may have any name here, but no size."""
    for number, (name, dtype, shape) in enumerate(wanted):
        found = tensors[number] if number < len(tensors) else None
        if (
            found is None
            or (found.name, found.dtype, len(found.shape)) != (name, dtype, len(shape))
            or any(
                isinstance(is_, int) if isinstance(axis, str) else is_ != axis
                for axis, is_ in zip(shape, found.shape, strict=True)
            )
        ):
            sizes = ", ".join(map(str, shape))
            raise ValueError(f"{graph}: {found or 'nothing'}, where {place} wants {name} {dtype} ({sizes})")
    if len(tensors) > len(wanted):
        raise ValueError(f"{graph}: {tensors[len(wanted)]}, which {place} knows nothing of")


def _graphs(said: Any, place: str) -> dict[str, str]:
    given = Saying(said, place, ROLES, SMALLER_ROLES)
    there = [role for role in OPTIONAL if said[role] is not None] + [role for role in SMALLER_ROLES if role in said]
    return {role: given.text(role) for role in (*NEEDED, *there)}


def _offset(said: Any, place: str) -> float:
    return Saying({"": said}, place, ("",)).number("", -60.0, 60.0)


def _picture(said: Any, place: str) -> ClipPicture:
    settings = _settings(ClipPicture, said, place)
    within(place, settings, fps=(1, 60), frames=(1, 1024), short_side=(16, 1024), size=(16, 1024))
    return settings


def _sound(said: Any, place: str) -> ClipSound:
    settings = _settings(ClipSound, said, place)
    within(place, settings, sample_rate=(8000, 192_000), samples=(64, 60 * settings.sample_rate), n_fft=(64, 1 << 14))
    within(place, settings, hop=(1, settings.n_fft), mels=(8, 512), frames=(1, 1 << 16))
    return settings


def _settings(kind: type[_Settings], said: Any, place: str) -> _Settings:
    try:
        return settings_from_json(kind, mapping(said, place))
    except ValueError as error:
        raise ValueError(f"{place}.{error}") from None
