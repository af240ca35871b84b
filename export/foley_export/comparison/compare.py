"""A comparison made: reels and a folder of sounds in, a page to judge in and its key out."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.pack import Pack
from foley_export.comparison.blind import SIDES, KeptRegion, Key, left_pack
from foley_export.comparison.page import write_page
from foley_export.comparison.shown import regions_of
from foley_export.comparison.sounds import embed_folder
from foley_export.errors import ExportError
from foley_export.whole_folder import whole_folder

TOP = 5


def compare(
    packs: tuple[Path, Path],
    reels: Sequence[Path],
    sounds: Path,
    target: Path,
    *,
    top: int = TOP,
    seed: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Key:
    """Make a comparison.

    Args:
        packs: folders of pack "a" and "b".
        reels: timelines with marked regions, or videos.
        sounds: a folder of them.
        target: the comparison's folder, which is not there yet.
        top: sounds of each pack, in each region.
        seed: of the sides; None: drawn.
        say: is told what is being done, and what is left out.

    Raises:
        PackError, TimelineError, ExportError: it cannot be made; nothing is there then.
    """
    opened = [Pack.open(folder) for folder in packs]
    if opened[0].space == opened[1].space:
        raise ExportError(f"{packs[0]} and {packs[1]} find the same: they have the same graphs", "give two packs that differ")
    encoders = [Encoders(pack) for pack in opened]
    with whole_folder(target) as folder:
        shown = regions_of(reels, say)
        say(f"{len(shown)} regions; embedding the sounds of {sounds}")
        held = dict(zip("ab", embed_folder(sounds, encoders, say), strict=True))
        seed = secrets.randbelow(2**31) if seed is None else seed
        kept, judged = [], []
        for number, region in enumerate(shown, 1):
            found = {pack: each.nearest(region.pictures, top) for pack, each in held.items()}
            differ = [each.path for each in found["a"]] != [each.path for each in found["b"]]
            rows = {pack: [{**vars(each), "path": str(each.path)} for each in of] for pack, of in found.items()}
            kept.append(KeptRegion(region.reel, region.name, left_pack(seed, number), differ, rows))
            if differ:
                judged.append((number, region, {side: found[kept[-1].pack_on(side)] for side in SIDES}))
        if not judged:
            raise ExportError("both packs find the same sounds in every region", "give more sounds, or other reels")
        names = {letter: f"{pack.id} ({folder})" for letter, pack, folder in zip("ab", opened, packs, strict=True)}
        told = json.dumps([[pack.hash for pack in opened], seed, [each.found for each in kept]], sort_keys=True)
        key = Key(hashlib.sha256(told.encode()).hexdigest()[:16], seed, names, kept)
        write_page(folder, comparison=key.id, regions=judged)
        key.write(folder)
    return key
