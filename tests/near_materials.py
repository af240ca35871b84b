"""A home with a pack, a small library that was embedded with it, and pictures: red goes with low sounds, as ``packs`` says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import soundfile
from colour_and_pitch import RATE, plain
from packs import make_pack

from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.in_use import InUse
from foley_bridge.inference.installed import Installed
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.scan import scan

HERTZ = {"low": 150.0, "middling": 3000.0, "high": 9000.0}


def tones(path: Path, *hertz: float, each_s: float = 2.0) -> Path:
    """One tone after another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(round(each_s * RATE)) / RATE
    soundfile.write(path, np.concatenate([0.3 * np.sin(2 * np.pi * one * time_s) for one in hertz]), RATE)
    return path


def image(path: Path, colour: str) -> Path:
    """A picture that is all one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), plain(colour)[..., ::-1])
    return path


def pack_in(home: Path) -> Encoders:
    """A home whose pack in use is a small one of its own."""
    home.mkdir(parents=True, exist_ok=True)
    Installed(home).add(make_pack(home.parent / "a pack"))
    encoders = InUse(Installed(home)).encoders()
    assert encoders is not None
    return encoders


def library_in(folder: Path, encoders: Encoders | None = None) -> Catalogue:
    """A library of six sounds, in a folder beside them; embedded when there are encoders."""
    sounds = folder / "sounds"
    tones(sounds / "DOORWood_Low Door_ME_SHOW.wav", HERTZ["low"])
    tones(sounds / "DOORMetl_High Door_ME_SHOW.wav", HERTZ["high"] * 0.9)
    tones(sounds / "GLASMisc_Middling Glass_ME_SHOW.wav", HERTZ["middling"])
    tones(sounds / "BELLMisc_High Bell_ME_SHOW.wav", HERTZ["high"])
    tones(sounds / "WATRMisc_Low Rumble_ME_SHOW.wav", HERTZ["low"] * 1.1, each_s=5)
    tones(sounds / "SWSH_Rising_ME_SHOW.wav", HERTZ["low"], HERTZ["middling"], HERTZ["high"])  # high from 4 s on
    catalogue = Catalogue.open(folder / "library", create=True)
    scan(catalogue, [sounds])
    if encoders is not None:
        catalogue.embed(encoders)
    return catalogue
