"""What stands and moves on the stage, painted once per scene: backdrop, object, tool, boots, things that only distract."""

from __future__ import annotations

import cv2
import numpy as np

from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.motion import FOOT, GROUND_Y, TABLE_Y, extent
from foley_bridge.stage.scene import Scene, stream
from foley_bridge.stage.sprites import Canvas, Colour, Sprite, drawn, toned
from foley_bridge.stage.textures import clouds, surface

WIDE = 3.0  # the backdrop repeats after so many picture heights
TALL = 2.0
TIP_RADIUS = 0.017
BALL_RADIUS = 0.055
SKIN: Colour = (206, 158, 128)
ROUND = ("metal", "glass", "ceramic", "plastic")


def horizon(scene: Scene) -> float:
    """The y at which the floor or the table begins."""
    return GROUND_Y - 0.20 if scene.tool == "boots" else TABLE_Y - 0.16


def texture(scene: Scene, material: str) -> np.ndarray:
    """The material's surface as it is in this scene, float32 (512, 512, 3)."""
    rng = stream(scene.seed, "texture", material)
    colour = np.asarray(MATERIALS[material].colour) * rng.uniform(0.85, 1.12) + rng.uniform(-5, 5, 3)
    return surface(material, (float(colour[0]), float(colour[1]), float(colour[2])), rng)


def backdrop(scene: Scene, scale: float) -> np.ndarray:
    """Wall and floor, uint8 (TALL * scale, WIDE * scale, 3), periodic in x; its middle is the picture's."""
    rng = stream(scene.seed, "backdrop")
    wide, tall = round(WIDE * scale), round(TALL * scale)
    edge = round((horizon(scene) + TALL / 2) * scale)
    wall = _wall(scene, rng, wide, edge)
    if scene.tool == "boots":
        floor = texture(scene, scene.material)
    else:
        tone = np.asarray([(92, 66, 48), (70, 74, 80), (120, 112, 100), (54, 60, 58)][int(rng.integers(4))], np.float32)
        floor = surface("wood", (float(tone[0]), float(tone[1]), float(tone[2])), rng) * 0.6 + tone * 0.4
    ground = _floor(floor, wide, tall - edge, scale, 1.5 if scene.material == "gravel" and scene.tool == "boots" else 1.0)
    plate = np.vstack([wall, ground])
    # the wall stands in the floor's shade where they meet
    rows = np.arange(tall, dtype=np.float32)[:, None, None]
    shade = 1.0 - 0.35 * np.exp(-np.abs(rows - edge) / (0.035 * scale))
    return np.clip(plate * shade, 0, 255).astype(np.uint8)


def _wall(scene: Scene, rng: np.random.Generator, wide: int, tall: int) -> np.ndarray:
    tint = np.asarray(scene.look.tint, np.float32)
    across = np.cos(2 * np.pi * (np.arange(wide) / wide - rng.uniform(-0.1, 0.1)))[None, :, None]
    down = np.linspace(1.0, 0.75, tall)[:, None, None]
    wall = tint * (0.86 + 0.16 * across) * down
    kind = scene.look.backdrop
    if kind in ("clouds", "grain"):
        slope, depth = (1.5, 0.16) if kind == "clouds" else (0.7, 0.06)
        wall *= 1.0 + depth * cv2.resize(clouds(rng, 512, slope), (wide, tall))[..., None]
    elif kind == "checker":
        cells = int(rng.integers(8, 22)) * 2
        column = np.arange(wide) * cells // wide
        row = np.arange(tall) * cells // wide
        wall *= 1.0 + 0.13 * ((column[None, :] + row[:, None]) % 2 * 2 - 1)[..., None]
    elif kind == "shelves":
        wall = _shelves(rng, wall)
    seam = wide // 20  # blurred across the seam, so that the wall still repeats
    around = np.concatenate([wall[:, -seam:], wall, wall[:, :seam]], axis=1).astype(np.float32)
    return cv2.GaussianBlur(around, (0, 0), max(0.4, 0.004 * wide))[:, seam:-seam]


