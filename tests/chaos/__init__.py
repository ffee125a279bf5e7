"""Chaos: the whole product under kills, flushes and a faulty fal, judged by fal's own journal."""
