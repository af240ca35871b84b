"""What happens when: a scene is a set of frozen numbers that says everything there is to draw and to sound.

Lengths are in picture heights, x to the right from the picture's middle, y down. Nothing here knows of frame rates or sizes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from foley_bridge.errors import StageError
from foley_bridge.stage.materials import MATERIALS

ACTIONS = ("hit", "scratch", "footsteps", "mixed")
TOOLS = ("stick", "hammer", "hand", "ball", "boots")
BACKDROPS = ("gradient", "clouds", "checker", "grain", "shelves")
DISTRACTORS = ("lamp", "passer", "leaves", "screen")
CLOSEST_S = Fraction(8, 100)


@dataclass(frozen=True)
class Event:
    """Something that is seen to happen and, unless it is a near miss, heard.

    Attributes:
        time_s: exact moment of first contact (of closest approach for a near miss), seconds.
        kind: "hit", "scratch" or "footstep".
        material: what is struck, one of ``MATERIALS``.
        strength: 0-1.
        duration_s: how long the contact lasts; 0 for hits and footsteps.
        audible: False for a near miss: drawn, not sounded.
        gap: height over the struck face at the moment of the event, 0 for contacts; a near miss that passes beside
            the object may dip below the face's level (negative).
        spot: where along x, from the object's middle.
    """

    time_s: Fraction
    kind: str
    material: str
    strength: float = 0.7
    duration_s: Fraction = Fraction(0)
    audible: bool = True
    gap: float = 0.0
    spot: float = 0.0

    @property
    def end_s(self) -> Fraction:
        """When contact ends, seconds."""
        return self.time_s + self.duration_s


@dataclass(frozen=True)
class Shot:
    """How the camera stands from ``start_s`` on: offset (picture heights), zoom, and slow drifts per second."""

    start_s: float
    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    pan: float = 0.0
    push: float = 0.0


@dataclass(frozen=True)
class Look:
    """Everything about the picture that is not the action.

    Attributes:
        shots: at least one, in time order, the first at 0; each later one is a cut.
        shake: handheld amplitude, picture heights.
        follow: 0-1, how far the camera goes along with a walker.
        flicker: relative amplitude of quick light changes.
        fade: relative light change over the whole clip.
        warmth: -1 (cool) to 1 (warm).
        noise: standard deviation of sensor noise, 8-bit levels.
        backdrop: one of ``BACKDROPS``.
        tint: RGB 0-255 of the backdrop.
        distractors: some of ``DISTRACTORS``: they move and make no sound.
        mirror: left and right exchanged.
    """

    shots: tuple[Shot, ...] = (Shot(0.0),)
    shake: float = 0.0
    follow: float = 0.0
    flicker: float = 0.0
    fade: float = 0.0
    warmth: float = 0.0
    noise: float = 0.0
    backdrop: str = "gradient"
    tint: tuple[int, int, int] = (112, 122, 132)
    distractors: tuple[str, ...] = ()
    mirror: bool = False


@dataclass(frozen=True)
class Scene:
    """One clip of the small world. ``labels`` are (action, material); ``events`` are in time order."""

    seed: int
    action: str
    material: str
    duration_s: Fraction
    events: tuple[Event, ...]
    tool: str
    look: Look
    ring: float  # 0-1: where this object's lowest mode lies in its material's range
    step_length: float = 0.0  # picture heights a walker goes forward at each step

    @property
    def labels(self) -> tuple[str, str]:
        """(action, material)."""
        return self.action, self.material

    @property
    def onsets_s(self) -> tuple[Fraction, ...]:
        """Exact times of the audible events."""
        return tuple(event.time_s for event in self.events if event.audible)

    @property
    def cuts_s(self) -> tuple[float, ...]:
        """Times of cuts inside the clip."""
        return tuple(shot.start_s for shot in self.look.shots[1:])


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """An independent random stream for one purpose: the same seed and names give the same numbers everywhere."""
    return np.random.default_rng([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, zlib.crc32("/".join(map(str, names)).encode())])


def exact(time_s: float | Fraction) -> Fraction:
    """Seconds as an exact fraction; a float is read to the microsecond."""
    return time_s if isinstance(time_s, Fraction) else Fraction(round(float(time_s) * 1_000_000), 1_000_000)


def make_scene(
    seed: int,
    *,
    action: str = "hit",
    material: str = "wood",
    duration_s: float | Fraction = 4,
    tempo_hz: tuple[float, float] = (0.9, 2.6),
    variation: float = 0.3,
    events: Sequence[Event | float | Fraction] | None = None,
    tool: str | None = None,
    look: Look | None = None,
) -> Scene:
    """Make up a scene.

    Args:
        seed: the same seed and arguments give the same scene.
        action: one of ``ACTIONS``; "mixed" is hits and scratches in turn.
        material: one of ``MATERIALS``.
        duration_s: seconds.
        tempo_hz: the range events per second are drawn from.
        variation: 0 is a clean studio with a locked camera, 1 is wild: cuts, shake, flicker, distractors, near misses.
        events: explicit events or their bare times in seconds; then no near misses are added.
        tool: one of ``TOOLS``; drawn by seed when None. Footsteps always use boots.
        look: replaces what variation would have chosen.

    Raises:
        StageError: an unknown name, a duration that is not positive, or events out of order, outside the clip or closer than
            0.08 s to each other.
    """
    _known("action", action, ACTIONS)
    _known("material", material, tuple(MATERIALS))
    duration = exact(duration_s)
    if duration <= 0:
        raise StageError(f"A scene cannot last {float(duration):g} s.", "Give a duration above zero.")
    if not 0 <= variation <= 1:
        raise StageError(f"variation is {variation:g}.", "Give a value from 0 (clean) to 1 (wild).")
    if not 0 < tempo_hz[0] <= tempo_hz[1] <= float(1 / CLOSEST_S):
        raise StageError(f"tempo_hz is {tempo_hz}.", f"Give (lowest, highest), above 0 and up to {float(1 / CLOSEST_S):g}.")
    chosen_tool = _tool(seed, action, tool)
    plan = (
        _invent(seed, action, material, duration, tempo_hz, variation, chosen_tool)
        if events is None
        else _complete(seed, action, material, duration, events)
    )
    if chosen_tool == "ball":
        plan = _ball_strengths(plan)
    _check(plan, duration)
    steps = max(1, sum(event.kind == "footstep" for event in plan))
    chosen = look if look is not None else _look(seed, action, duration, variation)
    closest = max(shot.zoom for shot in chosen.shots)
    stride = 0.30 if chosen.follow else min(0.26, 1.15 / (steps + 1) / closest)
    return Scene(seed, action, material, duration, plan, chosen_tool, chosen, float(stream(seed, "ring").random()), stride)


def _known(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise StageError(f"Unknown {what} {name!r}.", f"Use one of: {', '.join(known)}.")


def _tool(seed: int, action: str, tool: str | None) -> str:
    if action == "footsteps":
        return "boots"
    if tool is None:
        choice = ("stick", "stick", "stick", "hammer", "hand", "ball") if action == "hit" else ("stick", "stick", "hand")
        return choice[int(stream(seed, "tool").integers(len(choice)))]
    _known("tool", tool, TOOLS)
    if tool == "boots" or (tool in ("ball", "hammer") and action != "hit"):
        raise StageError(f"A {tool} cannot {action}.", "Leave the tool out, or use stick or hand.")
    return tool


def _kind(action: str, index: int) -> str:
    if action == "mixed":
        return "scratch" if index % 3 == 2 else "hit"
    return "footstep" if action == "footsteps" else action


def _invent(
    seed: int, action: str, material: str, duration: Fraction, tempo_hz: tuple[float, float], variation: float, tool: str
) -> tuple[Event, ...]:
    """Uneven times at a tempo drawn from the range, with some near misses when variation allows."""
    rng = stream(seed, "events")
    tempo = float(rng.uniform(*tempo_hz))
    last = float(duration) - min(0.25, 0.25 * float(duration))
    now = float(min(rng.uniform(0.25, 0.8), 0.4 * float(duration)))
    plan: list[Event] = []
    while now < last:
        kind = _kind(action, len(plan))
        pause = float(max(CLOSEST_S, np.exp(rng.normal(0.0, 0.10 if kind == "footstep" else 0.32)) / tempo))
        length = 0.0
        if kind == "scratch":
            length = float(min(rng.uniform(0.5, 1.8), float(duration) - now - 0.05))
            if length < 0.15:
                break
            pause = length + float(rng.uniform(0.3, 0.8))
        near = kind != "footstep" and tool != "ball" and rng.random() < 0.25 * variation
        # time to swing past and come back without a second thought about whether it touched
        near = near and (not plan or now - float(plan[-1].end_s) >= 0.4)
        if near:
            pause = max(pause, length + 0.45)
        beside = near and action == "hit" and rng.random() < 0.5
        strength = float(rng.uniform(0.55, 0.8) if kind == "footstep" else rng.uniform(0.3, 1.0))
        plan.append(
            Event(
                time_s=exact(now),
                kind=kind,
                material=material,
                strength=strength,
                duration_s=exact(length),
                audible=not near,
                gap=(-0.04 if beside else float(rng.uniform(0.05, 0.10))) if near else 0.0,
                spot=MATERIALS[material].size[0] + 0.09 if beside else _spot(rng, kind),
            )
        )
        now += pause
    return tuple(plan)


def _complete(
    seed: int, action: str, material: str, duration: Fraction, given: Sequence[Event | float | Fraction]
) -> tuple[Event, ...]:
    """Bare times become events; a scratch given by its time alone lasts until shortly before the next."""
    rng = stream(seed, "given")
    times = [event.time_s if isinstance(event, Event) else exact(event) for event in given]
    plan: list[Event] = []
    for index, event in enumerate(given):
        strength = float(rng.uniform(0.5, 1.0))
        kind = _kind(action, index)
        spot = _spot(rng, kind)
        if isinstance(event, Event):
            plan.append(event)
            continue
        until = times[index + 1] if index + 1 < len(times) else duration
        length = min(Fraction(3, 2), (until - times[index]) * 7 / 10) if kind == "scratch" else Fraction(0)
        plan.append(Event(times[index], kind, material, strength, length, spot=spot))
    return tuple(plan)


def _spot(rng: np.random.Generator, kind: str) -> float:
    return float(rng.uniform(-0.06, 0.06)) if kind == "hit" else 0.0


def _ball_strengths(plan: tuple[Event, ...]) -> tuple[Event, ...]:
    """A ball that left the floor T seconds ago lands the harder the larger T is (ballistics)."""
    out, before = [], None
    for event in plan:
        pause = 0.8 if before is None else min(0.8, float(event.time_s - before))
        out.append(replace(event, strength=min(1.0, 0.15 + pause), spot=0.0, gap=0.0, audible=True))
        before = event.time_s
    return tuple(out)


def _check(plan: tuple[Event, ...], duration: Fraction) -> None:
    end: Fraction | None = None
    for event in plan:
        where = f"The event at {float(event.time_s):g} s"
        _known("material", event.material, tuple(MATERIALS))
        if not 0 <= event.time_s < duration or event.end_s > duration:
            raise StageError(f"{where} lies outside the scene of {float(duration):g} s.", "Move it or make the scene longer.")
        if not 0 < event.strength <= 1 or event.duration_s < 0:
            raise StageError(
                f"{where} has strength {event.strength:g}, duration {float(event.duration_s):g} s.",
                "Strength is above 0 and up to 1; a duration is not negative.",
            )
        if end is not None and event.time_s - end < CLOSEST_S:
            raise StageError(f"{where} starts less than {float(CLOSEST_S):g} s after another.", "Give events in time order.")
        end = event.end_s


def _look(seed: int, action: str, duration: Fraction, variation: float) -> Look:
    rng = stream(seed, "look")
    v = variation
    shots = [_shot(rng, 0.0, v, action)]
    if v > 0.5 and rng.random() < v - 0.4:
        shots.append(_shot(rng, float(rng.uniform(0.35, 0.65)) * float(duration), v, action))
    count = int(rng.binomial(len(DISTRACTORS), 0.6 * v))
    distractors = tuple(str(name) for name in rng.permutation(DISTRACTORS)[:count])
    tint = tuple(int(value) for value in rng.integers(60, 175, 3)) if v else (112, 122, 132)
    return Look(
        shots=tuple(shots),
        shake=0.022 * v * float(rng.random()) if v else 0.0,
        follow=1.0 if action == "footsteps" and rng.random() < 0.5 else 0.0,
        flicker=0.05 * v * float(rng.random()) ** 2,
        fade=0.4 * v * float(rng.uniform(-1, 1)),
        warmth=v * float(rng.uniform(-1, 1)),
        noise=5.0 * v * float(rng.random()),
        backdrop=BACKDROPS[int(rng.integers(len(BACKDROPS)))] if v else "gradient",
        tint=(tint[0], tint[1], tint[2]),
        distractors=distractors,
        mirror=bool(rng.random() < 0.5) if v else False,
    )


def _shot(rng: np.random.Generator, start_s: float, v: float, action: str) -> Shot:
    moves = rng.random() < 0.5 * v
    close = action == "footsteps" and rng.random() < 0.6 * v  # the feet only
    return Shot(
        start_s=start_s,
        x=0.12 * v * float(rng.uniform(-1, 1)),
        y=0.05 * v * float(rng.uniform(-1, 1)) + (0.12 if close else 0.0),
        zoom=1.0 + v * float(rng.uniform(-0.12, 0.4)) + (0.45 if close else 0.0),
        pan=0.05 * v * float(rng.uniform(-1, 1)) if moves else 0.0,
        push=0.06 * v * float(rng.uniform(-1, 1)) if moves else 0.0,
    )
