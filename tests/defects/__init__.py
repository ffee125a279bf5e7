"""Does the suite notice? Defects, planted one at a time into a copy of the product.

`python -m tests.defects` plants each, runs the tests that should catch it, and fails if any survives.
"""
