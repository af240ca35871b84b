"""The graphs of a pack that makes sound by example (task ``analogy``), loaded as they are asked for, proven on its golden file.

What an engine makes of them is not this file's: here is what goes in and what comes out.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import PackError
from foley_bridge.inference import decode
from foley_bridge.inference.analogy_task import (
    CODES,
    FEATURES,
    MAGNITUDES,
    MEL,
    OFFSETS,
    ONSETS,
    PICTURES,
    WAVE,
    AnalogyTask,
)
from foley_bridge.inference.decode import Cache, Codes, Doubles, Floats, Prefix
from foley_bridge.inference.golden import WITHIN, read_golden
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.session import Session

CODES_ALIKE = 0.98
"""Share of a mel's codes that must be those of the golden file: places where two entries are as near may go either way."""


class Analogy:
    """The graphs of a pack. May be used by several threads.

    Args:
        pack: with task ``analogy``.
        threads, providers: as for ``Session``.

    Raises:
        PackError: the pack has no such task; or, from any method, one of its graphs runs nowhere.
    """

    def __init__(self, pack: Pack, *, threads: int | None = None, providers: str | None = None) -> None:
        self.pack = pack
        self.task: AnalogyTask = pack.analogy
        self._threads, self._providers = threads, providers
        self._sessions: dict[str, Session] = {}
        self._loading = threading.Lock()

    def has(self, role: str) -> bool:
        """Is there a graph for an optional role?"""
        return role in self.task.graphs

    def session(self, role: str) -> Session:
        """Of a role's graph, loaded once."""
        with self._loading:
            if role not in self._sessions:
                graph = self.pack.graph(self.task.graphs[role])
                self._sessions[role] = Session(graph, threads=self._threads, providers=self._providers)
            return self._sessions[role]

    def features(self, pictures: Floats) -> Floats:
        """Of each picture: float32 (n, 3, p, size, size) to (n, p, features). Clips are looked at one by one."""
        return np.concatenate([self.session("picture").run({PICTURES: clip[None]})[FEATURES] for clip in pictures])

    def codes(self, mels: Floats) -> Codes:
        """Of clips' mels: float32 (n, 1, mels, frames) to int64 (n, columns, rows)."""
        return self.session("codes").run({MEL: mels})[CODES]

    def generate(self, prefix: Prefix, drawn: Doubles, *, top_k: int | None = None, temperature: float | None = None) -> Codes:
        """As ``decode.generate``; int64 (takes, columns, rows)."""
        made = decode.generate(self.session("decoder"), self.task, prefix, drawn, top_k=top_k, temperature=temperature)
        return made.reshape(len(made), -1, self.task.rows)

    def magnitudes(self, codes: Codes) -> Floats:
        """Log10 magnitudes of mel bands: int64 (n, columns, rows) to float32 (n, mels, frames)."""
        return self.session("mel").run({CODES: codes})[MAGNITUDES]

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
        for role in self.task.graphs:
            wanted = golden[f"{role}_out"]
            if role in given:
                entered = golden[f"{role}_in"].astype(np.int64) if role == "mel" else golden[f"{role}_in"]
                self.session(role).prove({given[role]: entered}, {made[role]: wanted}, WITHIN)
            elif role == "sync":
                shown = {PICTURES: golden["sync_pictures"], MEL: golden["sync_in"]}
                self.session(role).prove(shown, {OFFSETS: wanted}, WITHIN)
        alike = float((self.codes(golden["codes_in"]) == golden["codes_out"]).mean())
        if alike < CODES_ALIKE:
            raise self._wrong("codes", f"{alike:.0%} of its codes are those that the pack says")
        apart = float(np.abs(self.retrace(golden) - golden["decoder_out"]).max())
        if not apart <= WITHIN:
            raise self._wrong("decoder", f"what it computes is {apart:.2g} away from what the pack says")

    def retrace(self, golden: dict[str, Floats]) -> Floats:
        """The logits by which each of the golden codes is drawn, those before it given: float32 (n, codes, entries)."""
        prefix, codes = golden["decoder_in"], golden["decoder_codes"].astype(np.int64)
        cache = Cache(self.session("decoder"), self.task, len(codes))
        logits = [cache.run(prefix, golden["decoder_condition"].astype(np.int64))]
        nothing: NDArray[np.float32] = np.zeros((len(codes), 0, self.task.features), np.float32)
        logits += [cache.run(nothing, codes[:, at : at + 1]) for at in range(codes.shape[1] - 1)]
        return np.stack(logits, axis=1)

    def golden(self) -> dict[str, Floats]:
        """The golden arrays, by name; raises PackError."""
        try:
            return read_golden(self.pack.read(self.task.golden), self.task.golden_shapes())
        except ValueError as error:
            raise PackError(f"{self.pack.folder}: {self.task.golden}: {error}", "get the pack again") from None

    def _wrong(self, role: str, why: str) -> PackError:
        return PackError(f"{self.session(role).graph.path}: {why}", "get the pack again, or use another")
