"""The defects: what somebody might write by mistake, or for simplicity, and where it would be noticed."""

from dataclasses import dataclass

MOTOR = ("tests/generations/test_motor_submit.py", "tests/generations/test_motor_results.py")
WEBHOOK = ("tests/generations/test_webhook.py", "tests/generations/test_webhook_proof.py")
FATES = ("tests/generations/test_fates.py",)
WALLET = ("tests/accounts",)
CLIENT = ("tests/fal",)


@dataclass(frozen=True)
class Defect:
    """In `file`, the one place that reads `good` is made to read `bad`."""

    name: str
    file: str
    good: str
    bad: str
    noticed_by: tuple[str, ...]


DEFECTS = (
    Defect(
        "a move asks for no epoch: a worker that slept past its lease writes",
        "generations/models/generation.py",
        "won = Generation.objects.filter(pk=self.pk, state=self.state, epoch=self.epoch).update(\n                state=to",
        "won = Generation.objects.filter(pk=self.pk, state=self.state).update(\n                state=to",
        MOTOR,
    ),
    Defect(
        "a move asks for no state: whoever comes last wins",
        "generations/models/generation.py",
        "won = Generation.objects.filter(pk=self.pk, state=self.state, epoch=self.epoch).update(\n                state=to",
        "won = Generation.objects.filter(pk=self.pk).update(\n                state=to",
        (*MOTOR, *WALLET),
    ),
    Defect(
        "bytes leave although the lease was lost",
        "generations/models/attempt.py",
        "if generation.confirm(seconds=LEASE) and prepared.update(",
        "if prepared.update(",
        MOTOR,
    ),
    Defect(
        "bytes leave before the attempt is committed as sending",
        "generations/motor/submit.py",
        "    if not attempt.begin(generation):\n",
        "    if False:\n",
        (*MOTOR, *FATES),
    ),
    Defect(
        "a cancel that came before sending is overlooked",
        "generations/models/generation.py",
        "won = mine.filter(cancel_requested_at=None).update(",
        "won = mine.update(",
        MOTOR,
    ),
    Defect(
        "a read time-out counts as not accepted, and is sent again",
        "generations/fal/limits.py",
        "httpx.PoolTimeout, httpx.UnsupportedProtocol)",
        "httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ReadTimeout, httpx.RemoteProtocolError)",
        (*CLIENT, *FATES),
    ),
    Defect(
        "a 5xx counts as not accepted, and is sent again",
        "generations/fal/client.py",
        'if not fal_spoke or reply.status not in (400, 401, 403, 404, 413, 422, 429):\n            return Ambiguous(f"HTTP {reply.status}", raw)',
        "if reply.status >= 500:\n            return NotAccepted(Refusal.BUSY, raw=raw)",
        (*CLIENT, *FATES),
    ),
    Defect(
        "a proxy's 4xx counts as fal's word",
        "generations/fal/client.py",
        'fal_spoke = "detail" in raw or "error" in raw',
        "fal_spoke = True",
        CLIENT,
    ),
    Defect(
        "a worker found dead while sending is followed by another POST",
        "generations/motor/submit.py",
        "elif live and live.state == Attempt.State.SENDING:",
        'elif live and live.state == "never":',
        MOTOR,
    ),
    Defect(
        "an answer on a foreign host is followed, with our key",
        "generations/fal/client.py",
        "return origin(url) == origin(self.account.queue_url)",
        "return True",
        CLIENT,
    ),
    Defect(
        "charged when fal is done, not when the clip is ours",
        "generations/motor/follow.py",
        "    moment = now()\n    with transaction.atomic():\n        if generation.move(\n            State.STORING,",
        "    moment = now()\n    with transaction.atomic():\n        from accounts.models import Wallet\n\n        Wallet.capture(generation.hold_id)\n        if generation.move(\n            State.STORING,",
        (*MOTOR, *FATES),
    ),
    Defect(
        "a failure keeps the credits",
        "generations/models/generation.py",
        "settle = Wallet.capture if to == State.SUCCEEDED else Wallet.release",
        "settle = Wallet.capture",
        (*FATES, *MOTOR),
    ),
    Defect(
        "a hold may be resolved twice",
        "accounts/models/wallet.py",
        "mine = cls.objects.filter(pk=hold_id, state=cls.State.HELD)",
        "mine = cls.objects.filter(pk=hold_id)",
        WALLET,
    ),
    Defect(
        "credits are held without asking whether they are there",
        "accounts/models/wallet.py",
        "posted >= held + %(amount)s::bigint AND NOT budgeted",
        "0 <= %(amount)s::bigint AND NOT budgeted",
        (*WALLET, "tests/generations/test_orders.py"),
    ),
    Defect(
        "a form key may be spent twice",
        "generations/orders.py",
        "    if known := _placed_before(actor, order):\n        return known\n    quote",
        "    order = replace(order, form_key=uuid.uuid4())\n    quote",
        ("tests/generations/test_orders.py", "tests/generations/test_create_view.py"),
    ),
    Defect(
        "the account in the signature is not compared with ours",
        "generations/webhooks.py",
        "if not settings.FAL_WEBHOOK_USER_ID or signed.user_id != settings.FAL_WEBHOOK_USER_ID:",
        "if not settings.FAL_WEBHOOK_USER_ID:",
        WEBHOOK,
    ),
    Defect(
        "an old signature is believed",
        "generations/webhooks.py",
        "brings=told and not stale,",
        "brings=told,",
        WEBHOOK,
    ),
    Defect(
        "a delivery of another request is taken for this one",
        "generations/arrivals.py",
        "WHERE a.request_id IS NULL OR a.request_id = $request_id",
        "WHERE true",
        WEBHOOK,
    ),
    Defect(
        "an ERROR delivery is believed although a video came with it",
        "generations/webhooks.py",
        'told = status == "OK" and isinstance(',
        "told = isinstance(",
        WEBHOOK,
    ),
    Defect(
        "the webhook is answered before it is stored",
        "generations/webhooks.py",
        "        _land(_read(token, signed, body))\n",
        "        _read(token, signed, body)\n",
        WEBHOOK,
    ),
    Defect(
        "COMPLETED counts as success, whatever the result says",
        "generations/fal/client.py",
        '        failure = read_failure(reply.status, reply.body, reply.headers.get("x-fal-error-type", ""))\n        # Undocumented',
        '        if reply.status != 400:\n            return replies.Unknown()\n        failure = read_failure(reply.status, reply.body, reply.headers.get("x-fal-error-type", ""))\n        # Undocumented',
        (*CLIENT, *FATES),
    ),
    Defect(
        "what Redis forgot is forgotten: nothing sweeps",
        "generations/reconcile.py",
        '    return _poke(list(due.values_list("pk", flat=True)[:room]), queue)\n',
        "    return 0\n",
        (*FATES, *MOTOR),
    ),
    Defect(
        "the bound on what is out is not exact: nobody is alone when counting",
        "generations/line.py",
        '            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])\n',
        '            cursor.execute("SELECT 1")\n',
        ("tests/generations/test_line.py",),
    ),
    Defect(
        "while fal is away every clip is tried",
        "generations/models/breaker.py",
        "        if self.is_open or (self.quiet_until and self.quiet_until > now()):\n            return 0\n",
        "",
        ("tests/generations/test_breaker.py", "tests/generations/test_line.py"),
    ),
    Defect(
        "every waiting worker probes",
        "generations/models/breaker.py",
        "due = Breaker.objects.filter(Q(until=None) | Q(until__lte=moment), pk=self.pk, state=self.State.OPEN)",
        "due = Breaker.objects.filter(pk=self.pk, state=self.State.OPEN)",
        ("tests/generations/test_breaker.py",),
    ),
    Defect(
        "a request found in fal's list is adopted although there are two",
        "generations/motor/ambiguous.py",
        "    if len(same) > 1:\n",
        "    if len(same) > 2:\n",
        ("tests/generations/test_ambiguous.py",),
    ),
    Defect(
        "a result after the end is charged",
        "generations/models/generation.py",
        "settled = late or self.hold_id is None or settle(self.hold_id)",
        "settled = self.hold_id is None or settle(self.hold_id)",
        FATES,
    ),
    Defect(
        "a stranger's clip can be seen",
        "generations/models/generation.py",
        "return self.filter(own, workspace=actor.workspace)",
        "return self.filter(own)",
        ("tests/separation/test_disjoint.py",),
    ),
    Defect(
        "a network call inside a transaction",
        "generations/gateway.py",
        "    if connection.in_atomic_block:\n",
        "    if False:\n",
        ("tests/generations/test_gateway.py",),
    ),
)
