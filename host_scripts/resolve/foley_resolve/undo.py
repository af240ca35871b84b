"""Undo last Foley placement: takes out what was laid last, and puts back what lay there before."""

from __future__ import annotations

from foley_host import HostError

from .host import ResolveHost
from .placing import laid, take_back


def undo_last(host: ResolveHost) -> str:
    """Take the newest placement on this timeline back, save, and look again. The files stay in the bin.

    Returns:
        What to tell the user.
    """
    session = host.session
    here = str(session.timeline.GetUniqueId())
    receipts = [receipt for receipt in host.memory.receipts if receipt["timeline"] == here]
    if not receipts:
        return "There is no Foley placement to undo on this timeline."
    receipt = receipts[-1]
    out, back = len(laid(session, receipt)), len(receipt["removed"])
    expected = _clips(host) - out + back
    take_back(session, receipt, forget=False)
    host.settle()
    if laid(session, receipt) or _clips(host) != expected:
        raise HostError("Resolve did not keep all of what was undone", "Look at the tracks named Foley, and use Edit > Undo.")
    host.memory.drop(receipt)
    return f"Undone: {receipt['label']}. {out} taken out{f'; {back} put back' if back else ''}."


def _clips(host: ResolveHost) -> int:
    return sum(len(track["clips"]) for track in host.own_tracks())
