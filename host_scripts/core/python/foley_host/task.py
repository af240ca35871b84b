"""Work in steps, one a tick of the host's own timer, so that the host never waits.

A step does a little, and gives the next step, itself to be called again, or None at the end. Whatever goes wrong ends the work
with a message. (A host that shows its dialogs its own way raises a BaseException out of a step, and ticks it again later.)
"""

from __future__ import annotations

from typing import Any, Callable, Optional

from .fault import readable

Step = Callable[[], Optional[Any]]


def start(host: Any, first: Step) -> None:
    """Do the steps from ``first`` on, from the host's timer."""
    steps = [first]

    def tick() -> bool:
        try:
            after = steps[0]()
        except Exception as error:
            host.show(None, "")
            host.say(readable(error))
            return False
        if after is None:
            return False
        steps[0] = after
        return True

    host.later(tick)
