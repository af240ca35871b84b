"""The checkpoints that the authors of Foley by analogy published, and what our networks and settings have to be for them."""
