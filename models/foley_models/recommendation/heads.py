"""What stands between the embeddings and the loss in training (Krishnamurthy, sections 4.1 and 4.3); retrieval never uses
it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foley_models.recommendation.encoders import EMBEDDING

UNEQUAL = 1e-12  # under the root: two equal embeddings have a gradient, too


def distance(picture: Tensor, sound: Tensor) -> Tensor:
    """Euclidean distances of embeddings, (n, d) and (n, d) to (n,)."""
    return ((picture - sound).square().sum(dim=1) + UNEQUAL).sqrt()


class CorrelationHead(nn.Module):
    """Do a picture and a sound belong together? From the distance of their embeddings a fully connected layer makes the
    logits of a softmax over (uncorrelated, correlated); its bias is the distance's threshold (section 4.1).

    It begins with the threshold in the middle of what distances can be, and nearer is more correlated.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 2)
        with torch.no_grad():
            self.fc.weight.copy_(torch.tensor([[1.0], [-1.0]]))
            self.fc.bias.copy_(torch.tensor([-1.0, 1.0]))

    def forward(self, picture: Tensor, sound: Tensor) -> Tensor:
        """Embeddings (n, d), (n, d) to logits (n, 2)."""
        return self.fc(distance(picture, sound)[:, None])


class LinearProjector(nn.Module):
    """A single fully connected layer with bias; the same for both streams (section 5.2: the better one)."""

    def __init__(self, embedding: int = EMBEDDING) -> None:
        super().__init__()
        self.fc = nn.Linear(embedding, embedding)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(n, d) to (n, d)."""
        return self.fc(embeddings)


class NonlinearProjector(nn.Module):
    """Two fully connected layers with bias and a ReLU in between; the same for both streams."""

    def __init__(self, embedding: int = EMBEDDING) -> None:
        super().__init__()
        self.fc1 = nn.Linear(embedding, embedding)
        self.fc2 = nn.Linear(embedding, embedding)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(n, d) to (n, d)."""
        return self.fc2(torch.relu(self.fc1(embeddings)))
