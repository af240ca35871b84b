"""How much moves between one picture and the next, where, and which way: camera moves, light and noise taken out.

A picture is compared with the one before it. Dense optical flow (DIS: Kroeger et al., ECCV 2016, as OpenCV has it) gives the
ways; a camera motion of four parameters (shift, turn, zoom) is fitted to it robustly and taken off, but only when it explains
the picture better than standing still does. What then still differs between the two pictures, beyond the light's change and the
noise, is motion. It is kept on a coarse grid, a few hundred bytes a picture, so that an hour costs no memory to speak of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from foley_bridge.engines.candidate import MotionFrame

ANALYSIS_WIDTH = 176  # pixels: what callers scale pictures to before detection
GRID = (6, 8)  # rows, columns of cells that motion is summed over
MAX_PIXELS = 176 * 132  # larger pictures (upright video, callers' choice) are scaled down to this many
MIN_PIXELS_HIGH = 24  # a picture lower than this is scaled up: flow needs some room
NOISE_LEVELS = 2.5  # 8-bit levels: differences below this (plus the picture's own noise) are not motion
MIN_CAMERA_PX = 0.12  # a fitted camera move smaller than this is the flow's own noise
CAMERA_GAIN = 0.9  # a camera move must bring the typical difference below this share of what it was
TRUST_EASE, LEAST_TRUST = 1.3, 0.15  # flow counts fully while it leaves less than 0.3 of a change unexplained, then ever less


@dataclass(frozen=True, eq=False)
class Step:
    """What happened between two consecutive pictures.

    Attributes:
        start_s, end_s: when the earlier and the later picture appeared; ``end_s`` is when the change became visible.
        cut: True when the two belong to different shots by the caller's word; the grids are then zero.
        energy: float32 GRID, mean difference in 8-bit levels left after camera, light and noise are taken off.
        across: float32 GRID, mean motion to the right of what moves, pixels of a picture ``ANALYSIS_WIDTH`` wide.
        down: float32 GRID, the same downwards.
        likeness: correlation of the two pictures' coarse layouts, -1 to 1.
        change: mean absolute difference in levels before anything is taken off.
        camera: fitted camera motion, pixels (typical over the picture).
        turn: how much came back at ``start_s``: grid sum of what the step before and this one changed together, less twice what
            both together did. Things that move on give none, things that turn back give all they moved, and no flow is
            needed to see it.
    """

    start_s: float
    end_s: float
    cut: bool
    energy: np.ndarray
    across: np.ndarray
    down: np.ndarray
    likeness: float
    change: float
    camera: float
    turn: float = 0.0


def measure(frames: Iterable[MotionFrame]) -> Iterator[Step]:
    """One step per pair of consecutive pictures, in order. frames: times increasing, all of one size (a new size is a cut).

    Holds two pictures at a time. The result does not depend on how many threads OpenCV uses: DIS flow splits its work
    into stripes by thread count, so it runs on one.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    before: _Picture | None = None
    past: _Past | None = None
    for frame in frames:
        picture = _prepare(frame)
        if before is not None and picture.time_s > before.time_s:
            if frame.cut or picture.gray.shape != before.gray.shape:
                yield _blank(before, picture)
                past = None
            else:
                step, way = _compare(flow, before, picture, past)
                yield step
                past = _Past(before, way, step.energy)
        before = picture


@dataclass(frozen=True, eq=False)
class _Picture:
    time_s: float
    gray: np.ndarray  # uint8 (h, w)
    soft: np.ndarray  # float32 (h, w), lightly smoothed
    layout: np.ndarray  # float32 (9, 16)


@dataclass(frozen=True, eq=False)
class _Past:
    """The step before: the picture it began with, the camera's way (where pixels came from; None: it stood), what changed."""

    picture: _Picture
    way: np.ndarray | None
    energy: np.ndarray


def _prepare(frame: MotionFrame) -> _Picture:
    gray = np.ascontiguousarray(frame.gray)
    h, w = gray.shape
    scale = min(1.0, (MAX_PIXELS / (h * w)) ** 0.5) if h * w > 1.1 * MAX_PIXELS else 1.0
    scale = max(scale, MIN_PIXELS_HIGH / min(h, w))
    if scale != 1.0:
        size = (max(MIN_PIXELS_HIGH, round(w * scale)), max(MIN_PIXELS_HIGH, round(h * scale)))
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(gray.astype(np.float32), (3, 3), 0.8)
    return _Picture(frame.time_s, gray, soft, cv2.resize(soft, (16, 9), interpolation=cv2.INTER_AREA))


