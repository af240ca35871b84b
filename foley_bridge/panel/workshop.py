"""What takes long is made in a process beside the panel: what was asked last first, what nobody wants any more not at all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foley_bridge.bridge.wire import error_from
from foley_bridge.errors import MediaError
from foley_bridge.jobs.worker_process import environment

log = logging.getLogger(__name__)

MOST_AHEAD = 2
SILENT_S = 60.0
"""A process that says nothing for so long hangs in a file, and another takes its place."""
_BELOW_NORMAL = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)  # elsewhere the process sees to it itself
_LONGEST_LINE = 1 << 22


class Order:
    """Something to be made, and how many wait for it; nobody waits for what is made ahead."""

    def __init__(self, place: Path, work: Mapping[str, Any], rank: int) -> None:
        self.place, self.work, self.rank = place, work, rank
        self.asked = 0
        self.waiting = 0
        self.done: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()


class Workshop:
    """One process that makes one thing after another. Used in the loop only.

    Args:
        name: for the log.
        parts: what its process can make (``maker.py``).
    """

    def __init__(self, name: str, parts: Sequence[str]) -> None:
        self._name, self._parts = name, parts
        self._orders: dict[Path, Order] = {}
        self._counter = itertools.count(1)
        self._wanted = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._made: Order | None = None  # the one being made

    async def make(self, place: Path, work: Mapping[str, Any], *, rank: int = 0) -> list[str]:
        """Have a file made; whoever is cancelled here does not want it any more.

        Args:
            place: the file.
            work: how, for the process (``maker.py``).
            rank: what has a lower one is made first, and of one rank what was asked last.

        Returns:
            What was missing for it, in words; it may be there another time.

        Raises:
            FoleyError: it cannot be made.
        """
        order = self._orders.get(place)
        if order is None:
            order = self._orders[place] = Order(place, work, rank)
        order.rank = min(order.rank, rank)
        order.asked = next(self._counter)
        order.waiting += 1
        self._look()
        try:
            return await asyncio.shield(order.done)
        finally:
            order.waiting -= 1
            if not order.waiting and not order.done.done():
                self._unwanted(order)

    def ahead(self, place: Path, work: Mapping[str, Any], *, rank: int) -> None:
        """Have a file made when there is nothing else to do."""
        if place not in self._orders:
            order = self._orders[place] = Order(place, work, rank)
            order.asked = next(self._counter)
            idle = sorted((each for each in self._orders.values() if not each.waiting), key=lambda each: -each.asked)
            for old in idle[MOST_AHEAD:]:
                self._unwanted(old)
            self._look()

    def _unwanted(self, order: Order) -> None:
        if order is self._made:
            self._tell({"drop": str(order.place)})
        else:
            self._forget(order)

    def _look(self) -> None:
        """Something is wanted; what is made for nobody gives way to what somebody waits for."""
        self._wanted.set()
        made = self._made
        if made is not None and not made.waiting and any(each.waiting for each in self._orders.values()):
            self._tell({"drop": str(made.place)})

    def _forget(self, order: Order) -> None:
        if self._orders.get(order.place) is order:
            del self._orders[order.place]
        order.done.cancel()

    async def run(self) -> None:
        """Work until the loop ends. The process is started at once, so that it is warm when something is wanted."""
        await self._started()
        while True:
            await self._wanted.wait()
            order = min(self._orders.values(), key=lambda each: (not each.waiting, each.rank, -each.asked), default=None)
            if order is None:
                self._wanted.clear()
                continue
            self._made = order
            try:
                answer = await self._have_made(order)
            finally:
                self._made = None
            self._settle(order, answer)

    def _settle(self, order: Order, answer: Mapping[str, Any]) -> None:
        if answer["say"] == "dropped":
            if not order.waiting:  # somebody may want it again by now
                self._forget(order)
            return
        if not order.done.done():
            if answer["say"] == "made":
                order.done.set_result(list(answer["missing"]))
            elif order.waiting:
                order.done.set_exception(error_from(answer["error"]))
        self._forget(order)

    async def _have_made(self, order: Order) -> dict[str, Any]:
        process = await self._started()
        assert process.stdout is not None
        self._tell({"make": str(order.place), **order.work})
        try:
            while line := await asyncio.wait_for(process.stdout.readline(), SILENT_S):
                said = dict(json.loads(line))
                if said["say"] != "working":
                    return said
            why = f"died (status {await process.wait()})"
        except TimeoutError:
            why = "is stuck"
            with contextlib.suppress(ProcessLookupError):
                process.kill()  # and nobody waits for its end: what hangs in a disk that went away may take its time
        self._process = None
        log.warning("the process that makes %s %s", self._name, why)
        error = MediaError(
            f"the picture or sound cannot be made: the process that reads it {why}", "try again, or check the file and its disk"
        )
        return {"say": "failed", "error": error.to_json()}

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "foley_bridge.panel.maker", *self._parts),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(),
                creationflags=_BELOW_NORMAL,
                limit=_LONGEST_LINE,
            )
        return self._process

    def _tell(self, said: Mapping[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(said).encode() + b"\n")
