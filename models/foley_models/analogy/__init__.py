"""Foley by analogy (Du et al.): its networks, their training, evaluation and listening study."""
