"""Where everything is at any moment: the tip that strikes, the feet that walk, the camera that shakes.

Closed formulas of time, so that any frame rate sees the same world. A tool's tip accelerates into the blow, touches at
exactly the event's time and leaves with the speed the material gives back. Lengths in picture heights.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.scene import Event, Scene, stream

TABLE_Y = 0.25  # where objects stand
GROUND_Y = 0.30  # where boots tread
IDLE = 0.16  # height at which a tool waits
TOE_S = 0.11  # from heel strike to the sole lying flat
FOOT = 0.21  # heel to toe
TOE_UP = math.radians(20)
HEEL_UP = math.radians(42)
GRAVITY = 4.2  # of the ball's world, picture heights per second squared

#: half width and height of the object that is struck or scratched
OBJECTS = {
    "metal": (0.25, 0.060),
    "wood": (0.23, 0.130),
    "glass": (0.13, 0.200),
    "ceramic": (0.17, 0.130),
    "plastic": (0.19, 0.190),
    "stone": (0.22, 0.150),
    "cardboard": (0.23, 0.210),
    "gravel": (0.27, 0.090),
}
BOARD = (0.62, 0.055)  # what is scratched is wider and flat


@dataclass(frozen=True)
class Foot:
    """A boot: heel at (x, ground - height), pitch in radians (positive: toe up)."""

    x: float
    height: float
    pitch: float


def extent(scene: Scene) -> tuple[float, float]:
    """Half width and height of the scene's object, picture heights."""
    return OBJECTS[scene.material] if scene.action == "hit" else BOARD


def face_y(scene: Scene) -> float:
    """The y of the face that is struck (the ground for footsteps)."""
    return GROUND_Y if scene.tool == "boots" else TABLE_Y - extent(scene)[1]


def smooth(u: float) -> float:
    """0 to 1 with no speed at either end."""
    u = min(1.0, max(0.0, u))
    return u * u * (3.0 - 2.0 * u)


def tip(scene: Scene, time_s: float) -> tuple[float, float]:
    """(x, y) of the lowest point of the tool at a time; on the struck face exactly at the events' times."""
    x, height = _ball(scene, time_s) if scene.tool == "ball" else (_across(scene, time_s), _height(scene, time_s))
    return x, face_y(scene) - height


def clearance(scene: Scene, time_s: float) -> float:
    """Distance straight down from the tool's tip to what lies below it; 0 = touching.

    For boots: of the heel whose step is nearest in time.
    """
    if scene.tool == "boots":
        nearest = min(range(len(scene.events)), key=lambda index: abs(float(scene.events[index].time_s) - time_s), default=0)
        return feet(scene, time_s)[nearest % 2].height
    x, y = tip(scene, time_s)
    half, height = extent(scene)
    return (face_y(scene) if abs(x) <= half else face_y(scene) + height) - y


def _around(scene: Scene, time_s: float) -> tuple[Event | None, Event | None]:
    """The event begun last and the one to come."""
    index = bisect_right(scene.events, time_s, key=lambda event: float(event.time_s))
    return (scene.events[index - 1] if index else None), (scene.events[index] if index < len(scene.events) else None)


def _rise_top(event: Event) -> float:
    """Height from which a blow of this strength falls."""
    return 0.15 + 0.22 * event.strength + max(0.0, event.gap)


def _fall_s(event: Event, before: Event | None) -> float:
    """Length of the downward stroke: shorter for harder blows, and never more than half of the pause."""
    natural = 0.22 if event.kind == "scratch" else 0.20 - 0.07 * event.strength
    return natural if before is None else min(natural, 0.5 * float(event.time_s - before.end_s))


def _height(scene: Scene, time_s: float) -> float:
    """Height of a held tool's tip over the struck face."""
    now, following = _around(scene, time_s)
    if now is not None and time_s <= float(now.end_s):
        return now.gap
    if following is not None:
        fall = _fall_s(following, now)
        until = float(following.time_s) - time_s
        if until <= fall:
            u = 1.0 - until / fall
            # a blow accelerates into the face; a near miss and a scratch slow down before it
            drop = u**2.4 if following.audible and following.kind == "hit" else smooth(u)
            return following.gap + (_rise_top(following) - following.gap) * (1.0 - drop)
    rest = IDLE
    if now is not None:
        since = time_s - float(now.end_s)
        pause = math.inf if following is None else float(following.time_s - now.end_s)
        rest, rise = _rebound(scene, now, _fall_s(now, None))
        rise = min(rise, 0.4 * pause)
        if since < rise:
            return now.gap + (rest - now.gap) * (1.0 - (1.0 - since / rise) ** 2)
        if following is None:
            return rest + (IDLE - rest) * smooth((since - rise) / 0.5)
        spare = pause - rise - _fall_s(following, now)
        lift = min(0.45, spare)
        start = pause - _fall_s(following, now) - lift
        return rest + (_rise_top(following) - rest) * smooth((since - start) / lift if lift > 0 else 1.0)
    if following is not None:
        start = float(following.time_s) - _fall_s(following, now) - 0.45
        return rest + (_rise_top(following) - rest) * smooth((time_s - start) / 0.45)
    return rest


