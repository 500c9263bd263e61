"""Compiles S3's operations before the first request asks for one.

What is compiled for a process that is forked is shared by its copies. Called by the daemon of S3.
Not its business: what is compiled (`routes`, `requests`, `answers`).
"""

from collections.abc import Iterable

from mallee.aws.codec.s3 import answers, requests, routes


def warm(operations: Iterable[str]) -> None:
    """Compile what reading and answering these operations takes."""
    routes.marks()
    for name in operations:
        requests.compile(name)
        answers.compile(name)
