"""What became of echoes to public addresses means what is wrong with them."""

from mallee.box.visits import publics
from mallee.box.visits.publics import Came
from mallee.model.hosts.ailments import Code


def came(tried: str, arrived: str, answered: str) -> Came:
    """What came of echoes from `n1`, by the last numbers of addresses."""
    all_of_them = [f"192.0.2.{one}" for one in tried.split()]
    return Came(
        arrived={f"192.0.2.{one}" for one in arrived.split()},
        tried={one: {"n1"} for one in all_of_them},
        answered={one: {"n1"} if one[8:] in answered.split() else set() for one in all_of_them},
    )


def test_addresses_that_work_are_told_as_spans() -> None:
    (found,) = publics.judge(came("1 2 3 7", "1 2 3 7", "1 2 3 7"))
    assert found.ok
    assert found.text.startswith("192.0.2.1-192.0.2.3, 192.0.2.7 lead")


def test_what_does_not_come_is_told_from_what_is_not_answered() -> None:
    found = {one.code: one.subject for one in publics.judge(came("1 2 3 4", "1 2", "1"))}
    assert found == {
        Code.ADDRESS_UNREACHED.value: "public addresses 192.0.2.3-192.0.2.4",
        Code.ADDRESS_UNANSWERED.value: "public addresses 192.0.2.2",
    }


def test_of_a_network_its_own_addresses_are_not_lent() -> None:
    assert publics.addresses(["192.0.2.0/30"]) == ["192.0.2.1", "192.0.2.2"]
    assert publics.addresses(["192.0.2.7", "192.0.2.9-192.0.2.10"]) == [
        "192.0.2.7",
        "192.0.2.9",
        "192.0.2.10",
    ]
    assert len(publics.addresses(["10.0.0.0/8"])) == publics.PUBLIC_MAX


def test_what_one_of_several_misses_is_the_fault_of_his_way() -> None:
    both = came("1 2", "1 2", "1")
    for tried in both.tried.values():
        tried.add("n2")
    [found] = publics.judge(both)
    assert found.subject == "public addresses 192.0.2.2"
