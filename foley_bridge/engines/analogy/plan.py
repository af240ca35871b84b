"""Windows of a clip over a stretch of timeline: which columns are made in which, and exactly when their pictures are."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from foley_bridge.inference.analogy_task import AnalogyTask


@dataclass(frozen=True)
class Plan:
    """Windows over a stretch, each begun half a clip after the one before it.

    Attributes:
        start: timeline seconds at which the first column begins.
        column_s: seconds of a column.
        columns: of a window.
        step: columns from a window's first to the next one's.
        all_columns: of the stretch, at least a window's; the last window may have more.
        pictures: of a window.
        fps: pictures a second, exact.
        shared: pictures are those of one even row, ``picture_step`` from a window's first to the next one's; otherwise each
            window's begin with itself.
        picture_step: see there.
    """

    start: Fraction
    column_s: Fraction
    columns: int
    step: int
    all_columns: int
    pictures: int
    fps: Fraction
    shared: bool
    picture_step: int

    @property
    def windows(self) -> int:
        """How many there are, at least one."""
        return _windows(self.all_columns, self.columns, self.step)

    @property
    def end(self) -> Fraction:
        """Timeline seconds at which the last column, and the last picture, is over."""
        return max(self.times(self.windows - 1)[-1] + 1 / self.fps, self.start + self.all_columns * self.column_s)

    def whole_clip(self, window: int) -> int:
        """The column at which the clip begins that ends with a window: the window's own first, but where the stretch ends
        before the window does."""
        return min(window * self.step, self.all_columns - self.columns)

    def times(self, window: int) -> tuple[Fraction, ...]:
        """Of a window's pictures, timeline seconds."""
        if self.shared:
            first = self.start + window * self.picture_step / self.fps
        else:
            first = self.start + window * self.step * self.column_s
        return tuple(first + Fraction(k) / self.fps for k in range(self.pictures))

    @property
    def all_pictures(self) -> int:
        """How many pictures there are in one even row."""
        return self.pictures + (self.windows - 1) * self.picture_step


def plan(task: AnalogyTask, start: Fraction, end: Fraction) -> Plan:
    """Windows that cover a stretch of timeline; the last one's pictures may lie beyond its end.

    Where pictures are shared between windows they are sampled a little faster or slower than the networks know them, so that a
    window's first column and its first picture are at the same time in every window.

    Args:
        task: of a pack.
        start, end: timeline seconds.
    """
    sound = task.sound
    column_s = Fraction(sound.frames // task.columns * sound.hop, sound.sample_rate)
    step = max(1, task.columns // 2)
    columns = max(task.columns, ceil((end - start) / column_s))
    shared = task.statistics == "frozen"
    fps = Fraction(task.picture.fps)
    picture_step = max(1, round(step * column_s * fps))
    if shared and _windows(columns, task.columns, step) > 1:
        fps = picture_step / (step * column_s)
    return Plan(start, column_s, task.columns, step, columns, task.picture.frames, fps, shared, picture_step)


def _windows(all_columns: int, columns: int, step: int) -> int:
    return 1 + -(-(all_columns - columns) // step)
