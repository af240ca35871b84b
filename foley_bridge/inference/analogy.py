"""The graphs of a pack that makes sound by example (task ``analogy``), loaded as they are asked for, proven on its golden file.

What an engine makes of them is not this file's: here is what goes in and what comes out.
"""

from __future__ import annotations

import os
import threading

import numpy as np

from foley_bridge.errors import PackError
from foley_bridge.inference import decode
from foley_bridge.inference import providers as known
from foley_bridge.inference.analogy_task import (
    CODES,
    FEATURES,
    MAGNITUDES,
    MEL,
    OFFSETS,
    ONSETS,
    PICTURES,
    SMALLER,
    SMALLER_ROLES,
    WAVE,
    AnalogyTask,
)
from foley_bridge.inference.decode import Codes, Doubles, Floats, Prefix
from foley_bridge.inference.golden import WITHIN, read_golden
from foley_bridge.inference.pack import Graph, Pack
from foley_bridge.inference.session import Session

PRECISION = "FOLEY_BRIDGE_PRECISION"
PRECISIONS = ("fp32", "int8", "int4", "fp16")
CODES_ALIKE = 0.98
"""Share of a mel's codes that must be those of the golden file: places where two entries are as near may go either way."""


class Analogy:
    """The graphs of a pack. May be used by several threads.

    Args:
        pack: with task ``analogy``.
        threads, providers: as for ``Session``.
        precision: of the decoder, and of the pictures' network and the mels that are judged as far as the pack has them so: one
            of ``PRECISIONS``; None: what ``FOLEY_BRIDGE_PRECISION`` says, or the one of those that the pack has that is the
            fastest here: int8 on a CPU, fp16 on a GPU, else fp32.

    Attributes:
        judging: the role whose graph makes mels that are judged and never heard: ``mel_int8``, or ``mel`` as for sound.

    Raises:
        PackError: the pack has no such task, or nothing of that precision; or, from any method, one of its graphs runs nowhere.
    """

    def __init__(
        self, pack: Pack, *, threads: int | None = None, providers: str | None = None, precision: str | None = None
    ) -> None:
        self.pack = pack
        self._chosen = chosen(pack, providers, precision)
        self.judging = self._chosen.pop("mel", "mel")  # sound is never made of mels in smaller numbers
        self.task: AnalogyTask = pack.analogy.with_decoder(self._chosen.get("decoder", "decoder"))
        self._threads, self._providers = threads, providers
        self._sessions: dict[str, Session] = {}
        self._loading = threading.Lock()

    def has(self, role: str) -> bool:
        """Is there a graph for an optional role?"""
        return role in self.task.graphs

    def graph(self, role: str) -> Graph:
        """The one that serves a role: where there are several, that of the precision that was chosen."""
        return self.pack.graph(self.task.graphs[self._chosen.get(role, role)])

    def session(self, role: str) -> Session:
        """Of a role's graph, loaded once."""
        with self._loading:
            if role not in self._sessions:
                self._sessions[role] = Session(self.graph(role), threads=self._threads, providers=self._providers)
            return self._sessions[role]

    def to_load(self, role: str) -> int:
        """Bytes of the graph of a role, its weights included; 0 when it is loaded, or there is none."""
        if role in self._sessions or not self.has(role):
            return 0
        entry, files = self.graph(role).entry, self.pack.manifest.files
        return sum(files[name].size for name in (entry.file, *entry.external))

    def features(self, pictures: Floats) -> Floats:
        """Of each picture: float32 (n, 3, p, size, size) to (n, p, features). Clips are looked at one by one."""
        return np.concatenate([self.session("picture").run({PICTURES: clip[None]})[FEATURES] for clip in pictures])

    def codes(self, mels: Floats) -> Codes:
        """Of clips' mels: float32 (n, 1, mels, frames) to int64 (n, columns, rows)."""
        return self.session("codes").run({MEL: mels})[CODES]

    def generate(self, prefix: Prefix, drawn: Doubles) -> Codes:
        """As ``decode.generate``; int64 (takes, columns, rows)."""
        made = decode.generate(self.session("decoder"), self.task, prefix, drawn)
        return made.reshape(len(made), -1, self.task.rows)

    def magnitudes(self, codes: Codes, role: str = "mel") -> Floats:
        """Log10 magnitudes of mel bands: int64 (n, columns, rows) to float32 (n, mels, frames).

        Args:
            role: ``mel``, or ``judging`` where nobody will hear them.
        """
        return self.session(role).run({CODES: codes})[MAGNITUDES]

    def wave(self, magnitudes: Floats) -> Floats:
        """By the vocoder: float32 (n, mels, frames) to (n, frames * hop), full scale 1."""
        return self.session("vocoder").run({MAGNITUDES: magnitudes})[WAVE][:, 0]

    def offsets(self, pictures: Floats, mels: Floats) -> Floats:
        """By the synchronisation network, logits of the classes ``task.offsets_s``: float32 (1, 3, p, size, size) and
        (n, 1, mels, frames) to (n, classes)."""
        return self.session("sync").run({PICTURES: pictures, MEL: mels})[OFFSETS]

    def onsets(self, pictures: Floats) -> Floats:
        """Logits of an onset in each picture: float32 (n, 3, p, size, size) to (n, p)."""
        return np.concatenate([self.session("onset").run({PICTURES: clip[None]})[ONSETS] for clip in pictures])

    def prove(self) -> None:
        """See that every graph gives here what the pack's golden file says; providers that compute something else are left out.

        Raises:
            PackError: a graph gives something else everywhere, or the golden file is not as it should be.
        """
        golden = self.golden()
        given = {"picture": PICTURES, "mel": CODES, "vocoder": MAGNITUDES, "onset": PICTURES}
        made = {"picture": FEATURES, "mel": MAGNITUDES, "vocoder": WAVE, "onset": ONSETS}
        for role in self.task.roles:
            wanted, within = golden[f"{role}_out"], self.within(role)
            if role in given:
                entered = golden[f"{role}_in"].astype(np.int64) if role == "mel" else golden[f"{role}_in"]
                self.session(role).prove({given[role]: entered}, {made[role]: wanted}, within)
            elif role == "sync":
                shown = {PICTURES: golden["sync_pictures"], MEL: golden["sync_in"]}
                self.session(role).prove(shown, {OFFSETS: wanted}, within)
        if self.judging != "mel":
            entered = golden["mel_in"].astype(np.int64)
            self.session(self.judging).prove({CODES: entered}, {MAGNITUDES: golden["mel_out"]}, self.within(self.judging))
        alike = float((self.codes(golden["codes_in"]) == golden["codes_out"]).mean())
        if alike < CODES_ALIKE:
            raise self._wrong("codes", f"{alike:.0%} of its codes are those that the pack says")
        apart = float(np.abs(self.retrace(golden) - golden["decoder_out"]).max())
        if not apart <= self.within("decoder"):
            raise self._wrong("decoder", f"what it computes is {apart:.2g} away from what the pack says")

    def within(self, role: str) -> float:
        """How far from the golden file the graph of a role may be: one in smaller numbers as far as its manifest says."""
        return self.graph(role).parity.tolerance if self._chosen.get(role, role) in SMALLER_ROLES else WITHIN

    def retrace(self, golden: dict[str, Floats]) -> Floats:
        """The logits by which each of the golden codes is drawn, those before it given: float32 (n, codes, entries)."""
        pictures = golden["decoder_in"]
        known, codes = (golden[f"decoder_{each}"].astype(np.int64) for each in ("condition", "codes"))
        rows = [slice(row, row + 1) for row in range(len(codes))]  # each has a prefix of its own
        session = self.session("decoder")
        return np.concatenate(
            [decode.logits_along(session, self.task, (pictures[row], known[row]), codes[row]) for row in rows]
        )

    def golden(self) -> dict[str, Floats]:
        """The golden arrays, by name; raises PackError."""
        try:
            return read_golden(self.pack.read(self.task.golden), self.task.golden_shapes())
        except ValueError as error:
            raise PackError(f"{self.pack.folder}: {self.task.golden}: {error}", "get the pack again") from None

    def _wrong(self, role: str, why: str) -> PackError:
        return PackError(f"{self.session(role).graph.path}: {why}", "get the pack again, or use another")


