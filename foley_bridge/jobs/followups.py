"""What is asked of a reel, made whole and frozen when it is accepted: what becomes of the reel later changes nothing of it.

A client names a reel, and a region; the job that follows needs what these are. It is added to the request (``names.ADDED``),
for an ``apply`` as a payload, too. What the client sent stays as it was: a key belongs to that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from foley_bridge.errors import JobError
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.names import FOLLOWUPS
from foley_bridge.jobs.reel import find_reel, reel_json, region_of, request_of

OF_A_REGION = ("engine", "tapped", "reliable", "reason", "onsets")
OF_A_TAKE = ("id", "seed", "source")
"""What a retake needs to know, and no more: each one keeps it in the journal."""


def expand(params: Mapping[str, Any], journal: Journal) -> tuple[dict[str, Any], bytes | None]:
    """A request of one of ``FOLLOWUPS``, with what it needs to know.

    To be called for a new job only: when its key is known already, ``Journal.add`` compares what the clients sent.

    Args:
        params: of ``submit``, their types already checked.
        journal: that knows the reel.

    Returns:
        The params with ``reel`` (the reel's id) and ``of`` (its request) added; for a ``retake`` also ``known`` (of the
        region: ``OF_A_REGION``, and ``takes`` with ``OF_A_TAKE`` each); for an ``apply`` also ``revision`` (the reel's).
        And the payload: for an ``apply`` the reel as ``reel`` answers it (but for ``opened``), else None.

    Raises:
        JobError: there is no such reel, region or take.
    """
    assert params["kind"] in FOLLOWUPS
    reel = find_reel(journal, params["job"]).id
    added: dict[str, Any] = {"reel": reel, "of": request_of(journal, reel)}
    if params["kind"] == "apply":
        payload = reel_json(journal, reel)
        return {**params, **added, "revision": json.loads(payload)["revision"]}, payload
    region, _ = region_of(journal, reel, params["region"])
    takes = [{name: take[name] for name in OF_A_TAKE} for take in region["takes"]]
    if params.get("like_take") not in (None, *(take["id"] for take in takes)):
        raise JobError(f"like_take: region {params['region']} has no such take", "name one of its takes by its SHA-256")
    known = {name: region[name] for name in OF_A_REGION}
    return {**params, **added, "known": {**known, "takes": takes}}, None
