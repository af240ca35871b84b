"""What is in a published file, found by the names of its tensors, and into our networks with it.

A decoder's checkpoint holds three networks: ``first_stage_model.`` (the codebook), ``cond_stage_model.model.`` (the visual
network) and ``transformer.``; a codebook's own holds the names of the first without their prefix, and its adversary; a
vocoder's file holds ``model.NUMBER.`` and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from foley_export.analogy.published.torch_file import HINT, Stored, TorchFile
from foley_export.errors import ExportError

if TYPE_CHECKING:
    from torch import nn

PREFIXES = {"codebook": "first_stage_model.", "picture": "cond_stage_model.model.", "decoder": "transformer."}
LONGEST = 200  # of a name
NO_WEIGHTS = re.compile(r"(first_stage_model\.)?(wav_transforms|loss)\.|(first|cond)_stage_permuter\.")
"""With what the authors' modules make their mels, what they were trained with, and in which order their codes are."""


def tensors_of(file: TorchFile) -> dict[str, Stored]:
    """The tensors of a file by name: of a checkpoint's ``state_dict``, or of the file itself.

    Raises:
        ExportError: it holds no network.
    """
    content = file.content
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if isinstance(content, dict):
        named = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Stored)}
        if named and all(name.isprintable() and len(name) < LONGEST for name in named):  # they are said in errors
            return named
    raise ExportError(f"{file.path.name} holds no network", HINT)


def parts_of(names: Collection[str], file: str) -> dict[str, str]:
    """Which parts are in a file: each part's name and the prefix of its tensors there.

    Raises:
        ExportError: none that is known; or a tensor of none of them, whose name it says.
    """
    found = {part: prefix for part, prefix in PREFIXES.items() if any(name.startswith(prefix) for name in names)}
    if not found and any(name.startswith("quantize.") for name in names):
        found = {"codebook": ""}
    if not found and all(re.match(r"model\.\d+\.", name) for name in names):
        found = {"vocoder": ""}
    if not found:
        raise ExportError(f"{file} holds none of the published networks: its first tensor is {min(names)}", HINT)
    for name in sorted(names):
        if not NO_WEIGHTS.match(name) and not name.startswith(tuple(found.values())):
            raise ExportError(f"{file} has {name}, which is part of no published network", HINT)
    return found


def fill(network: nn.Module, part: str, prefix: str, file: TorchFile, tensors: Mapping[str, Stored]) -> None:
    """Give a network the tensors of its part; their names and shapes have to be exactly those that it has.

    Raises:
        ExportError: a tensor is missing, too many, of another shape or of another kind, or has numbers that are none.
    """
    import torch

    own = network.state_dict()
    given = {name[len(prefix) :]: name for name in tensors if name.startswith(prefix) and not NO_WEIGHTS.match(name)}
    where = f"{file.path.name}: the {part}"
    hint = "it has to be of the published size; give the file as its authors published it"
    if missing := sorted(own.keys() - given.keys()):
        raise ExportError(f"{where} lacks {prefix}{missing[0]}{_more(missing)}", hint)
    if extra := sorted(given.keys() - own.keys()):
        raise ExportError(f"{where} has {prefix}{extra[0]}{_more(extra)}, which it should not", hint)
    for name, target in own.items():
        stored = tensors[given[name]]
        if stored.shape != tuple(target.shape):
            raise ExportError(f"{where}'s {given[name]} is {_size(stored.shape)}, not {_size(tuple(target.shape))}", hint)
        if stored.floating != target.is_floating_point():
            raise ExportError(f"{where}'s {given[name]} is of {stored.storage.kind}, not {target.dtype}", hint)
    for name, target in own.items():
        tensor = file.tensor(tensors[given[name]])
        if not bool(torch.isfinite(tensor).all()):
            raise ExportError(f"{where}'s {given[name]} has numbers that are none", "get the file again")
        target.copy_(tensor)


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"
