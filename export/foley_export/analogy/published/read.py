"""Published files to our networks, with the settings and the way of sampling that make them behave as the authors' code does.

What that is, and where it is other than the paper says, is the table of docs/analogy.md: "Paper, published code, ours".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foley_bridge.inference.clips import DECADES, ClipPicture, ClipSound
from foley_export.analogy.published.parts import PREFIXES, fill, parts_of, tensors_of
from foley_export.analogy.published.torch_file import HINT, TorchFile, open_torch
from foley_export.errors import ExportError

if TYPE_CHECKING:
    from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN, VQGANConfig
    from foley_models.analogy.decoder.gpt import DecoderConfig
    from foley_models.analogy.decoder.model import AnalogyModel
    from foley_models.analogy.picture.r2plus1d import PictureConfig
    from foley_models.analogy.vocoder.melgan import Generator, MelGANConfig

SOUND = ClipSound(scale="htk", rms=0.0)
"""Their inference's mels: HTK's scale, and a sound as loud as it is (they train with a level of 0.1)."""
PICTURE = ClipPicture(resize="square")
"""Their pictures are made square, whatever their shape."""
TEMPERATURE = 1.0
PERMUTER = "first_stage_permuter.forward_shuffle_idx"


@dataclass(frozen=True)
class Sizes:
    """Of the networks that files hold."""

    codebook: VQGANConfig
    picture: PictureConfig
    decoder: DecoderConfig
    vocoder: MelGANConfig


@dataclass(frozen=True)
class Source:
    """A file, its SHA-256, and the parts that were taken from it."""

    name: str
    sha256: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """What published files are here.

    Attributes:
        codebook: the spectrogram VQGAN.
        model: the visual network, which goes by each clip's own statistics, and the decoder.
        vocoder: takes log10 magnitudes, as ours; None: no file of it was given.
        sound, picture: what they are shown.
        top_k, temperature: of sampling.
        frames_per_column: of ``sampling.Windows``: the window over a longer input's pictures does not move.
        files: what was read.
    """

    codebook: SpectrogramVQGAN
    model: AnalogyModel
    vocoder: Generator | None
    top_k: int
    files: tuple[Source, ...]
    sound: ClipSound = SOUND
    picture: ClipPicture = PICTURE
    temperature: float = TEMPERATURE
    frames_per_column: float = 0.0


def published_sizes() -> Sizes:
    """Those of all files that were published."""
    from foley_models.analogy.codebook import vqgan
    from foley_models.analogy.decoder import gpt
    from foley_models.analogy.picture import r2plus1d
    from foley_models.analogy.vocoder import melgan

    return Sizes(vqgan.SIZES["paper"], r2plus1d.SIZES["paper"], gpt.SIZES["paper"], melgan.SIZES["paper"])


def read_published(files: Sequence[Path], sizes: Sizes | None = None) -> Published:
    """The networks of a decoder's checkpoint, and of what else is given: a codebook of its own instead of the checkpoint's, as
    the authors' ``--new_codebook`` has it, and the vocoder.

    Nothing in the files is run, and they may be larger than memory: only what is needed of them is read.

    Args:
        sizes: of the networks; None: as published.

    Raises:
        ExportError: a file cannot be read or holds something else; two of them hold the same; there is no decoder among them.
    """
    from dataclasses import replace

    from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN
    from foley_models.analogy.decoder.model import AnalogyConfig, AnalogyModel
    from foley_models.analogy.vocoder.melgan import Generator

    sizes = sizes or published_sizes()
    with ExitStack() as stack:
        opened = [_Opened(stack.enter_context(open_torch(Path(path)))) for path in files]
        held = _by_part(opened)
        codebook = SpectrogramVQGAN(sizes.codebook)
        model = AnalogyModel(AnalogyConfig("published", sizes.decoder, replace(sizes.picture, batch_statistics=True)))
        vocoder = Generator(sizes.vocoder) if "vocoder" in held else None
        networks = {"codebook": codebook, "picture": model.picture, "decoder": model.decoder, "vocoder": vocoder}
        for part, each in held.items():
            network = networks[part]
            assert network is not None
            fill(network, part, each.parts[part], each.file, each.tensors)
            network.eval().requires_grad_(False)
        _check_order(held["decoder"], sizes.decoder)
        _check_masks(held["decoder"].file, model)
        if vocoder is not None:
            take_magnitudes(vocoder)
    sources = (Source(each.path.name, _sha256(each.path), tuple(p for p in held if held[p] is each)) for each in opened)
    return Published(codebook, model.eval(), vocoder, top_k=sizes.decoder.codes // 2, files=tuple(sources))


def take_magnitudes(vocoder: Generator) -> None:
    """Make a vocoder of numbers from 0 to 1, as the published one, one of log10 magnitudes from -4 to 1, as ours.

    With S = (m + 4) / 5 the first convolution's weights become a fifth, and its bias takes up the rest; the mirrored frames at
    the ends do not mind.
    """
    import torch

    first = vocoder.get_submodule("model.1")
    with torch.no_grad():
        weight, bias, length = first.get_parameter("weight_v"), first.get_parameter("bias"), first.get_parameter("weight_g")
        whole = length * weight / weight.norm(dim=(1, 2), keepdim=True)  # (out, bands, 7)
        bias.add_(whole.double().sum(dim=(1, 2)) * 4 / DECADES)
        length.div_(DECADES)


class _Opened:
    """An open file, its tensors, and the prefixes of the parts in it."""

    def __init__(self, file: TorchFile) -> None:
        self.file, self.path, self.tensors = file, file.path, tensors_of(file)
        self.parts = parts_of(self.tensors, file.path.name)


def _by_part(opened: Sequence[_Opened]) -> dict[str, _Opened]:
    """Which file each part is taken from. A codebook's own file goes before a decoder's checkpoint."""
    held: dict[str, _Opened] = {}
    for each in sorted(opened, key=lambda each: len(each.parts), reverse=True):
        for part in each.parts:
            if part in held and len(held[part].parts) == len(each.parts):
                raise ExportError(f"{held[part].path.name} and {each.path.name} both hold a {part}", "give one of them")
            held[part] = each
    for part in ("decoder", "picture", "codebook"):
        if part not in held:
            raise ExportError(f"no {part} is in these files", "give the checkpoint of a decoder: it has all but the vocoder")
    return held


def _check_order(opened: _Opened, config: DecoderConfig) -> None:
    """Codes have to be column by column, from the lowest bands up."""
    stored = opened.tensors.get(PERMUTER)
    wanted = np.arange(config.sound).reshape(config.rows, config.columns).T.ravel()
    if stored is None or not np.array_equal(opened.file.tensor(stored).numpy(), wanted):
        name = opened.path.name
        raise ExportError(f"{name}: by {PERMUTER} its codes are in another order than the published ones", HINT)


def _check_masks(file: TorchFile, model: AnalogyModel) -> None:
    """Every token has to see those before it and itself."""
    import torch

    for name, mask in model.decoder.named_buffers():
        if name.endswith(".mask") and not torch.equal(mask, torch.ones_like(mask).tril()):
            raise ExportError(
                f"{file.path.name}: by {PREFIXES['decoder']}{name} tokens see others than those before them", HINT
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
