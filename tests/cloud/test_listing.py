"""What every Describe does alike: filters, pages, refusals."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from mallee.aws import errors
from mallee.cloud import listing
from mallee.cloud.action import Action, Listing
from mallee.kit import secretbox

BOX = secretbox.SecretBox(b"k" * 32)


@dataclass(frozen=True)
class Fruit:
    """A thing that is listed."""

    id: str
    colour: str
    tags: Mapping[str, str]


FRUITS = [
    Fruit("f-3", "red", {"Name": "cherry", "stone": ""}),
    Fruit("f-1", "green", {"Name": "apple"}),
    Fruit("f-2", "red", {"name": "apple"}),
    Fruit("f-4", "yellow", {}),
    Fruit("f-5", "dark red", {}),
    Fruit("f-6", "*", {}),
]


def row(**changes: Any) -> Action:
    fields: dict[str, Any] = {
        "find": lambda call, request: FRUITS,
        "render": lambda call, item: {"Id": item.id},
        "member": "Fruits",
        "filters": {"colour": lambda call, item: (item.colour,)},
        "tags": lambda item: item.tags,
        "max_results": (1, 100),
        **changes,
    }
    does = Listing(**fields)
    return Action(service="ec2", name="DescribeFruits", does=does, honours=frozenset())


def ask(request: Mapping[str, Any], action: Action | None = None, account: str = "1") -> Any:
    call: Any = SimpleNamespace(account=account)
    return listing.run(action or row(), call, request, BOX)


def ids(request: Mapping[str, Any]) -> list[str]:
    return [fruit["Id"] for fruit in ask(request)["Fruits"]]


def where(**filters: list[str]) -> dict[str, Any]:
    return {
        "Filters": [
            {"Name": name.replace("_", "-").replace("--", ":"), "Values": values}
            for name, values in filters.items()
        ]
    }


def test_without_filters_everything_is_shown_as_found() -> None:
    assert ids({}) == ["f-3", "f-1", "f-2", "f-4", "f-5", "f-6"]


def test_values_of_a_filter_are_alternatives() -> None:
    assert ids(where(colour=["red", "green"])) == ["f-3", "f-1", "f-2"]


def test_filters_add_up() -> None:
    assert ids(where(colour=["red"], tag__Name=["cherry"])) == ["f-3"]


def test_wildcards_match_and_can_be_escaped() -> None:
    assert ids(where(colour=["*red"])) == ["f-3", "f-2", "f-5"]
    assert ids(where(colour=["re?"])) == ["f-3", "f-2"]
    assert ids(where(colour=["\\*"])) == ["f-6"]


def test_tags_are_filtered_by_key_value_and_both() -> None:
    assert ids(where(tag__Name=["apple"])) == ["f-1"]
    assert ids(where(tag_key=["Name"])) == ["f-3", "f-1"]
    assert ids(where(tag_value=["apple"])) == ["f-1", "f-2"]
    assert ids(where(tag__stone=[""])) == ["f-3"]


def test_filter_without_values_matches_nothing() -> None:
    assert ids({"Filters": [{"Name": "colour"}]}) == []


@pytest.mark.parametrize("name", ["taste", "", "tags:Name", "Colour"])
def test_unknown_filter_is_refused_as_aws_words_it(name: str) -> None:
    with pytest.raises(errors.InvalidFilter) as error:
        ask({"Filters": [{"Name": name, "Values": ["sweet"]}]})
    assert error.value.code == "InvalidParameterValue"
    assert error.value.message == f"The filter '{name}' is invalid"


def test_tag_filter_of_a_thing_without_tags_is_unknown() -> None:
    with pytest.raises(errors.InvalidFilter):
        ask(where(tag_key=["a"]), row(tags=None))


def test_too_many_filters_are_refused() -> None:
    many = [{"Name": "colour", "Values": ["red"]}] * (listing.MAX_FILTERS + 1)
    with pytest.raises(errors.InvalidParameterValue):
        ask({"Filters": many})
    values = ["red"] * (listing.MAX_FILTER_VALUES + 1)
    with pytest.raises(errors.InvalidParameterValue):
        ask(where(colour=values))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
def test_pages_show_everything_once(size: int) -> None:
    request: dict[str, Any] = {"MaxResults": size}
    seen: list[str] = []
    while True:
        answer = ask(request)
        page = [fruit["Id"] for fruit in answer["Fruits"]]
        assert len(page) == size or "NextToken" not in answer
        seen += page
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    assert seen == sorted(fruit.id for fruit in FRUITS)


def test_page_begins_at_its_place_whatever_was_made_or_removed() -> None:
    token = ask({"MaxResults": 2})["NextToken"]
    changed = [Fruit("f-0", "new", {}), *(fruit for fruit in FRUITS if fruit.id != "f-2")]
    action = row(find=lambda call, request: changed)
    answer = ask({"MaxResults": 2, "NextToken": token}, action)
    assert [fruit["Id"] for fruit in answer["Fruits"]] == ["f-3", "f-4"]


def test_token_is_good_for_its_question_only() -> None:
    token = ask({"MaxResults": 2})["NextToken"]
    with pytest.raises(errors.InvalidNextToken):
        ask({"MaxResults": 2, "NextToken": token}, account="2")
    with pytest.raises(errors.InvalidNextToken):
        ask({"MaxResults": 2, "NextToken": token, **where(colour=["red"])})
    with pytest.raises(errors.InvalidNextToken):
        ask({"MaxResults": 2, "NextToken": token[:-2] + "AA"})
    with pytest.raises(errors.InvalidNextToken):
        ask({"NextToken": "nonsense"})


def test_page_size_outside_its_range_is_refused() -> None:
    for size in (0, -1, 101):
        with pytest.raises(errors.InvalidParameterValue):
            ask({"MaxResults": size})


def test_ids_and_pages_do_not_go_together() -> None:
    with pytest.raises(errors.InvalidParameterCombination):
        ask({"MaxResults": 5, "FruitIds": ["f-1"]})


def test_whose_things_are_asked_for_goes_with_pages() -> None:
    """The AWS CLI pages through `describe-snapshots --owner-ids self` unasked."""
    assert len(ids({"MaxResults": 2, "OwnerIds": ["self"]})) == 2


def test_page_is_cut_before_it_is_grouped() -> None:
    action = row(
        regroup=lambda call, items: [SimpleNamespace(id="+".join(item.id for item in items))]
    )
    answer = ask({"MaxResults": 2}, action)
    assert answer["Fruits"] == [{"Id": "f-1+f-2"}]
    assert "NextToken" in answer


def test_wildcards_do_not_keep_all_others_waiting() -> None:
    wild = ["*" + "?a" * 100 + f"{number}" for number in range(200)]
    with pytest.raises(errors.InvalidParameterValue, match="wildcards"):
        ask(where(colour=wild))
    many = [Fruit(f"f-{number}", "red", {}) for number in range(20_000)]
    action = row(find=lambda call, request: many)
    with pytest.raises(errors.InvalidParameterValue, match="wildcards"):
        ask(where(colour=["*" + "?" * 200]), action)
    # Values without wildcards are looked up, and what people ask is far from it.
    assert ask(where(colour=[f"{number}" for number in range(200)]), action)["Fruits"] == []
    assert len(ask(where(colour=["r*", "*d"]), action)["Fruits"]) == len(many)