def _rebound(scene: Scene, event: Event, fall_s: float) -> tuple[float, float]:
    """How high the tip comes back and in how many seconds: its first speed is the material's share of the blow's."""
    top = _rise_top(event)
    if not event.audible or event.kind == "scratch":
        return max(event.gap, 0.0) + 0.75 * IDLE, 0.25
    share = MATERIALS[event.material].rebound
    height = max(0.05, 0.75 * share * top)
    return height, min(0.4, 2.0 * height * fall_s / (2.4 * top * share))


def _across(scene: Scene, time_s: float) -> float:
    """The x of a held tool's tip: to each event's spot while lifted, back and forth while scratching."""
    now, following = _around(scene, time_s)
    if now is None:
        return following.spot + stroke(scene, following, float(following.time_s)) if following is not None else 0.0
    here = now.spot + stroke(scene, now, min(time_s, float(now.end_s)))
    if following is None or time_s <= float(now.end_s):
        return here
    pause = float(following.time_s - now.end_s)
    there = following.spot + stroke(scene, following, float(following.time_s))
    return here + (there - here) * smooth((time_s - float(now.end_s) - 0.25 * pause) / (0.5 * pause))


def strokes(scene: Scene, event: Event) -> tuple[int, float]:
    """How many strokes a scratch has and how far each goes, picture heights."""
    rng = stream(scene.seed, "strokes", scene.events.index(event))
    each_s = float(rng.uniform(0.22, 0.42))
    return max(1, round(float(event.duration_s) / each_s)), float(rng.uniform(0.22, 0.34))


def stroke(scene: Scene, event: Event, time_s: float) -> float:
    """How far along x a scratch has moved the tip from its middle at a time inside it."""
    if event.kind != "scratch" or not event.duration_s:
        return 0.0
    count, length = strokes(scene, event)
    return -0.5 * length * math.cos(math.pi * count * (time_s - float(event.time_s)) / float(event.duration_s))


def _ball(scene: Scene, time_s: float) -> tuple[float, float]:
    """A bouncing ball: parabolas between bounces; after a long pause another ball is dropped from above."""
    now, following = _around(scene, time_s)
    since = math.inf if now is None else time_s - float(now.time_s)
    until = math.inf if following is None else float(following.time_s) - time_s
    if since + until <= 0.85:
        return 0.0, 0.5 * GRAVITY * since * until
    if until < 0.6:
        speed = 0.5 * GRAVITY * 0.5
        return 0.0, speed * until + 0.5 * GRAVITY * until * until * 1.5
    if now is None:
        return 0.0, 2.0
    speed = 0.9  # the last bounce carries it away to the side
    return 1.3 * since, speed * since + 0.2 * since * since


def feet(scene: Scene, time_s: float) -> tuple[Foot, Foot]:
    """Both boots of a walker at a time; the even steps' foot first. The heel of step k lands exactly at its event's time."""
    times = [float(event.time_s) for event in scene.events]
    return _foot(times, scene.step_length, 0, time_s), _foot(times, scene.step_length, 1, time_s)


def _foot(times: list[float], length: float, parity: int, time_s: float) -> Foot:
    mine = [index for index in range(len(times)) if index % 2 == parity]
    origin = -0.5 * (len(times) - 1) * length - 0.5 * FOOT
    done = [index for index in mine if times[index] <= time_s]
    ahead = [index for index in mine if times[index] > time_s]
    last = done[-1] if done else parity - 2
    x = origin + max(last, -1) * length
    pitch = 0.0
    if done:
        pitch = TOE_UP * (1.0 - min(1.0, (time_s - times[last]) / TOE_S) ** 2)
    if not ahead:
        return Foot(x, 0.0, pitch)
    landing = times[ahead[0]]
    other = times[ahead[0] - 1] if ahead[0] else -math.inf
    swing_from = landing - min(0.42, 0.72 * (landing - other)) if other > -math.inf else landing - 0.42
    lift_s = min(0.18, 0.6 * (swing_from - other)) if other > -math.inf else 0.18
    if time_s < swing_from - lift_s:
        return Foot(x, 0.0, pitch)
    if time_s < swing_from:
        raised = HEEL_UP * smooth((time_s - swing_from + lift_s) / lift_s)
        return Foot(x + FOOT * (1.0 - math.cos(raised)), FOOT * math.sin(raised), -raised)
    u = (time_s - swing_from) / (landing - swing_from)
    start_x = x + FOOT * (1.0 - math.cos(HEEL_UP))
    end_x = origin + ahead[0] * length
    height = FOOT * math.sin(HEEL_UP) * (1.0 - u**1.8)
    return Foot(start_x + (end_x - start_x) * smooth(u), height, -HEEL_UP + (HEEL_UP + TOE_UP) * smooth(u * 1.15))


def hip(scene: Scene, time_s: float) -> tuple[float, float]:
    """(x, y) of the walker's hip: between the feet, lowest when they are far apart."""
    left, right = feet(scene, time_s)
    apart = abs(left.x - right.x)
    return 0.5 * (left.x + right.x) + 0.45 * FOOT, GROUND_Y - 0.74 + 0.10 * apart * apart
