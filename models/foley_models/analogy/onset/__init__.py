"""The onset network of the onset-transfer baseline (Du et al., section 4.1 and supplement): when a picture says that something
sounds."""