def _blank(before: _Picture, after: _Picture) -> Step:
    zero = np.zeros(GRID, np.float32)
    return Step(before.time_s, after.time_s, True, zero, zero, zero, 0.0, 255.0, 0.0)


def _compare(dis: cv2.DISOpticalFlow, before: _Picture, after: _Picture, past: _Past | None) -> tuple[Step, np.ndarray | None]:
    """The step, and the camera's way in it."""
    raw = cv2.absdiff(before.gray, after.gray)
    if not raw.any():
        zero = np.zeros(GRID, np.float32)
        return Step(before.time_s, after.time_s, False, zero, zero, zero, 1.0, 0.0, 0.0), None
    flow = _flow(dis, after.gray, before.gray)  # where each pixel of the later picture came from: (h, w, 2)
    way = None
    model = _camera(flow, after.soft)
    left, seen = _left(before, after, None)
    if model is not None:
        camera = _model_flow(model, flow.shape[:2])
        compensated, covered = _left(before, after, camera)
        now, was = np.abs(compensated[::2, ::2][covered[::2, ::2]]), np.abs(left[::2, ::2])
        if np.median(now) < CAMERA_GAIN * np.median(was) or now.mean() < CAMERA_GAIN * was.mean():
            left, seen, way = compensated, covered, camera
    size = np.abs(left)
    energy = _above_noise(size)
    trust = _explained(flow, before.soft, after.soft, size, energy > 0)
    ways = -(flow if way is None else flow - way) * (trust * seen * (ANALYSIS_WIDTH / flow.shape[1]))[..., None]
    cells = _cells(energy)
    turn = 0.0
    if past is not None:
        both = way if past.way is None else past.way if way is None else way + past.way
        twice = _cells(_above_noise(np.abs(_left(past.picture, after, both)[0])))
        turn = float(np.maximum(cells + past.energy - 2 * twice, 0).sum())
    step = Step(
        before.time_s,
        after.time_s,
        False,
        cells,
        _cells(ways[..., 0]),
        _cells(ways[..., 1]),
        _correlation(before.layout, after.layout),
        float(raw.mean()),
        0.0 if way is None else float(np.hypot(*way.mean(axis=(0, 1)))),
        turn,
    )
    return step, way


