"""Every error class stands alone: its code is AWS's, its status is one, its template is whole."""

import inspect
import re
import string

import pytest

from mallee.aws import errors

CLASSES = [
    value
    for value in (*vars(errors).values(), *vars(errors.s3).values())
    if inspect.isclass(value) and issubclass(value, errors.AwsError)
]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_has_a_code_a_status_and_a_message(error: type[errors.AwsError]) -> None:
    assert re.fullmatch(r"[A-Za-z0-9]+(\.[A-Za-z]+){0,2}", error.code)
    assert 400 <= error.status < 600 or error in (
        errors.s3.NotModified,
        errors.s3.PermanentRedirect,
    )
    if error.__init__ is errors.AwsError.__init__:
        holes = sum(
            field is not None for _, field, _, _ in string.Formatter().parse(error.template)
        )
        made = error(*[f"detail {number} {{}}" for number in range(holes)])
        assert all(f"detail {number} {{}}" in made.message for number in range(holes))


def test_errors_of_s3_name_what_they_are_about() -> None:
    error = errors.s3.InvalidArgument("No {}.", argument="a", value=5)
    assert error.message == "No {}."
    assert error.elements == {"ArgumentName": "a", "ArgumentValue": "5"}
    assert errors.s3.NoSuchKey().message == "The specified key does not exist."


def test_several_ids_are_several() -> None:
    one = errors.InvalidInstanceIDNotFound("i-1")
    many = errors.InvalidInstanceIDNotFound(["i-1", "i-2"])
    assert one.message == "The instance ID 'i-1' does not exist"
    assert many.message == "The instance IDs 'i-1, i-2' do not exist"


def test_only_our_own_faults_ask_for_a_retry() -> None:
    assert errors.InternalError().is_ours
    assert not errors.InvalidAction("Fly", "2016-11-15").is_ours
