"""Nursery process: has loaded a parser once and forks a limited child for each file. Knows no Django.

`python -I nursery.py ROOT MODULE` says `ready`, then reads requests of one line,
`{"arguments": [...], "limits": {...}, "seconds": …}`, and answers each with one line:
`{"status": …, "said": "…"}` (the child's wait status and what it printed) or `{"errno": …}` when there can
be no child. It opens no file that somebody sent, and ends with its owner: its input ends then.
"""

import errno
import gc
import importlib
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, BinaryIO, NoReturn

# An answer is a few numbers; more is a parser that was taken over and tries to fill its reader's memory.
MOST_SAID = 64 * 1024
# A nursery starts with three and opens a handful; the lowest free number is always taken.
MOST_DESCRIPTORS = 4096
OWNER = 0  # the descriptor on which requests come


def serve(module: ModuleType, requests: BinaryIO, replies: BinaryIO) -> None:
    """One file after the other, until the owner goes."""
    gc.collect()
    gc.freeze()  # what was loaded is shared with every child; collecting it there would copy it
    replies.write(b"ready\n")
    while line := requests.readline():
        replies.write(json.dumps(_look(module, json.loads(line))).encode() + b"\n")


def _look(module: ModuleType, request: Mapping[str, Any]) -> dict[str, Any]:
    hears, tells = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        os.close(hears)
        os.close(tells)
        return {"errno": error.errno or errno.EAGAIN}
    if not child:
        _be_child(module, request, tells)
    os.close(tells)
    try:
        said = _heard(hears)
    finally:
        os.close(hears)
        # The end of what it says is its end. One that has exited keeps its own status.
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if len(said) > MOST_SAID:
        return {"status": 0, "said": ""}  # no answer, and nobody's doing but the file's
    return {"status": status, "said": said.decode(errors="replace")}


def _heard(hears: int) -> bytes:
    """What the child says, until it ends or says too much; an owner who goes takes both of us along."""
    said = b""
    while len(said) <= MOST_SAID:
        ready, _, _ = select.select([OWNER, hears], [], [])
        if OWNER in ready:
            sys.exit()
        if not (chunk := os.read(hears, MOST_SAID)):
            break
        said += chunk
    return said


def _be_child(module: ModuleType, request: Mapping[str, Any], tells: int) -> NoReturn:
    status = 1
    try:
        _keep_nothing_but(tells)
        _limit(request["limits"], request["seconds"])
        status = _run(module, request["arguments"])
    finally:
        # Not an ordinary exit: what the nursery would tidy up when it ends is not the child's to touch.
        os._exit(status)


def _keep_nothing_but(tells: int) -> None:
    """Neither the way to our owner nor a descriptor that an earlier line of ours forgot."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, into in ((nothing, 0), (tells, 1), (nothing, 2)):
        os.dup2(descriptor, into)
    os.closerange(3, MOST_DESCRIPTORS)


def _limit(limits: Mapping[str, Sequence[int]], seconds: int) -> None:
    # What our owner does about signals is inherited; these shall end the child.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGALRM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    # The kernel's own clock: it also ends a child whose nursery was killed.
    signal.alarm(seconds)
    for name, (soft, hard) in limits.items():
        try:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (soft, hard))
        except (ValueError, OSError):
            # macOS knows no limit of address space and says so; anywhere else there is no child without.
            if sys.platform != "darwin":
                raise


def _run(module: ModuleType, arguments: Sequence[str]) -> int:
    sys.argv = [str(module.__file__), *arguments]
    try:
        module.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    root, name = sys.argv[1:]
    # What a module prints while it is loaded is no answer.
    said_to_owner = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    sys.path.insert(0, root)
    serve(importlib.import_module(name), os.fdopen(OWNER, "rb"), said_to_owner)
