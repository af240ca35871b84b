"""What memory the engine will need, reckoned before it begins; a cue that cannot fit is refused, and told what would."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

from foley_bridge.engines.analogy.drawing import takes_of_pool
from foley_bridge.engines.analogy.pictures import AT_ONCE, CONTEXT
from foley_bridge.engines.analogy.plan import Plan
from foley_bridge.errors import EngineError
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.analogy_task import ROLES, AnalogyTask

_FLOAT = 4
_SPARE = 192 << 20  # bytes for all else: pictures being decoded, mels, sound
_LOADING = 3  # times the bytes of a graph: its file, what was read of it, what it is packed as
_PER_PIXEL = 150  # numbers that a picture network holds for each pixel of its input, as R(2+1)D does
_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_SAYS = {  # of a group of either kind: its limit, what it holds, and what of that are files, which give way at once
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def check(analogy: Analogy, plan: Plan, *, candidates: int, pools: int) -> None:
    """See that a cue fits into the memory that is free, before anything of it is begun.

    Args:
        candidates: of a pool.
        pools: how many are drawn.

    Raises:
        EngineError: it does not; says what would.
    """
    free = free_bytes()
    needed = needed_bytes(analogy, plan, candidates=candidates, pools=pools)
    if needed <= free:
        return
    fewer = next((count for count in (8, 4, 2, 1) if count < candidates and _fits(analogy, plan, count, pools, free)), None)
    hint = "close other programs, or use a smaller pack"
    if fewer is not None:
        hint = f"candidates={fewer} would fit"
    raise EngineError(f"{analogy.pack.id} would need {_gb(needed)} of memory for this, and {_gb(free)} are free", hint)


def needed_bytes(analogy: Analogy, plan: Plan, *, candidates: int, pools: int) -> int:
    """What a cue needs at most, beside what is loaded already: graphs, the decoder's buffers, what a picture network holds."""
    task = analogy.task
    weights = sum(analogy.to_load(role) for role in {*ROLES, analogy.judging})
    pictures = plan.pictures if plan.windows == 1 or not plan.shared else round((AT_ONCE + 2 * CONTEXT) * plan.pictures)
    looking = min(pictures, plan.all_pictures) * task.picture.size**2 * _PER_PIXEL * _FLOAT
    codes = pools * takes_of_pool(candidates) * plan.all_columns * task.rows * 8
    return _LOADING * weights + kept_bytes(task, candidates) + looking + codes + _SPARE


def kept_bytes(task: AnalogyTask, candidates: int) -> int:
    """Of the decoder's buffers, at most: a batch's, those that its rows go on from, a window's prefix and the one before."""
    rows = candidates + takes_of_pool(candidates)
    tokens = rows * task.rows * task.columns + 2 * sum(task.prefix)
    return tokens * len(task.decoder.buffers) * math.prod(task.decoder.shape(1, 1)) * _FLOAT


def free_bytes() -> int:
    """What this process may still take without another one being pushed out: of the machine, or of a group it is held in."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for folder, (limit, used, files) in _groups():
        with contextlib.suppress(OSError, ValueError):  # no such group, or no limit
            most, held = (int((folder / name).read_text("ascii")) for name in (limit, used))
            counts = dict(line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines())
            free = min(free, most - held + int(counts.get(files, 0)))
    return max(0, free)


def _groups() -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """The groups that this process is held in, each within the next one: their folders, and what says what in them."""
    with contextlib.suppress(OSError):  # not Linux
        for line in _OWN_GROUPS.read_text("utf-8").splitlines():
            _, kinds, place = line.split(":", 2)
            kind = "memory" if "memory" in kinds.split(",") else kinds
            if kind in _SAYS:
                own = Path(place.lstrip("/"))
                yield from ((_GROUPS / kind / folder, _SAYS[kind]) for folder in (own, *own.parents))


def _fits(analogy: Analogy, plan: Plan, candidates: int, pools: int, free: int) -> bool:
    return needed_bytes(analogy, plan, candidates=candidates, pools=pools) <= free


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
