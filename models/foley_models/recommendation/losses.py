"""The four losses of Krishnamurthy, section 4. All are means over the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from foley_models.recommendation.heads import distance

MARGIN = 0.1
TEMPERATURE = 0.5


def correlation_bce(logits: Tensor, correlated: Tensor) -> Tensor:
    """Binary cross-entropy of the softmax over (uncorrelated, correlated), section 4.1.

    Args:
        logits: (n, 2).
        correlated: (n,), 0 or 1.
    """
    return functional.cross_entropy(logits, correlated.long())


def margin_contrastive(picture: Tensor, sound: Tensor, correlated: Tensor, margin: float = MARGIN) -> Tensor:
    """Equation 1: correlated pairs are drawn together, others pushed apart until they are ``margin`` away from each other.

    Args:
        picture, sound: embeddings, (n, d).
        correlated: (n,), 0 or 1.
    """
    apart, y = distance(picture, sound), correlated.to(picture.dtype)
    return (y * apart + (1 - y) * (margin - apart).clamp(min=0)).mean()


def nt_xent(picture: Tensor, sound: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Equation 2, exactly: the positive pair is left out of the denominator, so the loss can be negative.

    Args:
        picture, sound: projected embeddings of n correlated pairs, (n, d); n at least 2.
    """
    similar = similarities(picture, sound) / temperature
    own = torch.eye(len(similar), dtype=torch.bool, device=similar.device)
    others = similar.masked_fill(own, -torch.inf).logsumexp(dim=1)
    return (others - similar.diagonal()).mean()


def info_nce(picture: Tensor, sound: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """InfoNCE, section 4.3: the cross-entropy of finding each picture's own sound among all of the batch.

    Args:
        picture, sound: projected embeddings of n correlated pairs, (n, d).
    """
    similar = similarities(picture, sound) / temperature
    return functional.cross_entropy(similar, torch.arange(len(similar), device=similar.device))


def similarities(picture: Tensor, sound: Tensor) -> Tensor:
    """Cosines of all pictures with all sounds."""
    return functional.normalize(picture, dim=1) @ functional.normalize(sound, dim=1).T
