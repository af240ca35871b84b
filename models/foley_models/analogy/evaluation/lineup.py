"""Which systems are to be measured, and by which classifiers: runs read, and checked whether they fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from foley_bridge.inference.clips import ClipPicture, ClipSound
from foley_models.analogy.baselines.style_transfer import STEPS, Way, random_way, trained_way
from foley_models.analogy.checkpoint import BEST, Loaded, load
from foley_models.analogy.evaluation.classifier import WHAT, SoundClassifier
from foley_models.analogy.evaluation.makers import (
    ONSET_TRANSFER,
    About,
    Coded,
    Generated,
    Maker,
    OnsetTransfer,
    StyleTransfer,
)
from foley_models.analogy.evaluation.sounding import Sounding, griffin_lim_voice, network_voice
from foley_models.errors import ModelError

STYLES = ("random", "trained", "none")
CANDIDATES = 100
"""Sounds made to choose from (section 4.1)."""
CHOSEN_FROM = "ours"
"""The system whose sounds are re-ranked, where there is a sync network."""


@dataclass(frozen=True)
class Asked:
    """What the user gave.

    Attributes:
        decoders: runs of any system.
        others: one run each of "codebook", "vocoder", "onset", "sync", "material" and "action", as far as they are given; the
            last two are runs of the classifier.
        candidates: with a sync network, how many sounds are made to choose from.
        style: what style transfer takes its features from; one of ``STYLES``.
        style_steps: of it.
        seed: of all that is drawn in making sounds.
    """

    decoders: Sequence[Path] = ()
    others: Mapping[str, Path] = field(default_factory=dict)
    candidates: int = CANDIDATES
    style: str = STYLES[0]
    style_steps: int = STEPS
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Lineup:
    """All that sounds are made and measured with.

    Attributes:
        makers: the systems.
        judges: the classifiers.
        picture, sound: what their networks are shown.
        about: for JSON. notes: what a reader should know.
    """

    makers: Sequence[Maker]
    judges: Mapping[str, SoundClassifier]
    picture: ClipPicture
    sound: ClipSound
    about: Mapping[str, object]
    notes: Sequence[str]


def lineup(asked: Asked, device: torch.device) -> Lineup:
    """Read all runs.

    Raises:
        ModelError: one cannot be read, is of another part, does not fit to the others, or something is missing that another
            needs.
    """
    decoders = [load(path, "decoder") for path in asked.decoders]
    others = {name: load(path, "classifier" if name in WHAT else name) for name, path in asked.others.items()}
    runs = [*decoders, *others.values()]
    if not runs:
        raise ModelError("there is nothing to measure", "give runs of the decoder, or --onset RUN")
    _check(decoders, others, asked)
    for run in runs:
        run.network.to(device).requires_grad_(False)
    looking = [*decoders, *(others[name] for name in ("onset", "sync") if name in others)]
    picture, sound = (looking or runs)[0].picture, runs[0].sound
    judges = {what: others[what].network for what in WHAT if what in others}
    voice = network_voice(others["vocoder"].network, device) if "vocoder" in others else griffin_lim_voice(sound)
    codebook = others["codebook"].network if "codebook" in others else None
    sounding = Sounding(sound, voice, codebook, device)
    makers: list[Maker] = []
    if (way := _way(asked, judges)) is not None:
        makers.append(StyleTransfer(way, asked.style_steps, sounding))
    if "onset" in others:
        about = _about(others["onset"], ONSET_TRANSFER)
        makers.append(OnsetTransfer(about, others["onset"].network, picture.fps, sound.sample_rate, asked.seed))
    for run in decoders:
        chooses = others["sync"].network if "sync" in others and run.config.system == CHOSEN_FROM else None
        about = _about(run, run.config.system)
        makers.append(Generated(about, run.network, sounding, chooses, asked.candidates, asked.seed))
    if codebook is not None:
        makers.append(Coded(sounding))
    notes = [] if "vocoder" in others else ["Sounds are made of mels by Griffin-Lim: no vocoder was given."]
    if heard := _heard(others):
        notes.append(
            f"The codebook was trained to please the classifier of the {heard} that judges here: its rows are flattered."
        )
    return Lineup(makers, judges, picture, sound, _said(asked), notes)


def _check(decoders: Sequence[Loaded], others: Mapping[str, Loaded], asked: Asked) -> None:
    """Do the runs fit together?"""
    if asked.style not in STYLES:
        raise ModelError(f"--style {asked.style}: there is no such way", f"give {', '.join(STYLES)}")
    if asked.style == "trained" and "material" not in others:
        raise ModelError("--style trained takes features of a classifier", "give --material RUN")
    if "codebook" not in others and decoders:
        raise ModelError("decoders make codes of a codebook", "give --codebook RUN")
    for what in WHAT:
        if what in others and others[what].config.what != what:
            raise ModelError(f"{others[what].path} tells {others[what].config.what}, not {what}", f"give another --{what}")
    looking = [*decoders, *(others[name] for name in ("onset", "sync") if name in others)]
    for run in looking:
        if run.picture != looking[0].picture:
            raise ModelError(f"{run.path} is shown other pictures than {looking[0].path}", "measure runs of one size together")
    everything = [*decoders, *others.values()]
    for run in everything:
        if run.sound != everything[0].sound:
            raise ModelError(f"{run.path} hears other spectrograms than {everything[0].path}", "train it again with the same")
    for run in decoders:
        learned = run.trained.get("runs", {}).get("codebook")
        if learned not in (None, others["codebook"].sha256):
            raise ModelError(f"{run.path} was trained with another codebook than {others['codebook'].path}", "give that one")


def _heard(others: Mapping[str, Loaded]) -> str | None:
    """Which of the classifiers the codebook's perceptual loss took, if one of these."""
    if "codebook" not in others:
        return None
    listener = others["codebook"].trained.get("runs", {}).get("classifier")
    return next((what for what in WHAT if what in others and others[what].sha256 == listener), None)


def _way(asked: Asked, judges: Mapping[str, SoundClassifier]) -> Way | None:
    if asked.style == "none":
        return None
    return trained_way(judges["material"].layers) if asked.style == "trained" else random_way()


def _about(run: Loaded, system: str) -> About:
    return About(system, run.path.parent if run.path.name == BEST else run.path, run.trained)


def _said(asked: Asked) -> dict[str, object]:
    return {
        "runs": {name: str(path) for name, path in asked.others.items()},
        "candidates": asked.candidates if "sync" in asked.others else None,
        "style": asked.style,
        "style_steps": None if asked.style == "none" else asked.style_steps,
        "seed": asked.seed,
    }
