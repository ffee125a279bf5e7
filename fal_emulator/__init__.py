"""An offline fal: a stateful HTTP server that speaks fal's protocol and makes synthetic clips.

It plays the outside world for the demo, the tests and the drills. It imports nothing of the
product, so that a shared misunderstanding of the protocol cannot cancel itself out.
"""
