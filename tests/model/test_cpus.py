"""Guests of a zone see a processor that every host of it has."""

from mallee.model.hosts import cpus
from mallee.model.hosts.cpus import Cpu

OLD = Cpu("old", {"qemu64": 20, "Penryn": 30})
NEW = Cpu("new", {"qemu64": 20, "Penryn": 30, "Westmere": 35})
OTHER = Cpu("other", {"qemu64": 20})


def test_where_hosts_are_alike_guests_see_what_their_host_has() -> None:
    assert cpus.baseline([]) == ""
    assert cpus.baseline([NEW]) == ""
    assert cpus.baseline([NEW, NEW]) == ""


def test_where_they_differ_guests_see_the_best_that_all_have() -> None:
    assert cpus.baseline([NEW, OLD]) == "Penryn"
    assert cpus.baseline([NEW, OLD, OTHER]) == "qemu64"
    assert cpus.baseline([NEW, Cpu("strange")]) == ""


def test_a_guest_goes_on_where_its_processor_is() -> None:
    assert cpus.may_go_on("Penryn", NEW, OLD)
    assert not cpus.may_go_on("Westmere", NEW, OLD)
    assert not cpus.may_go_on("", NEW, OLD)
    assert cpus.may_go_on("", NEW, NEW)
