"""How fast the product is, as ratios: against the machine's limits and what else people would write."""