def _shelves(rng: np.random.Generator, wall: np.ndarray) -> np.ndarray:
    """Boards with boxes, bottles and books, a little out of focus."""
    tall, wide = wall.shape[:2]
    wall = wall * 0.75
    mean = wall.mean(axis=(0, 1))
    unit = wide / 3.0
    for board in np.arange(tall - 0.12 * unit, 0, -0.30 * unit):
        x = 0.0
        while x < wide:
            width, height = rng.uniform(0.03, 0.14) * unit, rng.uniform(0.08, 0.22) * unit
            colour = mean * rng.uniform(0.5, 1.4) + rng.uniform(-28, 28, 3)
            left, right = round(x), min(wide - 1, round(x + width))
            if rng.random() < 0.75:
                tone = np.linspace(1.1, 0.75, max(1, right - left))[None, :, None]
                wall[max(0, round(board - height)) : round(board), left:right] = colour * tone
            x += width + rng.uniform(0.0, 0.05) * unit
        wall[round(board) : round(board + 0.022 * unit)] = mean * 0.55
    return wall


def _floor(unit: np.ndarray, wide: int, tall: int, scale: float, tile_size: float) -> np.ndarray:
    """A surface seen at a shallow angle: rows lie closer together with distance. float32 (tall, wide, 3)."""
    side = len(unit)
    pixels = round(wide / round(WIDE / tile_size))
    tile = cv2.resize(unit, (pixels, pixels), interpolation=cv2.INTER_AREA if pixels < side else cv2.INTER_LINEAR)
    below = (np.arange(tall, dtype=np.float32) + 0.5) / scale
    depth = 0.75 * np.log1p(below / 0.10) * 1.6
    y = np.repeat((depth * scale % pixels)[:, None], wide, axis=1).astype(np.float32)
    x = np.repeat((np.arange(wide, dtype=np.float32) % pixels)[None, :], tall, axis=0)
    ground = cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    light = (0.80 + 0.25 * np.clip(below / 0.45, 0, 1))[:, None, None]
    return ground * light


def prop(scene: Scene, scale: float) -> Sprite:
    """The object that is struck or scratched; its anchor is the middle of the struck face."""
    half, height = extent(scene)
    board = scene.action != "hit"
    depth = 0.13 if board else 0.10
    material = scene.material
    c = Canvas(-half - 0.14, -0.16, half + 0.14, height + 0.22, scale)
    c.put(c.soft(c.disc(0.03, height + 0.035, half * 1.06, 0.055), 0.02), (8, 8, 10), 0.55)
    unit = texture(scene, material)
    tone = c.texture(unit, 0.8)
    if not board and material in ROUND:
        _round_body(c, material, half, height, tone)
    elif not board and material == "stone":
        _boulder(c, half, height, depth, tone, stream(scene.seed, "boulder"))
    else:
        _box(c, material, half, height, depth, tone, board, scene)
    return c.sprite()


def _box(
    c: Canvas, material: str, half: float, height: float, depth: float, tone: np.ndarray, board: bool, scene: Scene
) -> None:
    back = half * (0.93 if not board else 0.95)
    face = c.shape([(-back, -depth / 2), (back, -depth / 2), (half, depth / 2), (-half, depth / 2)])
    front = c.shape([(-half, depth / 2), (half, depth / 2), (half, height + depth / 2), (-half, height + depth / 2)])
    body = np.broadcast_to(np.asarray((118, 84, 54), np.float32), tone.shape) if material == "gravel" else tone
    c.put(front, body * 0.66)
    c.light(front * c.ramp(0, depth / 2, 0, height + depth / 2), -0.35)
    c.put(face, body * 1.06)
    inset = 0.018
    if material == "gravel":
        inside = c.shape(
            [
                (-back + inset, -depth / 2 + 0.008),
                (back - inset, -depth / 2 + 0.008),
                (half - inset, depth / 2 - 0.012),
                (-half + inset, depth / 2 - 0.012),
            ]
        )
        c.put(inside, tone)
        c.light(inside * (1 - c.ramp(0, -depth / 2, 0, -depth / 2 + 0.03)), -0.4)
    if material == "cardboard" and not board:
        tape = c.shape([(-0.035 * 0.9, -depth / 2), (0.035 * 0.9, -depth / 2), (0.035, depth / 2), (-0.035, depth / 2)])
        c.put(tape, (208, 184, 140), 0.75)
        c.put(
            c.shape([(-0.035, depth / 2), (0.035, depth / 2), (0.035, depth / 2 + 0.05), (-0.035, depth / 2 + 0.05)]),
            (188, 160, 116),
            0.8,
        )
    if material == "wood" and not board:
        for x in (-half * 0.93, half * 0.93):
            c.put(c.disc(x, height * 0.5 + depth / 2, 0.008, 0.008), (60, 44, 34), 0.8)
    c.light(face * c.ramp(half, depth / 2, -half, -depth / 2), 0.16)
    if material in ("metal", "glass", "ceramic", "plastic"):
        stripe = c.shape([(-0.55 * half, -depth), (-0.15 * half, -depth), (-0.35 * half, depth), (-0.75 * half, depth)])
        c.put(c.soft(stripe, 0.03) * face, (255, 255, 255), 0.42)
    edge = c.line([(-half, depth / 2), (half, depth / 2)], 0.005)
    c.put(edge, (255, 250, 240), 0.30)


