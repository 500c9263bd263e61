"""Changes of settings that all front ends make, as the cloud's processes deal with them: one at a
time, decided when all have said something or are not heard, and rung for on each machine."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from mallee.cloud.frontends import rollouts as rolling
from mallee.model.configuration import settings, sharing
from mallee.model.configuration.settings import Registration
from mallee.model.layout import Layout
from tests.cloud.frontends.standing import FrontEnd, wait_until
from tests.cloud.signing import Answer

pytestmark = pytest.mark.postgres


def document(of: FrontEnd, *, is_open: bool = False) -> str:
    """What it shall have."""
    wished = msgspec.structs.replace(of.configured, registration=Registration(open=is_open))
    return sharing.document(wished)


def ask(of: FrontEnd, text: str) -> Answer:
    asked = {"Document": text, "What": "apply cloud.toml", "By": "ann", "ConfirmSeconds": "60"}
    return of.sender().ask("mallee", "CreateRollout", **asked)


def say(of: FrontEnd, id: str, word: str) -> None:
    answer = of.sender().ask("mallee", "ReportRollout", RolloutId=id, Word=word, Why="why not")
    assert answer.status == 200, answer.text


def told(of: FrontEnd) -> Answer:
    return of.sender().ask("mallee", "DescribeRollouts")


def duty(of: FrontEnd) -> str:
    text = told(of).text
    return text.partition("<Duty>")[2].partition("</Duty>")[0]


def wait_both_there(two: list[FrontEnd]) -> None:
    for one in two:
        wait_until(lambda one=one: told(one).text.count("<IsPresent>true") == 2, "both to be there")


def test_it_goes_round_and_holds_and_is_one_at_a_time(two: list[FrontEnd]) -> None:
    wait_both_there(two)
    begun = ask(two[0], document(two[0]))
    id = begun.element("RolloutId")
    refused = ask(two[1], document(two[1], is_open=True))
    assert (refused.status, refused.code) == (400, "IncorrectState")
    assert "apply cloud.toml, by ann at" in refused.text
    # Nobody else tries it before it is well where it was asked for.
    assert duty(two[1]) == ""
    say(two[0], id, "confirmed")
    wait_until(lambda: duty(two[1]) == "try", "its turn")
    assert told(two[0]).element("Outcome") == ""
    say(two[1], id, "confirmed")
    wait_until(lambda: told(two[0]).element("Outcome") == "holds", "it to hold")
    # It holds, and is not in force at the one that has not said so.
    say(two[0], id, "holds")
    assert duty(two[1]) == "follow"
    early = ask(two[1], document(two[1], is_open=True))
    assert "are not in force here yet" in early.text
    say(two[1], id, "holds")
    assert duty(two[1]) == ""
    again = ask(two[1], document(two[1], is_open=True))
    assert again.status == 200, again.text
    say(two[1], again.element("RolloutId"), "refused")
    wait_until(lambda: "undone: second: why not" in told(two[0]).text, "it to be undone")
    assert duty(two[0]) == "undo"


def test_asked_for_at_once_at_two_front_ends_one_is_begun(two: list[FrontEnd]) -> None:
    with ThreadPoolExecutor(2) as both:
        begun = [both.submit(ask, one, document(one)) for one in two]
        answers = [one.result() for one in begun]
    assert sorted(answer.status for answer in answers) == [200, 400]


def test_one_that_is_killed_in_its_turn_undoes_it(two: list[FrontEnd]) -> None:
    wait_both_there(two)
    asked = {"Document": document(two[0]), "What": "w", "By": "b", "ConfirmSeconds": "1"}
    id = two[0].sender().ask("mallee", "CreateRollout", **asked).element("RolloutId")
    say(two[0], id, "confirmed")
    two[1].kill()
    wait_until(lambda: "was not heard of in its turn" in told(two[0]).text, "it to be undone")
    two[1].start()
    two[1].wait_ready()
    assert duty(two[1]) == "undo"
    say(two[1], id, "undone")
    assert duty(two[1]) == ""


def test_a_machine_is_rung_for_while_it_has_something_to_do(two: list[FrontEnd]) -> None:
    wait_both_there(two)
    bell = two[1].layout.bell
    bell.parent.mkdir(exist_ok=True)
    os.mkfifo(bell)
    id = ask(two[0], document(two[0])).element("RolloutId")
    with open(os.open(bell, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as heard:
        say(two[0], id, "confirmed")
        wait_until(lambda: bool(heard.read(1)), "the bell")


def test_a_bell_that_nobody_hears_is_no_trouble(root_dir: Path) -> None:
    bell = Layout(root_dir).bell
    rolling.ring(bell)
    bell.parent.mkdir(exist_ok=True)
    os.mkfifo(bell)
    rolling.ring(bell)


def test_nobody_joins_while_settings_are_tried(two: list[FrontEnd]) -> None:
    ask(two[0], document(two[0]))
    answer = two[0].sender().ask("mallee", "CreateFrontEndToken")
    assert answer.status == 200
    text = told(two[0]).text
    assert settings.parse(document(two[0])).registration.open is False
    assert "postgresql" not in text
