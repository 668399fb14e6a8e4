"""What there is to measure: errors of three hundred causes, some many times as frequent as others. Needs no Django."""

from __future__ import annotations

LETTERS = 100_000
GROUPS = 300
ATTEMPTS = 3
"""Of each job; all of them failed."""
DAYS = 30
"""Over which the letters have died."""
ROUNDS = 9
"""How often each page is asked for."""

_DONE = ("open", "read", "write", "copy", "move", "parse", "render", "upload", "fetch", "lock", "sign", "index")
_WHAT = (
    *("the archive", "the ledger", "the picture", "the invoice", "the report", "the mailbox", "the catalogue"),
    *("the snapshot", "the manifest", "the cursor", "the bucket", "the session", "the template", "the volume"),
    *("the calendar", "the channel", "the warehouse", "the contract", "the playlist", "the certificate"),
    *("the keyring", "the shipment", "the forecast", "the dashboard", "the thumbnail"),
)
_FRAMES = "\n".join(
    f'  File "/srv/app/pipeline/stage_{number}.py", line {number * 7 + 11}, in run\n    return step(context, payload)'
    for number in range(12)
)
_GOLDEN = 0.6180339887498949


def group_of(number: int) -> int:
    """Return the cause of a letter; the first causes are the most frequent."""
    place = number * _GOLDEN % 1.0  # spread evenly, and the same in every run
    return int(GROUPS * place**3)


def error(number: int) -> str:
    """Return the error of a letter: a traceback of some thousand characters, as no other letter has it."""
    what, done = divmod(group_of(number), len(_DONE))
    told = f"could not {_DONE[done]} {_WHAT[what]} after {number} of {LETTERS} bytes: connection refused"
    return f"Traceback (most recent call last):\n{_FRAMES}\nConnectionRefusedError: {told} (host 10.0.{number % 250}.7)"
