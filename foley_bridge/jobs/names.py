"""The words of a job that programs use (docs/protocol.md). Light: ``foley-call`` reads this file, too."""

KINDS = ("generate", "retake", "apply")
"""Of jobs."""
FOLLOWUPS = ("retake", "apply")
"""Kinds that are asked of a reel, which is a ``generate`` that is done."""
ADDED = ("reel", "of", "known", "revision")
"""What a follow-up's request has beyond what its client sent (``jobs/followups.py``)."""
ENGINES_HERE = ("recommend", "transfer", "analogy")
"""That this version has; ``timeline.options`` knows those to come as well."""
STATES = ("queued", "running", "done", "failed", "cancelled")
ENDED = ("done", "failed", "cancelled")
"""Those states that stay."""
