"""A deliberately ordinary implementation of the same studio, for the bench to fail.

A bench that nothing fails proves nothing. This is what one writes with fal's own client, RQ and Django in
an afternoon, and it is careful in the usual ways: credits are taken before the work starts, jobs are
enqueued after the commit and retried by RQ, the client retries what looks temporary, a webhook saves the
polling. Nobody is meant to copy it and nothing of the product imports it.
"""
