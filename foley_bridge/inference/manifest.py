"""``pack.json`` (docs/packs.md): what a pack says of itself, read strictly, and written by who makes packs.

Every ``from_json`` refuses missing and unknown keys and values that cannot be, with a ValueError that names the place. What is
written goes through the same reading first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from foley_bridge.inference.analogy_task import AnalogyTask
from foley_bridge.inference.places import ANALOGY, MANIFEST, RECOMMENDATION, TASKS
from foley_bridge.inference.recommendation_task import RecommendationTask
from foley_bridge.inference.saying import Saying, mapping, plain_file
from foley_bridge.inference.strict_json import strict_json

FORM = 1
MOST_GRAPH_BYTES = 2 << 30
MOST_BYTES = 8 << 30
DTYPES = ("float32", "float16", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")
PRECISIONS = ("fp32", "fp16", "int8", "int4")
PACK_NAME = r"[a-z0-9][a-z0-9-]{0,39}"
PACK_VERSION = r"[0-9A-Za-z]([0-9A-Za-z.-]{0,38}[0-9A-Za-z])?"
_SPDX = r"[0-9A-Za-z()][0-9A-Za-z.+:() -]{0,199}"
_GRAPH_NAME = r"[a-z0-9][a-z0-9_-]{0,39}"
_AXIS = re.compile(r"[A-Za-z_][0-9A-Za-z_]{0,39}")
Task = RecommendationTask | AnalogyTask
_NEWER = "it is of a newer form; bring foley-bridge up to date"


@dataclass(frozen=True)
class File:
    """A file of the pack.

    Attributes:
        sha256: 64 hex digits.
        size: bytes.
    """

    sha256: str
    size: int

    @classmethod
    def of(cls, path: Path) -> File:
        """As it lies on the disk now."""
        with path.open("rb") as file:
            return cls(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)

    @classmethod
    def from_json(cls, said: Any, place: str) -> File:
        given = Saying(said, place, ("sha256", "bytes"))
        return cls(given.text("sha256", "[0-9a-f]{64}"), given.whole("bytes", 0, MOST_BYTES))

    def to_json(self) -> dict[str, Any]:
        return {"sha256": self.sha256, "bytes": self.size}


@dataclass(frozen=True)
class Tensor:
    """An input or output of a graph; a shape's entries are numbers or names of axes."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    @classmethod
    def from_json(cls, said: Any, place: str) -> Tensor:
        given = Saying(said, place, ("name", "dtype", "shape"))
        return cls(given.text("name", r"[!-~]{1,200}"), given.text("dtype", "|".join(DTYPES)), given.each("shape", _axis))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} ({', '.join(map(str, self.shape))})"


@dataclass(frozen=True)
class Parity:
    """How near a graph comes to what it was made of.

    Attributes:
        against: what computed the same.
        inputs: how many were compared.
        worst, typical: the largest and the median absolute difference.
        tolerance: what the worst had to stay under.
        moved, agreement: of a decoder in smaller numbers, along sequences, in the mean: the share of the probability that lies
            on other codes than by what it is held against, and the share of draws that mean the same code; else None. Of a
            mel's graph in smaller numbers ``agreement`` alone: the share of pairs of sequences that are judged the same.
    """

    against: str
    inputs: int
    worst: float
    typical: float
    tolerance: float
    moved: float | None = None
    agreement: float | None = None

    @classmethod
    def from_json(cls, said: Any, place: str) -> Parity:
        given = Saying(said, place, ("against", "inputs", "worst", "typical", "tolerance"), ("moved", "agreement"))
        parity = cls(
            given.text("against"),
            given.whole("inputs", 1, 10**9),
            given.number("worst"),
            given.number("typical"),
            given.number("tolerance"),
            *(given.number(each, 0.0, 1.0) if each in said else None for each in ("moved", "agreement")),
        )
        if not parity.typical <= parity.worst <= parity.tolerance:
            raise ValueError(f"{place}: typical, worst and tolerance are not in this order")
        return parity

    def to_json(self) -> dict[str, Any]:
        return {name: each for name, each in vars(self).items() if each is not None}


@dataclass(frozen=True)
class GraphEntry:
    """What the manifest says of a graph; ``external`` names the files that its weights lie in."""

    file: str
    external: tuple[str, ...]
    opset: int
    precision: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parity: Parity

    @classmethod
    def from_json(cls, said: Any, place: str) -> GraphEntry:
        given = Saying(said, place, ("file", "external", "opset", "precision", "inputs", "outputs", "parity"))
        return cls(
            given.file("file"),
            given.each("external", plain_file),
            given.whole("opset", 7, 100),
            given.text("precision", "|".join(PRECISIONS)),
            given.each("inputs", Tensor.from_json),
            given.each("outputs", Tensor.from_json),
            given.made("parity", Parity.from_json),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "external": list(self.external),
            "opset": self.opset,
            "precision": self.precision,
            "inputs": [each.to_json() for each in self.inputs],
            "outputs": [each.to_json() for each in self.outputs],
            "parity": self.parity.to_json(),
        }


