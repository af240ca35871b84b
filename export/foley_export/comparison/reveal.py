"""Judgements read back: which pack won how often, and whether that can be chance (sign test)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foley_export.comparison.blind import SIDES, Key, read_json
from foley_export.errors import ExportError

SURE = 0.05


@dataclass(frozen=True)
class Revealed:
    """What the judgements say.

    Attributes:
        packs: names of pack "a" and "b".
        wins: of each, in regions.
        as_good: regions in which neither was better.
        same: regions that were not judged, because both packs found the same.
        left: regions on the page that nobody judged.
        p: two-sided sign test over the regions with a winner; 1 when there is none.
        regions: ``[{reel, region, winner}]`` of those judged; winner "a", "b" or None.
    """

    packs: dict[str, str]
    wins: dict[str, int]
    as_good: int
    same: int
    left: int
    p: float
    regions: list[dict[str, Any]]

    @property
    def verdict(self) -> str:
        """In words."""
        if self.p >= SURE:
            return f"undecided (p = {self.p:.3f})"
        better = max("ab", key=lambda pack: self.wins[pack])
        return f"{self.packs[better]} is better (p = {self.p:.3f})"


def reveal(folder: Path, judgements: Path) -> Revealed:
    """Hold judgements against a comparison's key.

    Args:
        folder: of the comparison.
        judgements: the file that its page saved.

    Raises:
        ExportError: either cannot be read, or they do not belong together.
    """
    key = Key.read(folder)
    said = read_json(judgements, "foley_bridge_judgements", "save the judgements on the page, and give that file")
    if said.get("comparison") != key.id:
        raise ExportError(f"{judgements} judges another comparison than {folder}", "give its own folder with --out")
    judged = said.get("judgements")
    if not isinstance(judged, dict):
        raise ExportError(f"{judgements}: it has no judgements", "save them on the page again")
    wins, as_good, rows = {"a": 0, "b": 0}, 0, []
    for number, region in enumerate(key.regions, 1):
        said_here = judged.get(str(number))
        if not region.judged or said_here is None:
            continue
        if said_here not in (*SIDES, "same"):
            raise ExportError(f"{judgements}: region {number}: {said_here!r} is no judgement", "save them on the page again")
        winner = None if said_here == "same" else region.pack_on(said_here)
        if winner is None:
            as_good += 1
        else:
            wins[winner] += 1
        rows.append({"reel": region.reel, "region": region.region, "winner": winner})
    if not rows:
        raise ExportError(f"{judgements}: nothing was judged", "judge at least one region on the page")
    on_page = sum(region.judged for region in key.regions)
    same = len(key.regions) - on_page
    return Revealed(key.packs, wins, as_good, same, on_page - len(rows), sign_test(wins["a"], wins["b"]), rows)


def sign_test(wins: int, losses: int) -> float:
    """How likely a result at least so uneven is when both are equally good; two-sided, exact."""
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
