"""How fast the product is, as ratios: against the same machine's limits and against what else people would write."""