@dataclass(frozen=True)
class Manifest:
    """A pack's manifest.

    Attributes:
        name, version: together they name the pack.
        title, licence: for people; an SPDX expression.
        created: ISO date.
        provenance: how it came about, in whatever words; JSON.
        files: every file of the pack but the manifest, by name.
        graphs: by name.
        tasks: what the pack can serve, by name, as it is in ``places.TASKS``.
    """

    name: str
    version: str
    title: str
    licence: str
    created: str
    provenance: Mapping[str, Any]
    files: Mapping[str, File]
    graphs: Mapping[str, GraphEntry]
    tasks: Mapping[str, Task]

    @property
    def recommendation(self) -> RecommendationTask | None:
        """What it says of that task; None: it has none."""
        task = self.tasks.get(RECOMMENDATION)
        return task if isinstance(task, RecommendationTask) else None

    @property
    def analogy(self) -> AnalogyTask | None:
        """What it says of that task; None: it has none."""
        task = self.tasks.get(ANALOGY)
        return task if isinstance(task, AnalogyTask) else None

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Of a file; raises ValueError, too, when it is no JSON of the kind that can be read in one way only."""
        return cls.from_json(strict_json(data))

    @classmethod
    def from_json(cls, said: Any) -> Manifest:
        form = mapping(said, "").get("foley_bridge_pack")
        if isinstance(form, int) and form > FORM:
            raise ValueError(f"foley_bridge_pack: {form}: {_NEWER}")
        keys = ("foley_bridge_pack", "name", "version", "title", "licence", "created", "provenance", "files", "graphs", "tasks")
        given = Saying(said, "", keys)
        given.whole("foley_bridge_pack", FORM, FORM)
        manifest = cls(
            given.text("name", PACK_NAME),
            given.text("version", PACK_VERSION),
            given.text("title"),
            given.text("licence", _SPDX),
            given.made("created", _day),
            given.made("provenance", mapping),
            given.made("files", _files),
            given.made("graphs", _graphs),
            given.made("tasks", _tasks),
        )
        manifest._agree()
        return manifest

    def to_json(self) -> dict[str, Any]:
        return {
            "foley_bridge_pack": FORM,
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "licence": self.licence,
            "created": self.created,
            "provenance": dict(self.provenance),
            "files": {name: each.to_json() for name, each in self.files.items()},
            "graphs": {name: each.to_json() for name, each in self.graphs.items()},
            "tasks": {name: each.to_json() for name, each in self.tasks.items()},
        }

    def to_bytes(self) -> bytes:
        """As it is written; raises ValueError when it could not be read again."""
        data = (json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
        Manifest.from_bytes(data)
        return data

    def _agree(self) -> None:
        """Files, graphs and tasks fit each other; raises ValueError."""
        if sum(each.size for each in self.files.values()) > MOST_BYTES:
            raise ValueError(f"files: they are over {MOST_BYTES >> 30} GB")
        for name, graph in self.graphs.items():
            for file in (graph.file, *graph.external):
                if file not in self.files:
                    raise ValueError(f"graphs.{name}: {file} is not among the files")
            if self.files[graph.file].size > MOST_GRAPH_BYTES:
                raise ValueError(f"graphs.{name}: {graph.file} is over {MOST_GRAPH_BYTES >> 30} GB")
        for name, task in self.tasks.items():
            task.fit(f"tasks.{name}", self.graphs, self.files)


def _axis(said: Any, place: str) -> int | str:
    named = isinstance(said, str) and _AXIS.fullmatch(said)
    if not named and (isinstance(said, bool) or not isinstance(said, int) or not 0 < said < 1 << 31):
        raise ValueError(f"{place}: {str(said)[:60]!a} is neither a size nor the name of an axis")
    return said


def _day(said: Any, place: str) -> str:
    try:
        return date.fromisoformat(said).isoformat()
    except (TypeError, ValueError):
        raise ValueError(f"{place} is no date such as 2026-01-31") from None


def _files(said: Any, place: str) -> dict[str, File]:
    files = {plain_file(name, place): File.from_json(each, f"{place}.{name}") for name, each in mapping(said, place).items()}
    if len({name.lower() for name in files} | {MANIFEST}) <= len(files):
        raise ValueError(f"{place}: two names are the same but for upper and lower case, or one is the manifest's own")
    return files


def _graphs(said: Any, place: str) -> dict[str, GraphEntry]:
    graphs = {}
    for name, each in mapping(said, place).items():
        if not re.fullmatch(_GRAPH_NAME, name):
            raise ValueError(f"{place}: {name[:60]!a} is no name of a graph")
        graphs[name] = GraphEntry.from_json(each, f"{place}.{name}")
    return graphs


def _tasks(said: Any, place: str) -> dict[str, Task]:
    if not mapping(said, place):
        raise ValueError(f"{place}: there is none")
    for name in said:
        if name not in TASKS:
            raise ValueError(f"{place}.{name[:60]}: this version of foley-bridge knows no such task")
    return {name: _task(name, each, f"{place}.{name}") for name, each in said.items()}


def _task(name: str, said: Any, place: str) -> Task:
    if name == RECOMMENDATION:
        return RecommendationTask.from_json(said, place)
    return AnalogyTask.from_json(said, place)
