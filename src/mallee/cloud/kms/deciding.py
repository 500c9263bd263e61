"""Whether the caller of a service may have it do something with a key: the key store's rows decide.

A service asks in its caller's name, and policies see through which (`kms:ViaService`). Called by S3
(`s3.sealing.kmskeys`) and by the pipeline, for EC2 (`keyuse`). Not its business: what is done with
the key then (`onbehalf`).
"""

from collections.abc import Mapping

from mallee.cloud.action import Action
from mallee.cloud.call import Request
from mallee.cloud.identity import authorize
from mallee.cloud.identity.authorize import Judge, Outcome
from mallee.cloud.identity.question import Question
from mallee.cloud.kms import table

_ROWS: Mapping[str, Action] = {row.name: row for row in table.ACTIONS}


def decide(judge: Judge, question: Question, service: str, use: tuple[str, Request]) -> Outcome:
    """Return whether the caller of a service may have it do this with a key."""
    operation, asked = use
    call = question.call
    return authorize.decide(
        judge,
        Question(
            call=call,
            row=_ROWS[operation],
            http=question.http,
            asked=asked,
            via=f"{service}.{call.settings.region}.amazonaws.com",
        ),
    )