def _round_body(c: Canvas, material: str, half: float, height: float, tone: np.ndarray) -> None:
    """Upturned vessels and a disc: a top ellipse, a side that widens or narrows, light from the upper left."""
    foot = {"metal": 0.96, "glass": 1.12, "ceramic": 1.30, "plastic": 1.22}[material] * half
    top = half * {"ceramic": 0.72}.get(material, 1.0)
    ry, fy = 0.24 * top if material != "metal" else 0.055, 0.045 if material != "glass" else 0.030
    turn = np.linspace(0, np.pi, 40)
    bulge = 0.12 * half if material == "ceramic" else 0.0
    side = [(-top, 0.0)]
    steps = np.linspace(0, 1, 12)
    side += [(-(top + (foot - top) * u + bulge * np.sin(np.pi * u)), height * u) for u in steps]
    side += [(-foot * np.cos(a), height + fy * np.sin(a)) for a in turn]
    side += [((top + (foot - top) * u + bulge * np.sin(np.pi * u)), height * u) for u in steps[::-1]]
    body, face = c.shape(side), c.disc(0, 0, top, ry)
    both = np.maximum(body, face)
    if material == "glass":
        c.put(both, tone, 0.30)
        c.put(body * np.clip(np.abs(2 * c.ramp(-foot, 0, foot, 0) - 1) ** 4, 0, 1), (235, 250, 250), 0.6)
        c.put(face, (225, 245, 245), 0.30)
        c.put(np.clip(face - c.disc(0, 0, top * 0.95, ry * 0.9), 0, 1), (250, 255, 255), 0.75)
        rim = np.clip(c.disc(0, height, foot, fy) - c.disc(0, height - 0.006, foot * 0.97, fy * 0.85), 0, 1)
        c.put(rim, (240, 255, 255), 0.6)
        for x, width in ((-0.55, 0.016), (-0.38, 0.006), (0.6, 0.008)):
            c.put(c.soft(c.line([(x * top, 0.25 * height), (x * foot, 0.9 * height)], width), 0.003), (255, 255, 255), 0.7)
        return
    c.put(body, tone * 0.8)
    roundness = c.ramp(-foot, 0, foot, 0)
    c.light(body * (np.cos((roundness - 0.3) * np.pi) ** 2 - 0.55), 0.55)
    if material == "plastic":
        for u in (0.86, 0.93):
            arc = [((top + (foot - top) * u) * np.cos(a), height * u + fy * np.sin(a)) for a in np.linspace(0, np.pi, 30)]
            c.put(c.line(arc, 0.007), (255, 220, 210), 0.35)
    if material == "ceramic":
        arc = [((top + (foot - top) * 0.75 + bulge * 0.7) * np.cos(a), height * 0.75 + fy * np.sin(a)) for a in turn]
        c.put(c.line(arc, 0.016) * body, (58, 92, 150), 0.85)
    c.put(face, tone * 1.08)
    if material == "metal":
        # turned metal: light gathers in opposite sectors
        high, wide = c.alpha.shape
        yy, xx = np.mgrid[0:high, 0:wide]
        angle = np.arctan2((yy / c.fine - c.origin[1]) / ry, (xx / c.fine - c.origin[0]) / top)
        c.light(face * (np.cos(2 * (angle - 0.7)) ** 3).astype(np.float32), 0.38)
        for share in (0.95, 0.62, 0.30):
            inner = share - 0.02
            c.light(np.clip(c.disc(0, 0, top * share, ry * share) - c.disc(0, 0, top * inner, ry * inner), 0, 1), -0.22)
    else:
        c.light(face * c.ramp(top, ry, -top, -ry), 0.22)
        c.light(np.clip(face - c.disc(0, 0.004, top * 0.93, ry * 0.9), 0, 1), 0.25)
        shine = c.soft(c.disc(-0.45 * foot, 0.45 * height, 0.025, 0.25 * height, 0.15), 0.012)
        c.put(shine * body, (255, 255, 255), 0.55)