def _left(before: _Picture, after: _Picture, way: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """What differs once the earlier picture is moved along the camera's way, and where the two overlap: both (h, w)."""
    if way is None:
        return _difference(before.soft, after.soft), np.ones(after.soft.shape, bool)
    moved = _fetched(before.soft, way, cv2.BORDER_CONSTANT)
    seen = np.isfinite(moved)
    return np.where(seen, _difference(np.where(seen, moved, after.soft), after.soft), 0), seen


def _fetched(picture: np.ndarray, way: np.ndarray, border: int) -> np.ndarray:
    """Each pixel from where it came; NaN from outside the picture when the border is constant."""
    source = way + _pixel_grid(way.shape[:2])
    return cv2.remap(picture, source[..., 0], source[..., 1], cv2.INTER_LINEAR, borderMode=border, borderValue=(float("nan"),))


def _above_noise(size: np.ndarray) -> np.ndarray:
    return np.maximum(size - (NOISE_LEVELS + 3 * min(1.4826 * float(np.median(size[::2, ::2])), 4.0)), 0)


def _cells(motion: np.ndarray) -> np.ndarray:
    return cv2.resize(motion.astype(np.float32), (GRID[1], GRID[0]), interpolation=cv2.INTER_AREA)


def _explained(flow: np.ndarray, before: np.ndarray, after: np.ndarray, left: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """0-1 (h, w): how far the flow accounts for the change it is said to make.

    A thin or blurred thing that jumps too far is lost by the flow, which then answers with some large vector or other;
    following that vector back does not find the same grey, so it gets little weight.
    """
    fetched = _fetched(before, flow, cv2.BORDER_REPLICATE)
    wrong = cv2.boxFilter(np.where(moving, np.abs(_difference(fetched, after)), 0), -1, (7, 7))
    change = cv2.boxFilter(np.where(moving, left, 0), -1, (7, 7))
    near = np.minimum(1, 2 * cv2.boxFilter(moving.astype(np.float32), -1, (5, 5)))
    return near * np.clip(TRUST_EASE - wrong / (change + 1e-3), LEAST_TRUST, 1)


def _flow(dis: cv2.DISOpticalFlow, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return dis.calc(source, target, np.zeros((*source.shape, 2), np.float32))
    finally:
        cv2.setNumThreads(threads)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 1e-3 else 1.0


def _difference(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """after - before, float32, with the light's change (one gain and one lift for the whole picture) taken off."""
    x, y = before[::4, ::4].ravel(), after[::4, ::4].ravel()
    gain, lift = 1.0, float(np.median(y - x))
    for _ in range(3):
        rest = y - gain * x - lift
        scale = 1.4826 * float(np.median(np.abs(rest))) + 0.5
        weight = 1 / (1 + (rest / (2 * scale)) ** 2) ** 2
        total = weight.sum()
        mx, my = (weight * x).sum() / total, (weight * y).sum() / total
        variance = (weight * (x - mx) ** 2).sum() / total
        if variance < 4:
            gain, lift = 1.0, my - mx
        else:
            gain = float(np.clip((weight * (x - mx) * (y - my)).sum() / total / variance, 0.6, 1.6))
            lift = my - gain * mx
    return after - np.float32(gain) * before - np.float32(lift)


def _camera(flow: np.ndarray, picture: np.ndarray) -> np.ndarray | None:
    """Shift, zoom and turn (a, b, tx, ty: u = a x - b y + tx, v = b x + a y + ty) that most of the textured flow obeys."""
    h, w = flow.shape[:2]
    part = (slice(2, None, 4), slice(2, None, 4))
    texture = np.hypot(cv2.Sobel(picture, cv2.CV_32F, 1, 0)[part], cv2.Sobel(picture, cv2.CV_32F, 0, 1)[part]).ravel()
    grid = _pixel_grid((h, w))[part].astype(np.float64)
    x, y = (grid[..., 0].ravel() - w / 2) / w, (grid[..., 1].ravel() - h / 2) / w
    u, v = flow[..., 0][part].ravel().astype(np.float64), flow[..., 1][part].ravel().astype(np.float64)
    trust = np.minimum(1, texture / 40.0)
    if trust.sum() < 30:
        return None
    order = trust > 0.25
    if order.sum() < 20:
        order = trust > 0
    a, b, tx, ty = 0.0, 0.0, float(np.median(u[order])), float(np.median(v[order]))
    zero, one = np.zeros_like(x), np.ones_like(x)
    pairs = ((x, y), (-y, x), (one, zero), (zero, one))
    rows = np.stack([np.concatenate(pair) for pair in pairs], 1)
    target = np.concatenate([u, v])
    for width in (2.0, 1.0, 0.6, 0.6):
        rest = np.hypot(u - (a * x - b * y + tx), v - (b * x + a * y + ty))
        weight = trust / (1 + (rest / width) ** 2) ** 2
        weights = np.concatenate([weight, weight])[:, None]
        normal = rows.T @ (rows * weights) + 1e-3 * np.eye(4)
        a, b, tx, ty = np.linalg.solve(normal, rows.T @ (target * weights[:, 0]))
    if np.hypot(tx, ty) + 0.3 * np.hypot(a, b) < MIN_CAMERA_PX:
        return None
    return np.array([a, b, tx, ty])


@lru_cache(maxsize=4)
def _pixel_grid(shape: tuple[int, ...]) -> np.ndarray:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    grid = np.stack([x, y], -1)
    grid.setflags(write=False)
    return grid


def _model_flow(model: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    h, w = shape
    a, b, tx, ty = model
    grid = _pixel_grid(shape)
    x, y = (grid[..., 0] - w / 2) / w, (grid[..., 1] - h / 2) / w
    return np.stack([a * x - b * y + tx, b * x + a * y + ty], -1).astype(np.float32)
