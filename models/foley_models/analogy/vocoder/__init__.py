"""From a mel back to sound: MelGAN (Kumar et al. 2019), which section 3.2 takes for it, and Griffin-Lim to compare it with."""
