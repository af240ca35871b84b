"""A run's log as a picture: losses above, how often the network was right below; dark lines are of the validations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.media.whole_file import whole_file

WIDTH, HEIGHT, LEFT, RIGHT, GAP = 900, 640, 78, 24, 46  # pixels
PANEL = (HEIGHT - 3 * GAP) // 2
WHITE, GREY, INK, PALE, DARK = (255, 255, 255), (225, 225, 225), (70, 70, 70), (235, 190, 150), (160, 70, 10)  # blue first
SMOOTHED = 100  # points a curve of steps is averaged down to
TICKS = 5


def draw(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write the picture, whole.

    Args:
        path: of the PNG.
        lines: of the log.
    """
    import cv2

    canvas = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    last = max((line["step"] for line in lines), default=0)
    for number, (name, key) in enumerate((("loss", "loss"), ("accuracy", "accuracy"))):
        steps = [(line["step"], line[key]) for line in lines if "validation" not in line]
        checks = [(line["step"], line["validation"][key]) for line in lines if "validation" in line]
        _panel(canvas, GAP + number * (PANEL + GAP), name, smooth(steps), np.array(checks, float).reshape(-1, 2), last)
    _rate(canvas, lines)
    done, png = cv2.imencode(".png", canvas)
    assert done
    with whole_file(path) as beside:
        beside.write_bytes(png.tobytes())


def smooth(points: Sequence[tuple[float, float]], most: int = SMOOTHED) -> NDArray[np.float64]:
    """Means of neighbours, so that at most ``most`` points are left: float64 (k, 2), step and value."""
    whole = np.array(points, float).reshape(-1, 2)
    parts = np.array_split(whole, min(most, len(whole)) or 1)
    return np.array([part.mean(axis=0) for part in parts if len(part)]).reshape(-1, 2)


def _panel(
    canvas: NDArray[np.uint8], top: int, name: str, steps: NDArray[np.float64], checks: NDArray[np.float64], last: int
) -> None:
    import cv2

    values = np.concatenate([steps[:, 1], checks[:, 1]])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    high = high if high > low else low + 1e-3
    for tick in range(TICKS):
        value = low + (high - low) * tick / (TICKS - 1)
        y = _y(value, low, high, top)
        cv2.line(canvas, (LEFT, y), (WIDTH - RIGHT, y), GREY, 1)
        _text(canvas, f"{value:.3g}", (10, y + 5))
    for tick in range(TICKS):
        step = last * tick / (TICKS - 1)
        _text(canvas, f"{step:.0f}", (_x(step, last) - 10, top + PANEL + 18))
    for points, colour, width in ((steps, PALE, 1), (checks, DARK, 2)):
        line = np.array([[_x(step, last), _y(value, low, high, top)] for step, value in points], np.int32)
        if len(line):
            cv2.polylines(canvas, [line], False, colour, width, cv2.LINE_AA)
        for x, y in line if colour == DARK else ():
            cv2.circle(canvas, (int(x), int(y)), 3, colour, -1, cv2.LINE_AA)
    _text(canvas, f"{name}: training (light), validation (dark)", (LEFT, top - 12))


def _rate(canvas: NDArray[np.uint8], lines: Sequence[dict[str, Any]]) -> None:
    rates = [line["lr"] for line in lines if "lr" in line]
    if rates:
        _text(canvas, f"steps; learning rate {rates[0]:g} to {rates[-1]:.3g}", (LEFT, HEIGHT - 8))


def _x(step: float, last: int) -> int:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * step / max(last, 1))


def _y(value: float, low: float, high: float, top: int) -> int:
    return round(top + PANEL * (high - value) / (high - low))


def _text(canvas: NDArray[np.uint8], text: str, where: tuple[int, int]) -> None:
    import cv2

    cv2.putText(canvas, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
