"""Who writes a word that is none of a few is told which they are."""

import pytest

from mallee.model.configuration import settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[network]\nmode = "magic"', "give one of managed, managed-novlan, static, system, vpc"),
        ('[network.classic]\nswitch = "cisco"', "give one of linux, openvswitch"),
        ('[objects]\nengine = "magic"', "give one of elsewhere, local, s3, shared"),
    ],
)
def test_few_words_are_listed(text: str, said: str) -> None:
    with pytest.raises(settings.InvalidSettings) as refused:
        settings.parse(text)
    assert str(refused.value).endswith(said)


def test_what_has_no_list_is_said_as_it_is() -> None:
    with pytest.raises(settings.InvalidSettings, match=r"Expected `int`, got `str`[^;]*$"):
        settings.parse('[ports]\nservices = "many"')
