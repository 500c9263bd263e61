"""The choice of hosts never overcommits, is deterministic, and says what was short where."""

import dataclasses
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mallee.cloud.hosts.placing import place
from mallee.cloud.hosts.placing.place import Offer, Placed, Policy, Request, Short
from mallee.model.hosts.hosts import Capacity

numbers = st.integers(0, 12)
capacities = st.builds(Capacity, numbers, numbers, numbers)
offers = st.lists(
    st.builds(Offer, st.uuids().map(str), st.just("host"), capacities, capacities, st.booleans()),
    max_size=5,
    unique_by=lambda offer: offer.host_id,
).map(tuple)
requests = st.builds(
    lambda each, low, more, policy: Request(
        each=each, count_min=low, count_max=low + more, policy=policy
    ),
    st.builds(Capacity, st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    st.integers(1, 4),
    st.integers(0, 4),
    st.sampled_from(Policy),
)


def room(offer: Offer, each: Capacity) -> int:
    """How many instances of that size fit on the host, counted by itself."""
    whole, held = offer.capacity, offer.held
    fits = min(
        (whole.vcpus - held.vcpus) // each.vcpus,
        (whole.memory_mib - held.memory_mib) // each.memory_mib,
        (whole.disk_gib - held.disk_gib) // each.disk_gib,
    )
    return 0 if offer.silent else max(fits, 0)


@given(offers, requests)
def test_place_never_overcommits(offers: tuple[Offer, ...], request: Request) -> None:
    placed = place.choose(offers, request)
    if isinstance(placed, Placed):
        for offer in offers:
            assert placed.host_ids.count(offer.host_id) <= room(offer, request.each)


@given(offers, requests)
def test_place_uses_all_the_room_there_is(offers: tuple[Offer, ...], request: Request) -> None:
    fits = sum(room(offer, request.each) for offer in offers)
    match place.choose(offers, request):
        case Placed(host_ids):
            assert len(host_ids) == min(fits, request.count_max)
            assert len(host_ids) >= request.count_min
        case Short(room_for, lacks):
            assert room_for == fits < request.count_min
            assert len(lacks) == len(offers)


@given(offers, requests, st.randoms())
def test_place_does_not_depend_on_the_order_of_offers(
    offers: tuple[Offer, ...], request: Request, chance: object
) -> None:
    mixed = list(offers)
    chance.shuffle(mixed)  # pyright: ignore[reportAttributeAccessIssue]
    chosen, again = place.choose(offers, request), place.choose(tuple(mixed), request)
    if isinstance(chosen, Placed):
        assert again == chosen


def offer(id: str, vcpus: int, memory_mib: int, held_vcpus: int = 0) -> Offer:
    return Offer(id, id, Capacity(vcpus, memory_mib, 100), Capacity(held_vcpus, 0, 0))


def test_emulating_hosts_are_chosen_when_no_others_have_room() -> None:
    slow = replace(offer("slow", 8, 8192), is_emulated=True)
    hosts = (slow, offer("fast", 2, 8192))
    request = Request(each=Capacity(1, 512, 1), count_max=3)
    assert place.choose(hosts, request) == Placed(("fast", "fast", "slow"))
    assert place.choose((slow,), Request(each=Capacity(1, 512, 1))) == Placed(("slow",))


def test_spread_takes_the_emptiest_and_pack_the_fullest() -> None:
    hosts = (offer("full", 8, 8192, held_vcpus=6), offer("empty", 8, 8192))
    each = Capacity(1, 512, 1)
    assert place.choose(hosts, Request(each=each)) == Placed(("empty",))
    assert place.choose(hosts, Request(each=each, policy=Policy.PACK)) == Placed(("full",))
    spread = place.choose(hosts, Request(each=each, count_min=4, count_max=4))
    assert spread == Placed(("empty",) * 4)


def test_short_names_what_was_short_on_which_host() -> None:
    hosts = (
        offer("small", 1, 256),
        offer("large", 8, 2048),
        Offer("mute", "mute", Capacity(8, 8192, 100), Capacity(0, 0, 0), silent=True),
    )
    short = place.choose(hosts, Request(each=Capacity(2, 1024, 1), count_min=3, count_max=3))
    assert short == Short(
        room_for=2,
        lacks=(
            place.Lack(
                "small",
                (
                    "vcpus (needs 2, 1 of 1 free)",
                    "memory (needs 1024 MiB, 256 of 256 MiB free)",
                ),
                host_id="small",
            ),
            place.Lack("large", ("memory (needs 1024 MiB, 0 of 2048 MiB free)",), host_id="large"),
            place.Lack("mute", (), host_id="mute"),
        ),
    )


def test_a_closed_host_takes_none_and_a_reservation_no_more_than_it_has() -> None:
    hosts = (
        replace(offer("closed", 8, 8192), closed="is another account's"),
        replace(offer("slots", 8, 8192), slots=2),
    )
    each = Capacity(1, 512, 1)
    assert place.choose(hosts, Request(each=each, count_max=5)) == Placed(("slots", "slots"))
    short = place.choose(hosts, Request(each=each, count_min=3, count_max=3))
    assert isinstance(short, Short)
    assert (short.room_for, short.lacks[0].closed) == (2, "is another account's")


colours = st.lists(st.sampled_from("abc"), min_size=8, max_size=8).map(tuple)


@given(offers, requests, colours, st.data())
def test_hosts_of_one_colour_are_kept_from_others(
    offers: tuple[Offer, ...], request: Request, colours: tuple[str, ...], data: st.DataObject
) -> None:
    held = {
        offer.host_id: data.draw(st.sampled_from("abc"))
        for offer in offers
        if data.draw(st.booleans())
    }
    grouping = place.Grouping(colours=colours, coloured=held)
    placed = place.choose(offers, dataclasses.replace(request, grouping=grouping))
    if isinstance(placed, Placed):
        of_host = dict(held)
        for colour, host_id in zip(colours, placed.host_ids, strict=False):
            assert of_host.setdefault(host_id, colour) == colour


@given(offers, requests)
def test_a_cluster_stays_on_hosts_where_it_is_while_they_have_room(
    offers: tuple[Offer, ...], request: Request
) -> None:
    for offer in offers:
        near = place.Grouping(near=frozenset({offer.host_id}))
        placed = place.choose(offers, dataclasses.replace(request, grouping=near))
        if isinstance(placed, Placed):
            there = min(room(offer, request.each), len(placed.host_ids))
            assert placed.host_ids.count(offer.host_id) >= there


def test_a_host_that_is_barred_by_the_group_says_so() -> None:
    offer = Offer("h", "hut", Capacity(8, 8, 8), Capacity(1, 1, 1))
    grouping = place.Grouping(colours=("mine",), coloured={"h": "another's"})
    short = place.choose((offer,), Request(each=Capacity(1, 1, 1), grouping=grouping))
    assert isinstance(short, Short)
    assert "placement group" in short.lacks[0].resources[0]
