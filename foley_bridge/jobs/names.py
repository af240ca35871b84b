"""The words of a job that programs use (docs/protocol.md). Light: ``foley-call`` reads this file, too."""

KINDS = ("generate",)
"""Of jobs."""
ENGINES_HERE = ("recommend", "transfer")
"""That this version has; ``timeline.options`` knows those to come as well."""
STATES = ("queued", "running", "done", "failed", "cancelled")
ENDED = ("done", "failed", "cancelled")
"""Those states that stay."""
