"""The demo's supervisor: starts every process of the product on one machine, watches them, stops them."""
