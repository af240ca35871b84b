"""R(2+1)D as packs have it: each of its convolutions is one in space or one in time, and so a 2-D one.

ONNX Runtime has better kernels for those: networks run 1.1 to 1.2 times as fast on a CPU, and are the same
but for rounding. For a convolution in space every picture of a clip is a sample of a batch; for one in time a picture's places
are one long line.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar, cast

from foley_models.analogy.picture.r2plus1d import Block, Norm, R2Plus1D
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterable

Network = TypeVar("Network", bound=nn.Module)


def flattened(network: Network) -> Network:
    """The same network, weights shared, with every R(2+1)D in it as a ``Flat``."""
    instead: dict[int, object] = {id(each): each for each in (*network.parameters(), *network.buffers())}
    for inner in [each for each in network.modules() if isinstance(each, R2Plus1D)]:
        instead |= {id(each): _flat(each) for each in inner.modules() if isinstance(each, nn.Conv3d)}
        instead[id(inner)] = Flat(copy.deepcopy(inner, instead)).train(inner.training)
    return copy.deepcopy(network, instead)


def _flat(conv: nn.Conv3d) -> nn.Conv2d:
    """In time, by (3, 1) of (t, h w); else in space."""
    kernel, stride, padding = ([int(each) for each in sizes] for sizes in (conv.kernel_size, conv.stride, conv.padding))
    assert stride[0] == 1 and conv.bias is None and (kernel[0] == 1 or kernel[1:] == [1, 1])
    if kernel[0] > 1:
        made = nn.Conv2d(conv.in_channels, conv.out_channels, (kernel[0], 1), padding=(padding[0], 0), bias=False)
        weight = conv.weight.detach()[..., 0]
    else:
        made = nn.Conv2d(conv.in_channels, conv.out_channels, kernel[1], stride[1], padding[1], bias=False)
        weight = conv.weight.detach()[:, :, 0]
    made.weight = nn.Parameter(weight, conv.weight.requires_grad)
    return made


class Flat(nn.Module):
    """An ``R2Plus1D`` with 2-D convolutions in it, that is not trained. In between, x is (n, channels, t, h, w)."""

    def __init__(self, network: R2Plus1D) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """float32 (n, 3, t, s, s), normalised, to (n, t, width)."""
        return self.maps(x).mean(dim=(3, 4)).transpose(1, 2)

    def maps(self, x: Tensor) -> Tensor:
        """As ``R2Plus1D.maps``."""
        stem = self.network.stem
        x = _factored(stem, stem[4], x)
        for number in range(len(self.network.config.widths)):
            for block in cast("Iterable[Block]", self.network.get_submodule(f"layer{number + 1}")):
                x = _block(block, x)
        return x


def _block(block: Block, x: Tensor) -> Tensor:
    shortcut: Any = block.downsample
    around = x if shortcut is None else _in_space(shortcut[0], shortcut[1], x, relu=False)
    y = _factored(block.conv1[0], block.conv1[1], x)
    return _factored(block.conv2[0], block.conv2[1], y, around)


def _factored(convolutions: Any, norm: Any, x: Tensor, around: Tensor | None = None) -> Tensor:
    """One in space and one in time, in that order as in ``Conv2Plus1D`` and in the stem."""
    return _in_time(convolutions[3], norm, _in_space(convolutions[0], convolutions[1], x), around)


def _in_space(conv: nn.Conv2d, norm: Norm, x: Tensor, relu: bool = True) -> Tensor:
    made = conv(x.transpose(1, 2).flatten(0, 1))  # (n t, channels, h, w)
    if norm.batch_statistics:
        made = norm(_clips(made, x))
        return made.relu() if relu else made
    made = _by_what_was_kept(norm, made)
    return _clips(made.relu() if relu else made, x)


def _in_time(conv: nn.Conv2d, norm: Norm, x: Tensor, around: Tensor | None = None) -> Tensor:
    """What leads around it is added."""
    made = conv(x.flatten(3))  # (n, channels, t, h w)
    if norm.batch_statistics:
        made = norm(made.unflatten(3, x.shape[3:]))
        return (made if around is None else made + around).relu()
    made = _by_what_was_kept(norm, made)
    if around is not None:
        made = made + around.flatten(3)
    return made.relu().unflatten(3, x.shape[3:])


def _by_what_was_kept(norm: Norm, x: Tensor) -> Tensor:
    """Normalised; right after a convolution it becomes a part of it, and so does a ReLU right after that."""
    return functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)


def _clips(pictures: Tensor, x: Tensor) -> Tensor:
    """(n t, channels, h, w) to (n, channels, t, h, w), as many of each as in x."""
    return pictures.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)
