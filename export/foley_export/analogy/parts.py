"""The networks of a pack, wherever they come from: runs of ours, or the authors' published files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foley_bridge.inference.clips import ClipPicture, ClipSound
from foley_export.errors import ExportError

if TYPE_CHECKING:
    from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN
    from foley_models.analogy.decoder.model import AnalogyModel
    from foley_models.analogy.onset.network import OnsetNetwork
    from foley_models.analogy.sync.network import SyncNetwork
    from foley_models.analogy.vocoder.melgan import Generator

SILENCE = -1.0
"""Of a mel's numbers."""


@dataclass(frozen=True)
class Parts:
    """What a pack is made of; networks on the CPU, in eval mode.

    Attributes:
        model: the visual network and the decoder.
        vocoder: None: Griffin-Lim makes the sound.
        sync, onset: None: the pack has none.
        picture, sound: what they are shown.
        top_k, temperature, slide, pictures_per_column, fill, origin: see ``inference.analogy_task.AnalogyTask``.
        name: what the pack is called where nobody says otherwise.
        provenance: how each came about; JSON.
    """

    model: AnalogyModel
    codebook: SpectrogramVQGAN
    vocoder: Generator | None
    sync: SyncNetwork | None
    onset: OnsetNetwork | None
    picture: ClipPicture
    sound: ClipSound
    top_k: int
    temperature: float
    slide: str
    pictures_per_column: float
    fill: float
    origin: str
    name: str
    provenance: Mapping[str, Any]


def of_runs(runs: Mapping[str, Path]) -> Parts:
    """Of checkpoints.

    Args:
        runs: a run's folder or its ``best.pt`` by part: ``decoder`` and ``codebook``, and ``vocoder``, ``sync``, ``onset`` as
            far as there are any.

    Raises:
        ModelError, ExportError: one cannot be read, or they do not belong together.
    """
    from foley_models.analogy.checkpoint import load
    from foley_models.analogy.decoder.sampling import Windows

    loaded = {part: load(path, part) for part, path in runs.items()}
    decoder, codebook, windows = loaded["decoder"], loaded["codebook"], Windows()
    known = decoder.trained.get("runs", {}).get("codebook")
    if known is not None and known != codebook.sha256:
        raise ExportError(
            f"{decoder.path} learned the codes of another codebook than {codebook.path}",
            "give the one that it was trained with",
        )
    if decoder.config.decoder.codes != codebook.config.codes:
        raise ExportError(f"{decoder.path} and {codebook.path} have different numbers of codes", "give what belongs together")
    for part, each in loaded.items():
        if each.sound != decoder.sound:
            raise ExportError(f"{each.path}: {part} knows mels of other settings than the decoder", "train it with the same")
        if part in ("sync", "onset") and each.picture != decoder.picture:
            raise ExportError(f"{each.path}: {part} knows other pictures than the decoder", "train it with the same size")
    networks = {part: each.network for part, each in loaded.items()}
    return Parts(
        model=networks["decoder"],
        codebook=networks["codebook"],
        vocoder=networks.get("vocoder"),
        sync=networks.get("sync"),
        onset=networks.get("onset"),
        picture=decoder.picture,
        sound=decoder.sound,
        top_k=decoder.config.decoder.codes // 2,
        temperature=1.0,
        slide=windows.moves,
        pictures_per_column=windows.frames_per_column,
        fill=SILENCE,
        origin="runs",
        name="analogy",
        provenance={part: {"checkpoint_sha256": each.sha256, **each.trained} for part, each in loaded.items()},
    )


def of_published(files: Sequence[Path], sizes: Any = None) -> Parts:
    """Of the authors' files.

    Args:
        sizes: of the networks in them; None: as published.

    Raises:
        ExportError: they cannot be read, or are not what was published.
    """
    from foley_export.analogy.published.read import read_published

    made = read_published(files, sizes)
    said = [{"file": each.name, "sha256": each.sha256, "parts": list(each.parts)} for each in made.files]
    return Parts(
        model=made.model,
        codebook=made.codebook,
        vocoder=made.vocoder,
        sync=None,
        onset=None,
        picture=made.picture,
        sound=made.sound,
        top_k=made.top_k,
        temperature=made.temperature,
        slide="half",
        pictures_per_column=made.frames_per_column,
        fill=0.0,
        origin="published",
        name="condfoleygen",
        provenance={"published": {"files": said}},
    )
