"""Foley by analogy as graphs: from runs of ours, or from the authors' published files, to a pack, with proof."""
