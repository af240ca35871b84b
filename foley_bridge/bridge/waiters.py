"""Those who wait for something, a job's end or news of a reel, each until its own time is up."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from msgspec import UNSET

from foley_bridge.bridge.params import Wait
from foley_bridge.bridge.protocol import Request
from foley_bridge.bridge.reel_params import Choices
from foley_bridge.jobs.names import ENDED

Waiter = TypeVar("Waiter")


class Waiters(Generic[Waiter]):
    """Waiters by what they wait for and by the time that they wait until. A bounded number; one that is gone costs its place.

    Args:
        most: when one more comes, the one that has waited longest is to be answered with what there is.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._numbers = itertools.count()
        self._all: dict[int, tuple[str, Waiter]] = {}  # in the order in which they came
        self._by_what: dict[str, set[int]] = {}
        self._times: list[tuple[float, int]] = []  # a heap; some of its numbers may be gone already

    def __len__(self) -> int:
        return len(self._all)

    def add(self, what: str, until_s: float, waiter: Waiter) -> list[Waiter]:
        """One more waiter; returns those who have to make room."""
        number = next(self._numbers)
        self._all[number] = (what, waiter)
        self._by_what.setdefault(what, set()).add(number)
        heapq.heappush(self._times, (until_s, number))
        if len(self._times) > 2 * self._most:  # mostly numbers that are gone
            self._times = [entry for entry in self._times if entry[1] in self._all]
            heapq.heapify(self._times)
        return [self._take(next(iter(self._all)))] if len(self._all) > self._most else []

    def happened(self, what: str) -> list[Waiter]:
        """Those who waited for this; they wait no more."""
        return [self._take(number) for number in sorted(self._by_what.get(what, ()))]

    def overdue(self, now_s: float) -> list[Waiter]:
        """Those whose time is up; they wait no more."""
        found = []
        while self._times and self._times[0][0] <= now_s:
            _, number = heapq.heappop(self._times)
            if number in self._all:
                found.append(self._take(number))
        return found

    def next_s(self) -> float | None:
        """When somebody's time is up next; None when nobody waits."""
        while self._times and self._times[0][1] not in self._all:
            heapq.heappop(self._times)
        return self._times[0][0] if self._times else None

    def _take(self, number: int) -> Waiter:
        what, waiter = self._all.pop(number)
        self._by_what[what].discard(number)
        if not self._by_what[what]:
            del self._by_what[what]
        return waiter


def awaited(request: Request, result: Mapping[str, Any]) -> str | None:
    """What a request that would be answered so waits for, a job's end or news of a reel; None when it does not wait."""
    if isinstance(request.params, Wait):
        return None if result["state"] in ENDED else str(result["job"])
    if isinstance(request.params, Choices):
        return None if _says_news(request.params, result) else news_of(result["job"])
    return None


def news_of(reel: str) -> str:
    """What those wait for who wait for a choice in a reel or for its ``apply``. A job's end is known by its id, which is
    never such."""
    return f"reel {reel}"


def _says_news(params: Choices, result: Mapping[str, Any]) -> bool:
    """Whether ``choices`` has found something that its client waits for."""
    applied = result["applied"]
    newly_applied = applied is not None and applied["state"] == "done" and applied["job"] != params.applied
    waits = params.after is not UNSET or params.applied is not UNSET
    return (
        not waits or (params.after is not UNSET and bool(result["choices"])) or (params.applied is not UNSET and newly_applied)
    )
