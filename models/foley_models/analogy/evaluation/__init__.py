"""How good what was made is (section 4): sound classifiers, onset metrics, Table 1."""
