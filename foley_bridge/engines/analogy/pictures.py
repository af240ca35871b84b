"""What is on screen at exact times, small as the networks want it, and what the picture network makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby, islice

import numpy as np

from foley_bridge.engines.analogy.plan import Plan
from foley_bridge.engines.analogy.remembered import Remembered
from foley_bridge.engines.sampled import on_screen, small
from foley_bridge.errors import Cancelled, FoleyError
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.clips import ClipPicture, Floats, Images, normalised
from foley_bridge.timeline.picture import Picture, Span

CONTEXT = 0.5
"""Of a clip's pictures: so many more on either side are looked at where features are shared between windows."""
AT_ONCE = 2
"""Clips whose features are made at a time, beside their context, where they are shared."""


def images_at(
    picture: Picture, times: Iterable[Fraction], start: Fraction, end: Fraction, settings: ClipPicture
) -> Iterator[Images]:
    """What is on screen at each of some times.

    Args:
        picture: spans that cover at least the range from ``start`` to ``end``; times beyond its own ends show what is there.
        times: timeline seconds, rising.
        start, end: what must be seen. What lies beyond and cannot be read shows the nearest picture that can.
        settings: how pictures are kept.

    Yields:
        uint8 (size, size, 3), RGB.

    Raises:
        EngineError, MediaError: media on screen between ``start`` and ``end`` is missing or cannot be read.
    """
    first, last = picture.spans[0].start, picture.spans[-1].end
    black: Images = np.zeros((settings.size, settings.size, 3), np.uint8)
    shown: Images | None = None
    waiting = 0  # times before the first picture that can be read
    placed = ((picture.at(held)[0], held, time) for time in times for held in [min(max(time, first), last)])
    for span, together in groupby(placed, key=lambda each: each[0]):
        several = [*together]
        done = 0
        try:
            for image in _of_span(span, [held for _, held, _ in several], settings):
                yield from [image] * (1 + waiting)
                shown, waiting, done = image, 0, done + 1
        except Cancelled:
            raise
        except FoleyError:
            if any(start <= time < end for _, _, time in several[done:]):
                raise
            for _ in several[done:]:
                if shown is None:
                    waiting += 1
                else:
                    yield shown
    yield from [black] * waiting


def _of_span(span: Span, times: Sequence[Fraction], settings: ClipPicture) -> Iterator[Images]:
    last: tuple[Images, Images] | None = None
    for _, image in on_screen(span, times, settings):
        if last is None or last[0] is not image:  # a picture that stays is made small once
            last = image, small(image, settings)
        yield last[1]


class Watched:
    """The windows of a stretch, one after the other: their pictures, and their features.

    Args:
        picture: what is on screen.
        plan: the windows.
        start, end: timeline seconds that must be seen.
        analogy: whose picture network looks.
        remembered: keeps features.
        seen: told the timeline time of each picture; may raise to stop.
    """

    def __init__(
        self,
        picture: Picture,
        plan: Plan,
        start: Fraction,
        end: Fraction,
        analogy: Analogy,
        remembered: Remembered,
        seen: Callable[[float], None] = lambda time_s: None,
    ) -> None:
        self._picture, self._plan, self._start, self._end, self._seen = picture, plan, start, end, seen
        self._analogy, self._remembered = analogy, remembered

    def windows(self) -> Iterator[tuple[Images, Floats]]:
        """Of each window in turn: uint8 (pictures, size, size, 3), and float32 (1, pictures, features).

        Raises:
            EngineError, MediaError: as ``images_at``.
        """
        return self._shared() if self._plan.shared else self._apart()

    def _apart(self) -> Iterator[tuple[Images, Floats]]:
        for window in range(self._plan.windows):
            images = np.stack([*self._images(self._plan.times(window))])
            yield images, features_of(self._analogy, self._remembered, images)

    def _shared(self) -> Iterator[tuple[Images, Floats]]:
        plan, total = self._plan, self._plan.all_pictures
        coming = self._images([plan.start + Fraction(k) / plan.fps for k in range(total)])
        context, at_once = round(plan.pictures * CONTEXT), AT_ONCE * plan.pictures
        images: list[Images] = []  # from number ``first`` on
        features = np.zeros((1, 0, self._analogy.task.features), np.float32)  # of those before number ``looked``
        first = looked = 0
        for window in range(plan.windows):
            begins, ends = window * plan.picture_step, window * plan.picture_step + plan.pictures
            while looked < ends:
                since, until = max(0, looked - context), min(total, looked + at_once)
                images.extend(islice(coming, min(total, until + context) - first - len(images)))
                made = features_of(self._analogy, self._remembered, np.stack(images[since - first :]))
                features = np.concatenate([features, made[:, looked - since : until - since]], axis=1)
                looked = until
            before = looked - features.shape[1]
            yield np.stack(images[begins - first : ends - first]), features[:, begins - before : ends - before]
            needed = begins + plan.picture_step
            features = features[:, min(needed, looked) - before :]
            gone = max(0, min(needed, looked - context) - first)
            del images[:gone]
            first += gone

    def _images(self, times: Sequence[Fraction]) -> Iterator[Images]:
        shown = images_at(self._picture, times, self._start, self._end, self._analogy.task.picture)
        for time, image in zip(times, shown, strict=True):
            self._seen(float(time))
            yield image


def features_of(analogy: Analogy, remembered: Remembered, images: Images) -> Floats:
    """What the picture network makes of a row of pictures: uint8 (n, size, size, 3) to float32 (1, n, features)."""

    def look() -> Floats:
        return analogy.features(normalised(images, analogy.task.picture)[None])

    return remembered.get(analogy.graph("picture").sha256, images, look)