def _boulder(c: Canvas, half: float, height: float, depth: float, tone: np.ndarray, rng: np.random.Generator) -> None:
    """A rock with a flat top."""
    around = np.linspace(0, 2 * np.pi, 26, endpoint=False)
    jitter = 1.0 + 0.07 * rng.uniform(-1, 1, 26)
    rim = [(half * 0.86 * j * np.cos(a), 0.5 * depth * j * np.sin(a)) for a, j in zip(around, jitter, strict=True)]
    low = [(half * 1.08 * j * np.cos(a), height + 0.6 * depth * j * np.sin(a)) for a, j in zip(around, jitter, strict=True)]
    hull = cv2.convexHull(np.asarray(rim + low, np.float32))[:, 0]
    body, face = c.shape([(float(x), float(y)) for x, y in hull]), c.shape(rim)
    c.put(body, tone * 0.72)
    c.light(body * c.ramp(-half, 0, half, height), -0.5)
    for _ in range(5):
        x = float(rng.uniform(-0.8, 0.7)) * half
        points = [(x, 0.02), (x + 0.15 * half, height * 0.5), (x + float(rng.uniform(-0.1, 0.3)) * half, height + 0.05)]
        c.light(c.shape([*points, (x + 0.35 * half, 0.03)]) * body, float(rng.uniform(-0.18, 0.12)))
    c.put(face, tone * 1.08)
    c.light(face * c.ramp(half, depth, -half, -depth), 0.2)


def tool(scene: Scene, scale: float) -> Sprite:
    """What strikes, lying along +x from its anchor: the tip's middle for a stick, the lowest point for hammer and hand."""
    rng = stream(scene.seed, "dress")
    sleeve = drawn(rng, 35, 150)
    if scene.tool == "ball":
        return _ball(scale, rng)
    c = Canvas(-0.14, -0.34, 1.7, 0.20, scale)
    if scene.tool == "stick":
        wood = (214.0, 176.0, 122.0)
        shaft = c.shape([(0.01, -0.009), (0.07, -0.014), (1.0, -0.019), (1.0, 0.019), (0.07, 0.014), (0.01, 0.009)])
        c.put(np.maximum(shaft, c.disc(0, 0, 0.022, TIP_RADIUS)), wood)
        c.light(np.maximum(shaft, c.disc(0, 0, 0.022, TIP_RADIUS)) * (c.ramp(0, -0.02, 0, 0.02) - 0.4), -0.7)
        _fist(c, 0.62, 0.0, sleeve)
    elif scene.tool == "hammer":
        c.put(c.shape([(0.0, -0.155), (0.9, -0.155), (0.9, -0.115), (0.0, -0.120)]), (150, 104, 62))
        c.light(c.shape([(0.05, -0.155), (0.9, -0.155), (0.9, -0.115), (0.05, -0.120)]) * c.ramp(0, -0.155, 0, -0.115), -0.4)
        head = c.shape(
            [
                (-0.042, 0.0),
                (0.042, 0.0),
                (0.042, -0.03),
                (0.032, -0.05),
                (0.032, -0.19),
                (0.018, -0.25),
                (-0.018, -0.25),
                (-0.032, -0.19),
                (-0.032, -0.05),
                (-0.042, -0.03),
            ]
        )
        c.put(head, (92, 96, 104))
        c.light(head * (np.cos((c.ramp(-0.042, 0, 0.042, 0) - 0.3) * np.pi) ** 2 - 0.4), 0.7)
        _fist(c, 0.60, -0.135, sleeve)
    else:
        _open_hand(c, sleeve)
    return c.sprite()


def _sleeve(c: Canvas, x: float, y: float, colour: Colour, half: float) -> None:
    arm = c.shape([(x, y - half), (1.7, y - half * 1.5), (1.7, y + half * 1.5), (x, y + half)])
    c.put(arm, colour)
    c.light(arm * (c.ramp(0, y - half * 1.4, 0, y + half * 1.4) - 0.35), -0.8)
    c.light(c.shape([(x, y - half), (x + 0.03, y - half), (x + 0.03, y + half), (x, y + half)]), 0.3)


