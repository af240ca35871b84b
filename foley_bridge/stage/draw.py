"""How the stage looks: frames of a scene at any rate and size, each showing the world at its own moment.

Everything still is painted once per scene and size (``props``); a frame places it through the camera and averages a few
moments around its time when the shutter is open.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import cv2
import numpy as np

from foley_bridge.errors import StageError
from foley_bridge.stage import props
from foley_bridge.stage.camera import light, shot_at, view
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.motion import GROUND_Y, Foot, clearance, extent, face_y, feet, hip, stroke, tip
from foley_bridge.stage.scene import Event, Scene, stream
from foley_bridge.stage.sprites import Sprite

MOMENTS = (2, 8)  # how many moments a blurred frame averages, by how far things move in it
THIGH, SHIN = 0.315, 0.305
LEAN = {"stick": 0.50, "hammer": 0.10, "hand": 0.16}  # angle of the tool at contact, radians
Leg = tuple[Sprite, Sprite, Sprite]  # boot, shin, thigh
PIECES = {"gravel": 9, "wood": 3, "stone": 3, "cardboard": 0}


def draw_frames(
    scene: Scene,
    *,
    fps: Fraction,
    size: tuple[int, int] = (640, 360),
    shutter: float = 0.25,
    start: int = 0,
    end: int | None = None,
) -> Iterator[np.ndarray]:
    """Draw a scene's frames.

    Args:
        fps: exact frame rate; frame k shows the world at k / fps.
        size: (width, height) in pixels, 16 or more.
        shutter: share of a frame's time the shutter is open, centred on the frame's moment; 0 draws no blur.
        start, end: first frame and the one after the last; all of the scene when not given.

    Yields:
        uint8 (height, width, 3) RGB; the same bytes for the same arguments.
    """
    if fps <= 0 or not 0 <= shutter <= 1:
        raise StageError(f"Cannot draw {fps} frames per second with shutter {shutter:g}.", "fps above 0, shutter from 0 to 1.")
    last = math.ceil(scene.duration_s * fps) if end is None else end
    for index in range(start, last):
        yield draw_at(scene, Fraction(index) / fps, size, open_s=shutter / float(fps))


def draw_at(scene: Scene, time_s: float | Fraction, size: tuple[int, int] = (640, 360), *, open_s: float = 0.0) -> np.ndarray:
    """Draw one moment, uint8 (height, width, 3) RGB. open_s: for how long around it the shutter is open, seconds."""
    if min(size) < 16:
        raise StageError(f"A picture of {size[0]}x{size[1]} is too small.", "Use 16 pixels or more on each side.")
    return _painter(scene, size).frame(float(time_s), open_s)


@lru_cache(maxsize=6)
def _painter(scene: Scene, size: tuple[int, int]) -> _Painter:
    return _Painter(scene, size)


class _Painter:
    """A scene's painted parts at one size, and how they are put together."""

    def __init__(self, scene: Scene, size: tuple[int, int]) -> None:
        self.scene, self.size = scene, size
        zoom = max(shot.zoom for shot in scene.look.shots)
        scale = size[1] * min(2.0, max(1.0, zoom))
        self.scale = scale
        self.plate = props.backdrop(scene, scale)
        self.shadow = props.shadow(scale)
        heard = [index for index, event in enumerate(scene.events) if event.audible]
        self.trails = [_Trail(scene, index) for index in heard if scene.events[index].kind == "scratch"]
        self.pieces = _Pieces(scene)
        if scene.tool == "boots":
            self._dress(scale)
        else:
            self.prop, self.tool = props.prop(scene, scale), props.tool(scene, scale)
        self.extras = {
            name: {"lamp": props.lamp, "passer": props.passer}[name](scale)
            for name in scene.look.distractors
            if name in ("lamp", "passer")
        }
        width, height = size
        x, y = (np.arange(width) + 0.5) / width - 0.5, (np.arange(height) + 0.5) / height - 0.5
        dark = 1.0 - 0.55 * np.clip(x[None, :] ** 2 * 1.3 + y[:, None] ** 2 - 0.08, 0, 1)
        self.vignette = cv2.merge([np.round(255 * dark).astype(np.uint8)] * 3)
        grain = stream(scene.seed, "grain").normal(128, max(1e-6, scene.look.noise), (height + 64, width + 64, 3))
        self.grain = np.clip(np.round(grain), 0, 255).astype(np.uint8)

    def _dress(self, scale: float) -> None:
        rng = stream(self.scene.seed, "dress")
        cloth = rng.uniform(40, 110) + rng.uniform(-14, 14, 3)
        coat = rng.uniform(40, 130, 3)
        self.legs: list[Leg] = []
        for dim in (0.62, 1.0):
            colour = (float(cloth[0] * dim), float(cloth[1] * dim), float((cloth[2] + 18) * dim))
            boot = props.boot(scale, stream(self.scene.seed, "boot"), dim=dim)
            shin, thigh = props.limb(scale, colour, SHIN, 0.064, 0.058), props.limb(scale, colour, THIGH, 0.090, 0.066)
            self.legs.append((boot, shin, thigh))
        self.coat = props.jacket(scale, (float(coat[0]), float(coat[1]), float(coat[2])))

    def frame(self, time_s: float, open_s: float) -> np.ndarray:
        """The finished picture."""
        if open_s > 0:
            count = self._moments(time_s, open_s)
            moments = time_s + open_s * ((np.arange(count) + 0.5) / count - 0.5)
            # a cut inside the open shutter would mix two shots
            shot = shot_at(self.scene, time_s)
            kept = [float(m) for m in moments if shot_at(self.scene, float(m)) is shot]
            total = np.zeros((self.size[1], self.size[0], 3), np.float32)
            for moment in kept:
                cv2.accumulate(self._moment(moment), total)
            picture = cv2.convertScaleAbs(total, alpha=1.0 / len(kept))
        else:
            picture = self._moment(time_s)
        return self._develop(picture, time_s)

    def _moments(self, time_s: float, open_s: float) -> int:
        """Enough moments that the fastest thing moves two pixels or less between them."""
        scene, ends = self.scene, (time_s - 0.5 * open_s, time_s + 0.5 * open_s)
        if scene.tool == "boots":
            paths = [[(foot.x, foot.height) for foot in feet(scene, end)] for end in ends]
        else:
            paths = [[tip(scene, end)] for end in ends]
        way = max(math.dist(before, after) for before, after in zip(*paths, strict=True))
        return min(MOMENTS[1], max(MOMENTS[0], math.ceil(0.5 * way * self.scale)))

    def _develop(self, picture: np.ndarray, time_s: float) -> np.ndarray:
        """Vignette, light and sensor noise; the noise is new at every microsecond and the same for the same one."""
        picture = cv2.multiply(picture, self.vignette, scale=1 / 255)
        red, green, blue = light(self.scene, time_s)
        if (red, green, blue) != (1.0, 1.0, 1.0):
            picture = cv2.multiply(picture, (red, green, blue, 1.0))  # type: ignore[call-overload]
        if self.scene.look.noise:
            key = (round(time_s * 1_000_000) * 2654435761) & 0xFFFFFFFF
            top, left = key % 64, key // 64 % 64
            grain = self.grain[top : top + self.size[1], left : left + self.size[0]]
            picture = cv2.addWeighted(picture, 1.0, grain, 1.0, -128.0)
        return np.ascontiguousarray(picture[:, ::-1]) if self.scene.look.mirror else picture

    def _moment(self, time_s: float) -> np.ndarray:
        scene = self.scene
        camera = view(scene, time_s, self.size)
        to_plate = np.array([[1 / self.scale, 0, -props.WIDE / 2], [0, 1 / self.scale, -props.TALL / 2]])
        linear = camera[:, :2] @ to_plate[:, :2]
        shift = camera[:, :2] @ to_plate[:, 2] + camera[:, 2] + linear @ (0.5, 0.5) - 0.5
        frame = cv2.warpAffine(
            self.plate, np.column_stack([linear, shift]), self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        self._distract(frame, camera, time_s)
        if scene.tool == "boots":
            self._walk(frame, camera, time_s)
            self.pieces.draw(frame, camera, time_s)
        else:
            self._strike(frame, camera, time_s)
        return frame

    def _strike(self, frame: np.ndarray, camera: np.ndarray, time_s: float) -> None:
        scene = self.scene
        top = face_y(scene)
        dip, tilt = self._shaken(time_s)
        self.prop.draw(frame, camera, (0.0, top + dip), angle=tilt)
        for trail in self.trails:
            trail.draw(frame, camera, time_s)
        self.pieces.draw(frame, camera, time_s)
        x, y = tip(scene, time_s)
        gap = clearance(scene, time_s)
        if gap < 0.45 and abs(x) < 1.2:
            near = 1.0 - gap / 0.45
            wide = 1.0 + 3.0 * gap
            self.shadow.draw(frame, camera, (x + 0.20 * gap, y + gap), stretch=(wide, wide), opacity=0.08 + 0.8 * near**3)
        height = top - y
        if scene.tool == "ball":
            self.tool.draw(frame, camera, (x, y - props.BALL_RADIUS), angle=3.0 * time_s)
            return
        radius = props.TIP_RADIUS if scene.tool == "stick" else 0.0
        drag = 0.5 * x if scene.action != "hit" else 0.0
        angle = -LEAN[scene.tool] + 1.5 * max(-0.1, height) + 0.3 * drag
        self.tool.draw(frame, camera, (x, y - radius), angle=angle)

    def _shaken(self, time_s: float) -> tuple[float, float]:
        """How the object answers: (how far it dips, how far it tilts) after the blows so far."""
        dip = tilt = 0.0
        for event in self.scene.events:
            since = time_s - float(event.time_s)
            if event.audible and event.kind == "hit" and 0 < since < 0.7:
                swing = MATERIALS[event.material].jump * event.strength * math.exp(-since / 0.09)
                dip += swing * math.sin(2 * math.pi * 10.5 * since)
                tilt += 1.2 * swing * math.sin(2 * math.pi * 8.0 * since) * math.copysign(1.0, event.spot)
        return dip, tilt

    def _walk(self, frame: np.ndarray, camera: np.ndarray, time_s: float) -> None:
        pair = feet(self.scene, time_s)
        at_hip = hip(self.scene, time_s)
        for index, foot in enumerate(pair):
            near = max(0.0, 1.0 - foot.height / 0.2)
            self.shadow.draw(frame, camera, (foot.x + 0.10, GROUND_Y + 0.004), stretch=(2.4, 1.4), opacity=0.3 + 0.6 * near)
            if index == 0:
                self._leg(frame, camera, foot, at_hip, self.legs[0])
        self.coat.draw(frame, camera, at_hip)
        self._leg(frame, camera, pair[1], at_hip, self.legs[1])
        self.coat.draw(frame, camera, (at_hip[0], at_hip[1] - 0.03))

    def _leg(self, frame: np.ndarray, camera: np.ndarray, foot: Foot, at_hip: tuple[float, float], parts: Leg) -> None:
        boot, shin, thigh = parts
        heel = (foot.x, GROUND_Y - foot.height)
        cos, sin = math.cos(-foot.pitch), math.sin(-foot.pitch)
        ankle = (heel[0] + cos * 0.055 + sin * 0.16, heel[1] + sin * 0.055 - cos * 0.16)
        dx, dy = ankle[0] - at_hip[0], ankle[1] - at_hip[1]
        span = min(math.hypot(dx, dy), THIGH + SHIN - 1e-4)
        bend = math.acos((THIGH**2 + span**2 - SHIN**2) / (2 * THIGH * span))
        down = math.atan2(dy, dx) - bend  # the knee bends forward
        knee = (at_hip[0] + THIGH * math.cos(down), at_hip[1] + THIGH * math.sin(down))
        boot.draw(frame, camera, heel, angle=-foot.pitch)
        thigh.draw(frame, camera, at_hip, angle=down - math.pi / 2)
        shin.draw(frame, camera, knee, angle=math.atan2(ankle[1] - knee[1], ankle[0] - knee[0]) - math.pi / 2)

    def _distract(self, frame: np.ndarray, camera: np.ndarray, time_s: float) -> None:
        """Things that move behind the action and make no sound."""
        scene = self.scene
        names = scene.look.distractors
        edge = camera[1, 1] * props.horizon(scene) + camera[1, 2]
        behind = frame[: max(0, min(self.size[1], round(edge)))]
        if "screen" in names:
            step = math.floor(time_s * 1.7 + stream(scene.seed, "screen").random())
            colour = stream(scene.seed, "screen", step).uniform(30, 230, 3)
            corners = np.array([[-0.62, -0.40], [-0.25, -0.40], [-0.25, -0.18], [-0.62, -0.18]])
            pixels = corners @ camera[:, :2].T + camera[:, 2]
            cv2.fillConvexPoly(behind, np.round(pixels * 16).astype(np.int32), tuple(float(v) for v in colour), cv2.LINE_AA, 4)
        if "passer" in names and len(behind) > 2:
            rng = stream(scene.seed, "passer")
            speed = float(rng.uniform(0.25, 0.6)) * float(rng.choice([-1, 1]))
            x = (float(rng.uniform(-1, 1)) + speed * time_s + 1.5) % 3.0 - 1.5
            bob = 0.012 * abs(math.sin(2 * math.pi * 0.9 * time_s))
            self.extras["passer"].draw(behind, camera, (x, props.horizon(scene) + 0.05 - bob))
        if "lamp" in names:
            rng = stream(scene.seed, "lamp")
            x, hz, size = float(rng.uniform(-0.7, -0.3)), float(rng.uniform(0.4, 0.8)), float(rng.uniform(0.1, 0.3))
            angle = size * math.sin(2 * math.pi * hz * time_s + float(rng.uniform(0, 6.28)))
            self.extras["lamp"].draw(frame, camera, (x, -0.75), angle=angle)
        if "leaves" in names:
            self._leaves(frame, camera, time_s)

    def _leaves(self, frame: np.ndarray, camera: np.ndarray, time_s: float) -> None:
        rng = stream(self.scene.seed, "leaves")
        numbers = rng.uniform(size=(9, 5))
        for index, (x0, y0, fall, hue, size) in enumerate(numbers):
            y = (y0 + (0.12 + 0.15 * fall) * time_s) % 1.3 - 0.75
            x = 2.2 * (x0 - 0.5) + 0.12 * math.sin(2.2 * time_s + 6.28 * hue)
            centre = camera[:, :2] @ (x, y) + camera[:, 2]
            long = (0.012 + 0.014 * size) * camera[0, 0]
            flat = long * (0.25 + 0.35 * abs(math.sin(3.0 * time_s + index)))
            colour = (150 + 70 * hue, 90 + 50 * fall, 40.0)
            cv2.ellipse(
                frame,
                (round(centre[0] * 16), round(centre[1] * 16)),
                (round(long * 16), round(flat * 16)),
                math.degrees(time_s * 2 + index),
                0,
                360,
                colour,
                -1,
                cv2.LINE_AA,
                4,
            )


class _Trail:
    """The marks a scratch leaves, growing as the tip passes."""

    def __init__(self, scene: Scene, index: int) -> None:
        self.scene, self.event = scene, scene.events[index]
        darker = scene.material in ("ceramic", "cardboard", "gravel")
        tone = np.asarray(MATERIALS[scene.material].colour) * (0.6 if darker else 1.3)
        self.colour = tuple(float(min(value, 250)) for value in tone)
        self.rows = stream(scene.seed, "trail", index).uniform(-0.014, 0.014, 4)

    def draw(self, frame: np.ndarray, camera: np.ndarray, time_s: float) -> None:
        begun, ended = float(self.event.time_s), float(self.event.end_s)
        if time_s <= begun:
            return
        moments = np.linspace(begun, min(time_s, ended), 24)
        along = [self.event.spot + stroke(self.scene, self.event, float(moment)) for moment in moments]
        y = face_y(self.scene)
        for row in self.rows:
            ends = np.array([[min(along), y + row], [max(along), y + row * 0.4]]) @ camera[:, :2].T + camera[:, 2]
            (x0, y0), (x1, y1) = np.round(ends * 16).astype(int).tolist()
            cv2.line(frame, (x0, y0), (x1, y1), self.colour, 1, cv2.LINE_AA, 4)


class _Pieces:
    """Bits that a blow throws up: pebbles, chips; each flies a parabola and stays where it lands."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.colour = np.asarray(MATERIALS[scene.material].colour, np.float64)
        self.flights = [(float(event.time_s), self._numbers(index, event)) for index, event in enumerate(scene.events)]

    def _numbers(self, index: int, event: Event) -> np.ndarray:
        """(n, 5): start x, speed across, speed up, size, tone."""
        count = PIECES.get(event.material, 0) if event.audible and event.kind != "scratch" else 0
        rng = stream(self.scene.seed, "pieces", index)
        x = event.spot
        if event.kind == "footstep":
            x = float(feet(self.scene, float(event.time_s))[index % 2].x)
        share = 0.55 if event.kind == "footstep" else 1.0
        return np.column_stack(
            [
                x + rng.uniform(-0.03, 0.03, count),
                rng.normal(0, 0.22, count) * share,
                rng.uniform(0.3, 1.0, count) * event.strength * share,
                rng.uniform(0.004, 0.010, count),
                rng.uniform(0.6, 1.3, count),
            ]
        )

    def draw(self, frame: np.ndarray, camera: np.ndarray, time_s: float) -> None:
        ground = face_y(self.scene)
        half, height = extent(self.scene) if self.scene.tool != "boots" else (9.0, 0.0)
        for start_s, numbers in self.flights:
            since = time_s - start_s
            if since <= 0:
                continue
            for index, (x0, across, up, size, tone) in enumerate(numbers):
                flight = min(since, 2 * up / 3.5)
                x, y = x0 + across * flight, ground - up * flight + 1.75 * flight * flight + 0.012 * (index % 3)
                if abs(x) > half:
                    y += height
                centre = camera[:, :2] @ (x, y) + camera[:, 2]
                radius = max(8, round(size * camera[0, 0] * 16))
                cv2.ellipse(
                    frame,
                    (round(centre[0] * 16), round(centre[1] * 16)),
                    (radius, round(radius * 0.75)),
                    40.0 * index + 300 * flight,
                    0,
                    360,
                    tuple(float(v) for v in self.colour * tone),
                    -1,
                    cv2.LINE_AA,
                    4,
                )
