"""Examples listened to, kept for those who ask again: an editor who works on a region asks for the same ones many times."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from foley_bridge.engines import transfer
from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.engines.hits import Palette, palette

MOST_BYTES = 256 << 20
_T = TypeVar("_T", Exemplar, Palette)


class Heard:
    """Keeps what was asked for last, as long as its samples take no more than so many bytes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._kept: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()

    def listen(
        self, path: Path, /, *, sample_rate: int, start: Fraction = Fraction(0), duration: Fraction | None = None
    ) -> Exemplar:
        """As ``transfer.listen``. A file that was written since is listened to again."""
        try:
            status = path.stat()
        except OSError:
            return transfer.listen(path, sample_rate=sample_rate, start=start, duration=duration)
        key = ("example", path, status.st_size, status.st_mtime_ns, sample_rate, start, duration)

        def make() -> tuple[Exemplar, int]:
            exemplar = transfer.listen(path, sample_rate=sample_rate, start=start, duration=duration)
            return exemplar, exemplar.samples.nbytes

        return self._get(key, make)

    def palette(self, exemplar: Exemplar, /, *, vary: bool = True) -> Palette:
        """As ``hits.palette``."""
        # The palette holds the samples, so that nothing else can have their address.
        key = ("palette", id(exemplar.samples), exemplar.kind, exemplar.hits, vary)

        def make() -> tuple[Palette, int]:
            made = palette(exemplar, vary=vary)
            return made, exemplar.samples.nbytes + sum(voice.samples.nbytes for voice in made.voices)

        return self._get(key, make)

    def _get(self, key: tuple[Any, ...], make: Callable[[], tuple[_T, int]]) -> _T:
        if key not in self._kept:
            made, size = make()
            self._kept[key] = made, size
            self._bytes += size
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                _, (_, gone) = self._kept.popitem(last=False)
                self._bytes -= gone
        self._kept.move_to_end(key)
        found: _T = self._kept[key][0]
        return found