def _fist(c: Canvas, x: float, y: float, sleeve: Colour) -> None:
    """A hand that holds a shaft at (x, y), seen from the thumb's side."""
    wrist = c.shape([(x + 0.03, y - 0.040), (x + 0.18, y - 0.036), (x + 0.18, y + 0.040), (x + 0.03, y + 0.046)])
    c.put(wrist, SKIN)
    palm = c.disc(x + 0.02, y, 0.072, 0.060)
    c.put(palm, SKIN)
    c.light(np.maximum(palm, wrist) * (c.ramp(0, y - 0.06, 0, y + 0.06) - 0.35), -0.45)
    for index in range(4):
        finger = c.disc(x - 0.042 + 0.030 * index, y + 0.020, 0.018, 0.036, 0.15)
        c.light(np.clip(c.disc(x - 0.040 + 0.030 * index, y + 0.021, 0.021, 0.040, 0.15) - finger, 0, 1), -0.28)
        c.put(finger, toned(SKIN, 1.02 - 0.05 * index), 0.85)
    c.put(c.line([(x + 0.03, y - 0.030), (x - 0.05, y - 0.024)], 0.030), toned(SKIN, 1.05))
    _sleeve(c, x + 0.14, y, sleeve, 0.058)


def _open_hand(c: Canvas, sleeve: Colour) -> None:
    """A hand reaching left, fingertips at the anchor."""
    lift = -0.016
    fingers = ((0.035, -0.040, 0.80), (0.010, -0.028, 0.88), (0.0, -0.010, 0.95), (0.0, 0.0, 1.04))
    for index, (reach, rise, tone) in enumerate(fingers):
        tip_x, tip_y = reach, lift + rise * 0.6
        bend = (0.10, -0.085 + rise)
        c.put(c.line([(tip_x + 0.016, tip_y), bend, (0.22, -0.105 + rise * 0.5)], 0.032), toned(SKIN, tone))
        if index == 3:
            c.put(c.disc(tip_x + 0.010, tip_y - 0.003, 0.009, 0.006, 0.6), (236, 206, 190), 0.9)
    back = np.maximum(c.line([(0.21, -0.128), (0.36, -0.122)], 0.080), c.line([(0.34, -0.118), (0.50, -0.115)], 0.070))
    c.put(back, toned(SKIN, 0.99))
    c.put(c.line([(0.33, -0.095), (0.22, -0.062), (0.15, -0.056)], 0.034), toned(SKIN, 0.93))
    for index in range(3):
        c.light(c.soft(c.line([(0.19, -0.150 + 0.016 * index), (0.25, -0.150 + 0.014 * index)], 0.004), 0.003), -0.16)
    c.light(c.alpha * (c.ramp(0, -0.17, 0, 0.0) - 0.3), -0.28)
    _sleeve(c, 0.45, -0.115, sleeve, 0.062)


def _ball(scale: float, rng: np.random.Generator) -> Sprite:
    """A ball of two colours; its anchor is its middle."""
    c = Canvas(-0.08, -0.08, 0.08, 0.08, scale)
    colour = drawn(rng, 60, 240)
    disc = c.disc(0, 0, BALL_RADIUS, BALL_RADIUS)
    c.put(disc, colour)
    c.put(c.disc(0, 0, BALL_RADIUS, BALL_RADIUS * 0.3, 0.5) * disc, (240, 240, 235), 0.9)
    c.light(disc * c.ramp(-0.05, -0.05, 0.05, 0.06), -0.5)
    c.put(c.soft(c.disc(-0.02, -0.022, 0.014, 0.011), 0.004) * disc, (255, 255, 255), 0.7)
    return c.sprite()


def shadow(scale: float) -> Sprite:
    """A soft dark spot 0.1 wide."""
    c = Canvas(-0.12, -0.05, 0.12, 0.05, scale)
    c.put(c.soft(c.disc(0, 0, 0.055, 0.014), 0.012), (6, 6, 8), 0.75)
    return c.sprite()


