"""What the codebook learns by (section 3.2 and supplement A, after SpecVQGAN): losses of mels and of patches. All are means."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-10
RECONSTRUCTIONS = {"l1": functional.l1_loss, "mse": functional.mse_loss}
"""The authors' code has the first, their paper the second."""


def perceptual(layers: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """LPAPS: how differently a network that knows sounds sees two mels; 0 for the same.

    Each place's features are brought to length 1; squared distances are averaged over the places and summed over the layers.
    At mixed precision, too, since squares of many channels are too large for half the digits.
    The authors weight the channels, with weights that come with their loss; here all count the same.

    Args:
        layers, other: of the two mels, each (n, channels, h, w).
    """
    apart = [(_unit(a.float()) - _unit(b.float())).square().sum(dim=1).mean() for a, b in zip(layers, other, strict=True)]
    return torch.stack(apart).sum()


def adversarial(decoded: Tensor) -> Tensor:
    """The decoder's part: its patches should look recorded.

    Args:
        decoded: the discriminator's logits of what was decoded.
    """
    return -decoded.mean()


def hinge(recorded: Tensor, decoded: Tensor) -> Tensor:
    """The discriminator's part: logits above 1 for what was recorded, below -1 for what was decoded."""
    return 0.5 * (functional.relu(1 - recorded).mean() + functional.relu(1 + decoded).mean())


def adaptive_weight(near: Tensor, fooling: Tensor, last: Tensor, bounds: tuple[float, float]) -> Tensor:
    """How much the adversarial loss may count beside the reconstruction, by their gradients at the decoder's last weights.

    Args:
        near: the reconstruction's loss.
        fooling: the adversarial loss.
        last: the decoder's last weights.
        bounds: the least and the most; published are 1 and 1, so that the gradients decide nothing.
    """
    least, most = bounds
    if least == most:
        return near.new_tensor(least)
    (a,), (b,) = (torch.autograd.grad(each, last, retain_graph=True) for each in (near, fooling))
    return (a.norm() / (b.norm() + 1e-4)).clamp(least, most).detach()


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + EPSILON)
