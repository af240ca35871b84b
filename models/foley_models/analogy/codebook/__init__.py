"""The codebook of sounds: a VQGAN on mel spectrograms (section 3.2, after Iashin and Rahtu's SpecVQGAN)."""