def boot(scale: float, rng: np.random.Generator, *, dim: float) -> Sprite:
    """A boot from the side, toe to the right; its anchor is the heel's lower back edge."""
    c = Canvas(-0.06, -0.26, FOOT + 0.07, 0.03, scale)
    leather = toned([(96.0, 62.0, 38.0), (58.0, 50.0, 46.0), (120.0, 92.0, 56.0)][int(rng.integers(3))], dim)
    sole = c.shape(
        [
            (-0.004, -0.028),
            (0.0, 0.0),
            (0.068, 0.0),
            (0.074, -0.012),
            (0.10, -0.012),
            (0.112, 0.0),
            (FOOT - 0.01, 0.0),
            (FOOT + 0.02, -0.014),
            (FOOT + 0.022, -0.028),
        ]
    )
    upper = c.shape(
        [
            (-0.006, -0.024),
            (-0.010, -0.09),
            (0.004, -0.21),
            (0.108, -0.215),
            (0.112, -0.125),
            (0.15, -0.088),
            (FOOT - 0.015, -0.078),
            (FOOT + 0.014, -0.055),
            (FOOT + 0.020, -0.024),
        ]
    )
    c.put(c.soft(upper, 0.002), leather)
    c.light(upper * c.ramp(0.05, -0.22, 0.05, 0.0), -0.35)
    c.put(c.soft(c.disc(FOOT - 0.03, -0.064, 0.030, 0.009, 0.25), 0.006) * upper, (255, 240, 220), 0.35 * dim)
    c.put(sole, (34 * dim, 30 * dim, 28 * dim))
    c.put(c.line([(0.0, -0.029), (FOOT + 0.02, -0.029)], 0.004), (186 * dim, 160 * dim, 116 * dim), 0.8)
    for index in range(5):
        x, y = 0.128 - 0.006 * index, -0.102 - 0.024 * index
        c.put(c.line([(x, y), (x - 0.034, y - 0.006)], 0.006), (212 * dim, 200 * dim, 176 * dim), 0.9)
    c.light(c.line([(0.0, -0.205), (0.11, -0.21)], 0.016), 0.25)
    return c.sprite()


def limb(scale: float, colour: Colour, length: float, top: float, bottom: float) -> Sprite:
    """Part of a trouser leg, from its anchor straight down."""
    c = Canvas(-0.10, -0.06, 0.10, length + 0.08, scale)
    cloth = np.maximum(
        c.shape([(-top, 0), (top, 0), (bottom, length), (-bottom, length)]),
        np.maximum(c.disc(0, 0, top, top * 0.8), c.disc(0, length, bottom, bottom * 0.8)),
    )
    c.put(cloth, colour)
    c.light(cloth * (c.ramp(-top, 0, top, 0) - 0.4), -0.55)
    for y in (0.15, 0.45, 0.8):
        c.light(c.soft(c.line([(-bottom, y * length), (bottom * 0.6, y * length + 0.03)], 0.008), 0.006) * cloth, -0.22)
    return c.sprite()


def jacket(scale: float, colour: Colour) -> Sprite:
    """The hem of a coat, from the hip upward."""
    c = Canvas(-0.18, -0.7, 0.18, 0.14, scale)
    coat = c.shape([(-0.115, 0.10), (-0.10, -0.1), (-0.12, -0.7), (0.12, -0.7), (0.10, -0.1), (0.125, 0.09)])
    c.put(coat, colour)
    c.light(coat * (c.ramp(-0.12, 0, 0.12, 0) - 0.35), -0.8)
    c.light(c.line([(-0.115, 0.095), (0.125, 0.085)], 0.012) * coat, -0.35)
    return c.sprite()


def lamp(scale: float) -> Sprite:
    """A lamp on its cord, hanging from its anchor."""
    c = Canvas(-0.16, -0.02, 0.16, 0.62, scale)
    c.put(c.line([(0, 0), (0, 0.42)], 0.006), (24, 24, 26))
    shade = c.shape([(-0.035, 0.42), (0.035, 0.42), (0.115, 0.53), (-0.115, 0.53)])
    c.put(shade, (60, 82, 74))
    c.light(shade * c.ramp(0.1, 0.5, -0.1, 0.45), 0.5)
    c.put(c.disc(0, 0.53, 0.10, 0.018), (255, 236, 180), 0.95)
    c.put(c.soft(c.disc(0, 0.545, 0.12, 0.03), 0.02) * (1 - c.alpha), (255, 230, 170), 0.35)
    return c.sprite()


def passer(scale: float) -> Sprite:
    """Somebody far behind, out of focus; the anchor is at the feet."""
    c = Canvas(-0.22, -0.85, 0.22, 0.06, scale)
    figure = np.maximum.reduce(
        [
            c.disc(0, -0.70, 0.058, 0.072),
            c.disc(0, -0.48, 0.11, 0.17),
            c.disc(-0.02, -0.18, 0.08, 0.25),
            c.disc(0.03, -0.18, 0.07, 0.25),
        ]
    )
    c.put(c.soft(figure, 0.012), (46, 44, 52), 0.9)
    return c.sprite()
