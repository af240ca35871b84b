"""The decoder of Foley by analogy: from an example with its sound and a silent input to the codes of the input's sound."""
