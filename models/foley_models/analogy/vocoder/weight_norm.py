"""Convolutions with weight norm (Salimans & Kingma 2016): weights are directions, ``weight_v``, and lengths, ``weight_g``.

torch's own parametrisation gives its tensors other names; these are those of the published checkpoints.
"""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor, nn
from torch.nn import functional

Plain = TypeVar("Plain", nn.Conv1d, nn.ConvTranspose1d)


class _Normed(nn.Module):
    """A convolution whose weight is made of ``weight_g`` and ``weight_v``; begins as torch's convolution does."""

    bias: Tensor

    def __init__(self, convolution: nn.Conv1d | nn.ConvTranspose1d) -> None:
        super().__init__()
        weight = convolution.weight.detach()
        self.bias = nn.Parameter(convolution.bias.detach().clone())  # type: ignore[union-attr]
        self.weight_g = nn.Parameter(weight.norm(dim=(1, 2), keepdim=True))
        self.weight_v = nn.Parameter(weight.clone())

    @property
    def weight(self) -> Tensor:
        """As a convolution without weight norm would have it."""
        return self.weight_g * self.weight_v / self.weight_v.norm(dim=(1, 2), keepdim=True)

    def plain(self) -> nn.Module:
        """The same convolution without weight norm."""
        raise NotImplementedError


class Conv1d(_Normed):
    """(n, channels, time) to (n, out, time - dilation * (kernel - 1) + 2 * padding, over stride)."""

    def __init__(
        self, channels: int, out: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
    ) -> None:
        super().__init__(nn.Conv1d(channels, out, kernel, groups=groups))
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def forward(self, at: Tensor) -> Tensor:
        return functional.conv1d(at, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def plain(self) -> nn.Conv1d:
        out, channels, kernel = self.weight_v.shape
        made = nn.Conv1d(
            channels * self.groups, out, kernel, self.stride, self.padding, dilation=self.dilation, groups=self.groups
        )
        return _with(made, self)


class Upsampling(_Normed):
    """A transposed convolution that makes ``ratio`` steps of time out of one: (n, channels, time) to (n, out, ratio * time)."""

    def __init__(self, channels: int, out: int, ratio: int) -> None:
        super().__init__(nn.ConvTranspose1d(channels, out, 2 * ratio))
        self.ratio = ratio

    def forward(self, at: Tensor) -> Tensor:
        odd = self.ratio % 2
        return functional.conv_transpose1d(
            at, self.weight, self.bias, stride=self.ratio, padding=self.ratio // 2 + odd, output_padding=odd
        )

    def plain(self) -> nn.ConvTranspose1d:
        (channels, out, kernel), odd = self.weight_v.shape, self.ratio % 2
        made = nn.ConvTranspose1d(channels, out, kernel, self.ratio, self.ratio // 2 + odd, output_padding=odd)
        return _with(made, self)


def without_weight_norm(module: nn.Module) -> None:
    """Replace the convolutions of a module by plain ones that compute the same: what is exported."""
    for name, child in list(module.named_children()):
        if isinstance(child, _Normed):
            setattr(module, name, child.plain().train(child.training))
        else:
            without_weight_norm(child)


def _with(made: Plain, normed: _Normed) -> Plain:
    made.to(normed.bias)  # its device and its precision
    made.load_state_dict({"weight": normed.weight.detach(), "bias": normed.bias.detach()})
    return made
