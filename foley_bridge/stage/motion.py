"""Where everything is at any moment: the tip that strikes, the feet that walk, the camera that shakes.

Closed formulas of time, so that any frame rate sees the same world. A tool's tip accelerates into the blow, touches at
exactly the event's time and leaves with the speed the material gives back. Lengths in picture heights.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from foley_bridge.stage.materials import BOARD, MATERIALS
from foley_bridge.stage.scene import Event, Scene, stream

TABLE_Y = 0.25  # where objects stand
GROUND_Y = 0.30  # where boots tread
IDLE = 0.16  # height at which a tool waits
FALL_POWER = 2.4  # how a blow accelerates: height lost ~ time to this power
LIFT_S = 0.45  # for how long a tool is raised before a blow
TOE_S = 0.11  # from heel strike to the sole lying flat
FOOT = 0.21  # heel to toe
TOE_UP = math.radians(20)
HEEL_UP = math.radians(42)
GRAVITY = 4.2  # of the ball's world, picture heights per second squared


@dataclass(frozen=True)
class Foot:
    """A boot: heel at (x, ground - height), pitch in radians (positive: toe up)."""

    x: float
    height: float
    pitch: float


def extent(scene: Scene) -> tuple[float, float]:
    """Half width and height of the scene's object, picture heights."""
    return MATERIALS[scene.material].size if scene.action == "hit" else BOARD


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


def _fall(event: Event, before: Event | None) -> tuple[float, float]:
    """The downward stroke: from how high over the face, and in how many seconds.

    Harder blows fall from higher in less time. After a short pause the stroke is as much lower as it is shorter, so that the
    speed of the blow stays what its strength says.
    """
    natural_s = 0.22 if event.kind == "scratch" else 0.20 - 0.07 * event.strength
    fall_s = natural_s if before is None else min(natural_s, 0.4 * float(event.time_s - before.end_s))
    return max(0.0, event.gap) + (0.15 + 0.22 * event.strength) * fall_s / natural_s, fall_s


def _rebound(event: Event, pause_s: float) -> tuple[float, float]:
    """The way back up: to how high, and in how many seconds; its first speed is the material's share of the blow's."""
    top, fall_s = _fall(event, None)
    if not event.audible or event.kind == "scratch":
        height, rise_s = max(event.gap, 0.0) + 0.75 * IDLE, 0.25
    else:
        share = MATERIALS[event.material].rebound
        height = max(0.05, 0.75 * share * top)
        rise_s = min(0.4, 2.0 * height * fall_s / (FALL_POWER * top * share))
    shorter = min(1.0, 0.4 * pause_s / rise_s)
    return event.gap + (height - event.gap) * shorter, rise_s * shorter


def _height(scene: Scene, time_s: float) -> float:
    """Height of a held tool's tip over the struck face."""
    now, following = _around(scene, time_s)
    if now is not None and time_s <= float(now.end_s):
        return now.gap
    top, fall_s = (IDLE, 0.0) if following is None else _fall(following, now)
    until = math.inf if following is None else float(following.time_s) - time_s
    if following is not None and until <= fall_s:
        u = 1.0 - until / fall_s
        # a blow accelerates into the face; a near miss and a scratch slow down before it
        drop = u**FALL_POWER if following.audible and following.kind == "hit" else smooth(u)
        return following.gap + (top - following.gap) * (1.0 - drop)
    if now is None:
        return IDLE + (top - IDLE) * smooth(1.0 - (until - fall_s) / LIFT_S)
    since = time_s - float(now.end_s)
    rest, rise_s = _rebound(now, since + until)
    if since < rise_s:
        return now.gap + (rest - now.gap) * (1.0 - (1.0 - since / rise_s) ** 2)
    if following is None:
        return rest + (IDLE - rest) * smooth((since - rise_s) / LIFT_S)
    lift_s = min(LIFT_S, since + until - rise_s - fall_s)
    return rest + (top - rest) * smooth(1.0 - (until - fall_s) / lift_s)


def _across(scene: Scene, time_s: float) -> float:
    """The x of a held tool's tip: to each event's spot while lifted, back and forth while scratching."""
    now, following = _around(scene, time_s)
    if now is None:
        return following.spot + stroke(scene, following, float(following.time_s)) if following is not None else 0.0
    # moves across only between the way up and the next stroke, so that a tip beside the object never cuts its corner
    here = now.spot + stroke(scene, now, min(time_s, float(now.end_s)))
    if following is None or time_s <= float(now.end_s):
        return here
    pause = float(following.time_s - now.end_s)
    there = following.spot + stroke(scene, following, float(following.time_s))
    return here + (there - here) * smooth((time_s - float(now.end_s) - 0.15 * pause) / (0.45 * pause))


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
    pause = since + until
    if pause <= 1.4:  # a long pause is a slow bounce rather than one that leaves the picture
        return 0.0, min(0.5 * GRAVITY, 2.0 / pause**2) * since * until
    if until < 0.6:
        return 0.0, 2.6 * until - 0.5 * GRAVITY * until * until
    if now is None:
        return 0.0, 2.0
    # the last bounce carries it away to the side
    return 2.6 * since, 0.9 * since - 0.5 * GRAVITY * since * since


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
    return 0.5 * (left.x + right.x) + 0.45 * FOOT, GROUND_Y - 0.765 + 0.25 * apart * apart
