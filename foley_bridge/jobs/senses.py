"""The process that looks at pictures and listens to sounds for the daemon's searches, and dies with it.

``python -P -m foley_bridge.jobs.senses``. It keeps the encoders of the pack in use and the library open between searches, and
decodes files that nobody has looked at before: none of that belongs into a process that others rely on. One line of JSON on
its standard input for each search:

    {"words": TEXT, "conditions": {...}, "library": DIR, "roots": {...},
        "like": TEXT or null,
        "picture": {"path": TEXT, "start_s": S, "duration_s": S or null} or null,
        "region": {"number": N, "asked": {...}, "opened": PATH} or null}

of which one of the last three is there; ``asked`` is the reel's request, ``opened`` its timeline as it is kept (``kept.py``).
It says {"say": "looks"} once the encoders are there, where it comes to that (the first time a provider may have to build what
it runs), and at the end {"say": "found", "result": {...}}, as ``library.search`` answers, or {"say": "failed", "error": {...}}.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from foley_bridge.errors import FoleyError, InternalError, JobError, LibraryError
from foley_bridge.home import home
from foley_bridge.jobs import searching
from foley_bridge.jobs.child import die, own_streams
from foley_bridge.jobs.roots import Roots

if TYPE_CHECKING:
    from foley_bridge.inference.encoders import Encoders


def main() -> None:
    """Search until standard input ends, which ends the process."""
    orders, words = own_streams()
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders, waiting), daemon=True).start()

    def say(said: Mapping[str, Any]) -> None:
        words.write(json.dumps(said).encode() + b"\n")
        words.flush()

    senses = Senses(looks=lambda: say({"say": "looks"}))
    while True:
        say(senses.answer(waiting.get()))


def _listen(orders: IO[bytes], waiting: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Read orders until the daemon is gone, then die."""
    try:
        for line in orders:
            waiting.put(json.loads(line))
    finally:
        die()


class Senses:
    """Searches, one after the other. looks: is called in each when the encoders are there."""

    def __init__(self, looks: Callable[[], None]) -> None:
        from foley_bridge.inference.in_use import InUse
        from foley_bridge.inference.installed import Installed

        self._in_use, self._looks = InUse(Installed(home())), looks

    def answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What to say to an order."""
        try:
            return {"say": "found", "result": self._found(order)}
        except FoleyError as error:
            return _failed(error)
        except MemoryError:
            return _failed(LibraryError("the search needs more memory than there is", "close other programs"))
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            return _failed(LibraryError(f"{name}{error.strerror or error}", "check the file"))
        except Exception as error:
            traceback.print_exc()
            what = f"the search met a fault: {type(error).__name__}: {error}"
            return _failed(InternalError(what, "the daemon's log says where"))

    def _found(self, order: Mapping[str, Any]) -> dict[str, Any]:
        from foley_bridge.jobs.sight import open_library

        catalogue, roots = open_library(Path(order["library"])), Roots.from_json(order["roots"])
        if order["like"] is not None:
            near = searching.by_sound(order["like"], catalogue, partial(_sound_file, roots))
        elif order["picture"] is not None:
            asked = order["picture"]
            path = roots.media_file(asked["path"], "params.picture.path")
            near = searching.by_picture(path, asked["start_s"], asked["duration_s"])
        else:
            near = _by_region(order["region"], roots)
        found = searching.search(catalogue, order["words"], near, self._encoders, order["conditions"])
        return found.to_json()

    def _encoders(self) -> Encoders | None:
        encoders = self._in_use.encoders()
        self._looks()
        return encoders


def _failed(error: FoleyError) -> dict[str, Any]:
    return {"say": "failed", "error": error.to_json()}


def _sound_file(roots: Roots, named: str) -> Path:
    """A sound that may be listened to: takes lie where the daemon writes."""
    try:
        return roots.media_file(named, "params.like")
    except JobError as error:
        with contextlib.suppress(JobError):
            return roots.output_path(named, "params.like")
        raise error from None


def _by_region(named: Mapping[str, Any], roots: Roots) -> searching.Near:
    from foley_bridge.jobs.cues import regions_of
    from foley_bridge.jobs.kept import base_of, kept_timeline
    from foley_bridge.jobs.looking import allowed_picture
    from foley_bridge.jobs.request import request_from_json

    asked, kept = named["asked"], Path(named["opened"])
    inline = "payload" in asked["timeline"]
    reel = request_from_json(asked, roots=roots, catalogue=None, timeline_file=kept if inline else None)
    opened = kept_timeline(kept, reel, base=base_of(asked, kept, roots))
    region = regions_of(opened)[named["number"] - 1]
    start, end = region.start, region.end
    picture = partial(allowed_picture, opened.timeline, start, end, base=opened.base, roots=reel.roots)
    return searching.by_region(picture, start, end)


if __name__ == "__main__":
    main()
