"""Undo last Foley placement: takes out what was laid last, and puts back what lay there before."""

from __future__ import annotations

from foley_host import HostError

from .host import ResolveHost
from .placing import laid, missing, take_back


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
    gone, back = len(laid(session, receipt)), len(missing(session, receipt))
    take_back(session, receipt, forget=False)
    host.settle()
    if laid(session, receipt) or missing(session, receipt):
        raise HostError("Resolve did not keep all of what was undone", "Look at the tracks named Foley, and use Edit > Undo.")
    host.memory.drop(receipt)
    return f"Undone: {receipt['label']}. {gone} taken out{f'; {back} put back' if back else ''}."
