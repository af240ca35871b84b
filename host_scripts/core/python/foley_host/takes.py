"""Another take of a clip: let it sound, and make sure of it."""

from __future__ import annotations

from typing import Any, Dict

from . import path as paths
from . import place, plan
from .fault import HostError, readable

Json = Dict[str, Any]


def step(host: Any, by: int) -> None:
    """Let the take sound that comes so many after the one that does, in the clips selected or under the cursor; after the last
    comes the first.

    Raises:
        HostError: there is none, or the host did not do it.
    """
    ids = host.chosen_takes()
    before = host.own_tracks()
    clips = [clip for track in before for clip in track["clips"] if clip["ours"] and clip["id"] in ids]
    if not clips:
        raise HostError("no take is selected", "Select a clip on a Foley track, or put the cursor on it.")
    locked = [track for track in before for clip in clips if track["locked"] and clip in track["clips"]]
    if locked:
        raise HostError(f"track '{locked[0]['name']}' is locked", "Unlock it and try again.")
    several = [clip for clip in clips if len(clip["takes"]) > 1]
    if not several:
        raise HostError("this region has one take only", "Write takes=3 into its name and generate again.")
    for clip in several:
        number = (clip["chosen"] - 1 + by) % len(clip["takes"]) + 1
        _choose(host, clip, number)


def _choose(host: Any, clip: Json, number: int) -> None:
    """Let another take sound and make sure of it; if it does not, the former one is to sound again."""
    said = f"{host.name} did not change to take {number} of {plan.described(clip['name'], clip['start'], host.project())}"
    host.choose(clip, number)
    try:
        if _sounds(host, clip, number, clip["takes"][number - 1]):
            return
    except Exception as error:
        said += f": {readable(error)}"
    try:
        for now in _same_clips(host, clip):
            host.choose(now, clip["chosen"])
        back = _sounds(host, clip, clip["chosen"], clip["path"])
    except Exception as error:
        back = False
        said += f"\nTaking it back failed: {readable(error)}"
    if back:
        raise HostError(f"{said}\nThe former take sounds again.")
    hint = f"Look at the clip; take the change back: {host.undo_hint}."
    raise HostError(f"{said}\nThe former take does NOT sound again.", hint)


def _sounds(host: Any, clip: Json, number: int, path: str) -> bool:
    """Whether a take is what sounds in a clip; where the host loses things on saving, also after that."""

    def there() -> bool:
        now = [each for each in _same_clips(host, clip) if each["chosen"] == number]
        return len(now) == 1 and paths.same(now[0]["path"] or "", path or "")

    if there() and place.settles(host):
        host.settle()
    return there()


def _same_clips(host: Any, clip: Json) -> list[Json]:
    """What is there now of a clip: another take may be another clip, in the same place."""
    ours = [each for track in host.own_tracks() for each in track["clips"] if each["ours"]]
    kept = ("region", "key", "start")
    return [each for each in ours if all(each[name] == clip[name] for name in kept)]
