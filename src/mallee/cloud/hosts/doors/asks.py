"""Questions that need an answer from a host's agent now, such as an instance's console output.

A question waits in memory until the agent's next call takes it along, and its answer comes by a
call of its own. Nothing of it is stored: when the cloud or the agent restarts meanwhile, the asking
request fails at its deadline, with the reason. Called by the pipeline (`ask`) and by the agents'
endpoint (`take`, `wait_asked`, `answer`).
"""

import asyncio
import secrets
from collections import defaultdict
from dataclasses import dataclass

from mallee.aws import errors
from mallee.model.hosts import checks
from mallee.model.hosts.hosts import Ask

DEADLINE_S = 10.0
PATIENCE_S = {checks.ASK_CHECK: 25.0}
"""By kind of a question: how long its answer may take, where that is not the usual time. A host
that is ill has to wait for what does not answer itself."""
WORDS_MAX = 500
PER_ACCOUNT_MAX = 16
"""Questions of one account that are open at once: a host looks into a few at a time, and what
waits longest is not answered at all."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask which host."""

    host_id: str
    kind: str
    instance_id: str
    detail: str = ""
    account: str = ""
    """Who asks; empty: the cloud itself."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a host was asked, and what it said: its word, and no more."""

    asked: str
    """The question's `detail`."""
    answer: bytes


@dataclass(slots=True)
class _Waiting:
    ask: Ask
    question: Question
    answer: asyncio.Future[bytes]
    askers: int = 0


class Asks:
    """The questions that are open. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._open: dict[str, _Waiting] = {}
        self._untaken: defaultdict[str, dict[Question, _Waiting]] = defaultdict(dict)
        self._asked: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def ask(self, question: Question) -> bytes:
        """Return the agent's answer; raise `Unavailable` when none comes in time, and
        `RequestLimitExceeded` when too many of the account's questions are open.

        Whoever asks what no call has taken along yet shares the question: a thousand askers are
        one question to the agent, which has others to serve.
        """
        waiting = self._untaken[question.host_id].get(question) or self._open_new(question)
        waiting.askers += 1
        deadline_s = PATIENCE_S.get(question.kind, DEADLINE_S)
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.shield(waiting.answer)
        except TimeoutError as error:
            raise errors.Unavailable(
                f"Host {question.host_id} did not answer within {deadline_s:g} seconds. "
                "Try again; if it stays so, see `mallee doctor` on the host."
            ) from error
        finally:
            waiting.askers -= 1
            if waiting.askers == 0:
                del self._open[waiting.ask.id]
                if self._untaken[question.host_id].get(question) is waiting:
                    del self._untaken[question.host_id][question]

    def _open_new(self, question: Question) -> _Waiting:
        if question.account and self._count(question.account) >= PER_ACCOUNT_MAX:
            raise errors.RequestLimitExceeded
        ask = Ask(secrets.token_hex(16), question.kind, question.instance_id, question.detail)
        waiting = _Waiting(ask, question, asyncio.get_running_loop().create_future())
        self._open[ask.id] = waiting
        self._untaken[question.host_id][question] = waiting
        self._asked[question.host_id].set()
        return waiting

    def _count(self, account: str) -> int:
        return sum(one.question.account == account for one in self._open.values())

    def take(self, host_id: str) -> tuple[Ask, ...]:
        """Return the host's questions that no call took along yet and somebody waits for."""
        self._asked[host_id].clear()
        return tuple(waiting.ask for waiting in self._untaken.pop(host_id, {}).values())

    def opened(self, host_id: str, ask_id: str) -> Ask | None:
        """Return a question to the host that somebody waits for; None when nobody does."""
        waiting = self._waiting(host_id, ask_id)
        return waiting.ask if waiting else None

    async def wait_asked(self, host_id: str) -> None:
        """Wait until there is something to take for the host."""
        await self._asked[host_id].wait()

    def answer(self, host_id: str, ask_id: str, answer: bytes) -> bool:
        """Give the answer to who waits for it; tell whether anybody still did.

        An answer from another host than the one asked is nobody's.
        """
        waiting = self._waiting(host_id, ask_id)
        if waiting is not None:
            waiting.answer.set_result(answer)
        return waiting is not None

    def refuse(self, host_id: str, ask_id: str, words: str) -> bool:
        """Tell who waits that the host has no answer, and why; tell whether anybody waited."""
        waiting = self._waiting(host_id, ask_id)
        if waiting is not None:
            waiting.answer.set_exception(errors.Unavailable(words))
            # Who waits may leave before he hears it, and then it is nobody's.
            waiting.answer.exception()
        return waiting is not None

    def _waiting(self, host_id: str, ask_id: str) -> _Waiting | None:
        waiting = self._open.get(ask_id)
        if waiting is None or waiting.question.host_id != host_id or waiting.answer.done():
            return None
        return waiting


def read_words(said: bytes) -> str:
    """Return what a host said as plain text of a bounded length."""
    return "".join(c if c.isprintable() else " " for c in said.decode(errors="replace"))[:WORDS_MAX]
