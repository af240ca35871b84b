"""Several processes training one network, as ``torchrun`` starts them, each on a GPU of its own or all on the CPU.

Each has its share of every batch. What a loss or a batch normalisation needs of the whole batch is exchanged together with its
gradients, so that the network learns what it would learn in one process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn

from foley_models.errors import ModelError

PATIENCE = timedelta(days=1)
"""The first process may read a data set for hours while the others wait."""


@dataclass(frozen=True)
class Processes:
    """All that train together.

    Attributes:
        device: of this one.
        rank: of this one, from 0.
        world: how many there are.
    """

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Is this the one that writes and talks?"""
        return self.rank == 0

    def gather(self, own: Tensor) -> Tensor:
        """All processes' rows, in the order of the ranks, with gradients: (n, d) to (world * n, d)."""
        return _Rows.apply(own) if self.world > 1 else own

    def total(self, own: Tensor) -> Tensor:
        """The sum over all processes, without gradients."""
        if self.world > 1:
            own = own.detach().clone()
            distributed.all_reduce(own)
        return own

    def wait(self) -> None:
        """Until all are here."""
        if self.world > 1:
            distributed.barrier()


@contextlib.contextmanager
def joined(device: str = "auto") -> Iterator[Processes]:
    """Join the others that ``torchrun`` started, if it did.

    Args:
        device: "cpu", "cuda", or "auto": a GPU where there is one.

    Raises:
        ModelError: no GPU, or not enough of them.
    """
    rank, world, local = (int(os.environ.get(name, default)) for name, default in _TORCHRUN)
    where = _device(device, local)
    if world == 1:
        yield Processes(where)
        return
    if where.type == "cuda":
        torch.cuda.set_device(where)
    distributed.init_process_group("nccl" if where.type == "cuda" else "gloo", rank=rank, world_size=world, timeout=PATIENCE)
    try:
        yield Processes(where, rank, world)
    finally:
        distributed.destroy_process_group()


_TORCHRUN = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))


def _device(wanted: str, local: int) -> torch.device:
    if wanted not in {"auto", "cpu", "cuda"}:
        raise ModelError(f"--device {wanted}: there is no such device", "give auto, cpu or cuda")
    found = torch.cuda.device_count() if wanted != "cpu" and torch.cuda.is_available() else 0
    if wanted == "cuda" and not found:
        built = f"it is built for CUDA {torch.version.cuda}" if torch.version.cuda else "it is built for the CPU alone"
        raise ModelError(
            f"--device cuda: torch {torch.__version__} finds no GPU ({built})",
            "give --device cpu, or install torch as https://pytorch.org/get-started/locally says and see what nvidia-smi says",
        )
    if not found:
        return torch.device("cpu")
    if local >= found:
        hint = f"torchrun --nproc-per-node {found}"
        raise ModelError(f"process {local + 1} of this machine has no GPU: there are {found}", hint)
    return torch.device("cuda", local)


class _Sum(torch.autograd.Function):
    """The sum over all processes; each one's gradient is of all their losses."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        whole = own.clone()
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous().clone()
        distributed.all_reduce(gradient)
        return gradient


class _Rows(torch.autograd.Function):
    """All processes' rows one after another; each one's gradient is of all their losses."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        parts = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous().clone()
        distributed.all_reduce(gradient)
        return gradient.chunk(distributed.get_world_size())[distributed.get_rank()]


class _OverAll(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation over the batches of all processes together, on any device (torch's own is for GPUs alone)."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, ...) to the same; every process has as many rows."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        whole = x.to(torch.promote_types(x.dtype, torch.float32))
        world = distributed.get_world_size()
        var, mean = torch.var_mean(whole, dim=(0, *range(2, x.dim())), correction=0)
        mean, square = _Sum.apply(torch.stack([mean, var + mean.square()])) / world
        var = square - mean.square()
        count = world * x.numel() / x.shape[1]
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum or 0.0)
            self.running_var.lerp_((var * count / (count - 1)).to(self.running_var), self.momentum or 0.0)
        scale = self.weight * (var + self.eps).rsqrt()
        wide = (-1, *[1] * (x.dim() - 2))
        return (whole * scale.view(wide) + (self.bias - mean * scale).view(wide)).to(x.dtype)


class SyncedBatchNorm2d(_OverAll, nn.BatchNorm2d):
    """Of pictures and spectrograms, (n, channels, h, w)."""


class SyncedBatchNorm3d(_OverAll, nn.BatchNorm3d):
    """Of clips, (n, channels, frames, h, w)."""


def synced(network: nn.Module) -> None:
    """Let all batch normalisations of a network see all processes' batches; states keep their names.

    One that goes by the statistics of what it is given even in use (``batch_statistics``) stays as it is.
    """
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d | nn.BatchNorm3d) and not getattr(child, "batch_statistics", False):
            kind = SyncedBatchNorm2d if isinstance(child, nn.BatchNorm2d) else SyncedBatchNorm3d
            made = kind(child.num_features, child.eps, child.momentum)
            made.to(child.weight.device, child.weight.dtype).load_state_dict(child.state_dict())
            for own, was in zip(made.parameters(), child.parameters(), strict=True):
                own.requires_grad_(was.requires_grad)  # one that does not learn goes on not to
            setattr(network, name, made.train(child.training))
        else:
            synced(child)
