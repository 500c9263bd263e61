"""A question reaches its host once, and its answer whoever asked."""

import asyncio

import pytest

from mallee.aws import errors
from mallee.cloud.hosts.doors import asks

QUESTION = asks.Question("host-1", "console", "i-1")


async def test_answer_is_for_who_asked() -> None:
    open_ = asks.Asks()
    asking = asyncio.create_task(open_.ask(QUESTION))
    await open_.wait_asked("host-1")
    (question,) = open_.take("host-1")
    assert (question.kind, question.instance_id) == ("console", "i-1")
    assert not open_.answer("host-2", question.id, b"forged")
    assert open_.answer("host-1", question.id, b"login:")
    assert await asking == b"login:"
    assert not open_.answer("host-1", question.id, b"again")


async def test_question_is_taken_along_once() -> None:
    open_ = asks.Asks()
    asking = asyncio.create_task(open_.ask(QUESTION))
    await open_.wait_asked("host-1")
    assert open_.take("host-2") == ()
    assert len(open_.take("host-1")) == 1
    assert open_.take("host-1") == ()
    asking.cancel()


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asks, "DEADLINE_S", 0.01)
    open_ = asks.Asks()
    with pytest.raises(errors.Unavailable, match="host-1"):
        await open_.ask(QUESTION)
    assert open_.take("host-1") == ()


async def test_question_of_who_gave_up_is_not_taken_along() -> None:
    open_ = asks.Asks()
    asking = asyncio.create_task(open_.ask(QUESTION))
    await open_.wait_asked("host-1")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert open_.take("host-1") == ()


async def test_who_asks_the_same_shares_the_question_until_it_is_taken_along() -> None:
    open_ = asks.Asks()
    asking = [asyncio.create_task(open_.ask(QUESTION)) for _ in range(100)]
    await open_.wait_asked("host-1")
    await asyncio.sleep(0)
    (question,) = open_.take("host-1")
    # What is taken along may be answered before this one was asked.
    later = asyncio.create_task(open_.ask(QUESTION))
    await open_.wait_asked("host-1")
    (next_,) = open_.take("host-1")
    asking[0].cancel()
    assert open_.answer("host-1", question.id, b"login:")
    assert await asyncio.gather(*asking[1:]) == [b"login:"] * 99
    assert open_.answer("host-1", next_.id, b"welcome")
    assert await later == b"welcome"
    assert not open_.answer("host-1", question.id, b"again")


async def test_what_stands_against_an_answer_is_told_in_words() -> None:
    open_ = asks.Asks()
    asking = asyncio.create_task(open_.ask(QUESTION))
    await open_.wait_asked("host-1")
    (question,) = open_.take("host-1")
    words = asks.read_words(b"no screen\x1b[2J\n" + b"x" * 9999)
    assert not open_.refuse("host-2", question.id, "forged")
    assert open_.refuse("host-1", question.id, words)
    with pytest.raises(errors.Unavailable, match="no screen") as refused:
        await asking
    assert refused.value.message.isprintable()
    assert len(refused.value.message) == asks.WORDS_MAX
    assert not open_.refuse("host-1", question.id, "again")


async def test_one_account_has_so_many_questions_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asks, "PER_ACCOUNT_MAX", 2)
    open_ = asks.Asks()

    def ask(number: int, account: str) -> "asyncio.Task[bytes]":
        question = asks.Question("host-1", "cut", "", str(number), account=account)
        return asyncio.create_task(open_.ask(question))

    waiting = [ask(1, "eve"), ask(1, "eve"), ask(2, "eve"), ask(3, "alice")]
    await asyncio.sleep(0)
    with pytest.raises(errors.RequestLimitExceeded):
        await ask(4, "eve")
    asked = open_.take("host-1")
    assert len(asked) == 3
    for one in asked:
        assert open_.answer("host-1", one.id, b"done")
    assert await asyncio.gather(*waiting) == [b"done"] * 4
    later = ask(4, "eve")
    await open_.wait_asked("host-1")
    (one,) = open_.take("host-1")
    assert open_.answer("host-1", one.id, b"done")
    assert await later == b"done"
