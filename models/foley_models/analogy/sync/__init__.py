"""Audio-visual synchronisation in the manner of SparseSync (Iashin et al., BMVC 2022), and choosing by it (section 3.3)."""