def chosen(pack: Pack, providers: str | None = None, precision: str | None = None) -> dict[str, str]:
    """The roles of smaller graphs that serve here, by the role that each of them serves; arguments as for ``Analogy``.

    Raises:
        PackError: there is no such precision, or the pack has nothing of it.
    """
    task, asked = pack.analogy, (precision or os.environ.get(PRECISION, "")).strip().lower()
    if asked and asked not in PRECISIONS:
        raise PackError(f"{PRECISION}: there is no precision {asked[:40]!a}", f"those are {', '.join(PRECISIONS)}")
    if not task.smaller and asked in ("", "fp32"):
        return {}
    if not asked:
        best = next((each.name for each in known.in_order(providers) if each.loads), known.CPU)
        asked = "int8" if best == known.CPU else "fp16"
    elif asked != "fp32" and not any(role.endswith(f"_{asked}") for role in task.smaller):
        there = ", ".join(dict.fromkeys(["fp32", *(role.partition("_")[2] for role in task.smaller)]))
        raise PackError(f"{pack.folder}: {pack.id} has no graph of {asked}", f"let {PRECISION} be one of those it has: {there}")
    named = {role: f"{role}_{asked}" for role in SMALLER}
    return {role: smaller for role, smaller in named.items() if smaller in task.graphs}
