"""A token is good once and for an hour; only its hash is kept."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mallee.cloud.frontends import joining as frontends
from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.doors import joining
from mallee.cloud.state import records, store
from mallee.kit import pki
from mallee.kit.authorities import Authorities
from mallee.model.configuration.settings import Settings
from mallee.model.hosts.standing import Role, Standing
from tests.handclock import NOW, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def opened(tmp_path: Path, clock: HandClock) -> Iterator[store.Store]:
    made = store.Store.open(f"sqlite:///{tmp_path}/state.db", clock=clock)
    yield made
    made.close()


@pytest.fixture(scope="module")
def registry() -> joining.Registry:
    return joining.Registry(_authorities(), "us-east-1", "us-east-1a", _entropy())


def _authorities() -> Authorities:
    return Authorities(Path("/nowhere"), (pki.create_authority("test", NOW),))


def _entropy() -> joining.Entropy:
    numbers = iter(range(1, 1000))
    return lambda count: next(numbers).to_bytes(4, "big").ljust(count, b"\x01")


def ask(
    token: str, name: str = "host", zone: str | None = None, address: str = ""
) -> joining.JoinRequest:
    csr_pem = pki.make_request(name).csr_pem.decode()
    return joining.JoinRequest(token=token, csr_pem=csr_pem, name=name, zone=zone, address=address)


def test_token_ends_after_an_hour(
    opened: store.Store, clock: HandClock, registry: joining.Registry
) -> None:
    token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    clock.time += joining.TOKEN_LIFE_S
    with pytest.raises(refusals.Refused, match="older than an hour"):
        opened.transact(lambda tx: joining.join(tx, registry, ask(token)))


def test_who_comes_with_what_is_no_good_is_told_what_it_is(
    opened: store.Store, registry: joining.Registry
) -> None:
    token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    opened.transact(lambda tx: joining.join(tx, registry, ask(token, "ash")))
    of_front_ends = opened.transact(lambda tx: frontends.create_token(tx, registry.entropy))
    for other, words in (
        (token, "used already, by ash"),
        ("a" * 52, "gave no such invitation"),
        (of_front_ends, "mallee frontends join"),
    ):
        with pytest.raises(refusals.Refused, match=words) as refused:
            opened.transact(lambda tx, other=other: joining.join(tx, registry, ask(other, "beech")))
        assert refused.value.status == 403
    (host,) = opened.view.list(records.HOST)
    assert host.doc.name == "ash"


def test_what_is_wrong_with_a_host_leaves_its_invitation_good(
    opened: store.Store, registry: joining.Registry
) -> None:
    token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    for wrong in (ask(token, "no name"), ask(token, zone="nowhere"), ask(token, address="beech")):
        with pytest.raises(refusals.Refused) as refused:
            opened.transact(lambda tx, wrong=wrong: joining.join(tx, registry, wrong))
        assert refused.value.status == 400
    assert opened.transact(lambda tx: joining.join(tx, registry, ask(token))).host_id


def test_only_the_hash_of_a_token_is_kept(
    opened: store.Store, registry: joining.Registry, tmp_path: Path
) -> None:
    token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    for path in tmp_path.iterdir():
        assert token.encode() not in path.read_bytes()


def test_forgotten_tokens_are_removed_by_the_next(
    opened: store.Store, clock: HandClock, registry: joining.Registry
) -> None:
    for _ in range(3):
        opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    clock.time += joining.TOKEN_LIFE_S + 1
    opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    assert len(opened.view.list(records.JOIN_TOKEN)) == 1


def test_certificate_says_the_host_and_no_more_than_a_week(
    opened: store.Store, registry: joining.Registry
) -> None:
    token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    certified = opened.transact(lambda tx: joining.join(tx, registry, ask(token, "liar")))
    issued = pki.read_certificate(certified.certificate_pem.encode())
    assert issued.name == certified.host_id
    assert issued.ends_at == NOW + joining.CERTIFICATE_LIFE_S
    (host,) = opened.view.list(records.HOST)
    assert (host.doc.name, host.doc.zone) == ("liar", "us-east-1a")
    assert host.doc.certificate_serial == issued.serial


@pytest.mark.parametrize("zone", ["us-east-1", "us-east-1aa", "us-west-2a", "../x"])
def test_zone_is_of_the_region(opened: store.Store, registry: joining.Registry, zone: str) -> None:
    token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    with pytest.raises(refusals.Refused, match="zones create"):
        opened.transact(lambda tx: joining.join(tx, registry, ask(token, zone=zone)))
    host = opened.transact(lambda tx: joining.join(tx, registry, ask(token, zone="us-east-1c")))
    assert host.host_id.startswith("host-")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("beech", "no address"),
        ("198.18.0.1/30", "no address"),
        ("2001:db8::1%0 } accept\n", "no address"),
        ("::ffff:198.18.0.1", "give it as that"),
        ("127.0.0.1", "no other host"),
        ("0.0.0.0", "no other host"),
        ("203.0.113.7", "of the guests' range"),
        ("172.31.4.4", "of the guests' range"),
    ],
)
def test_a_host_has_an_address_of_hosts(opened: store.Store, address: str, words: str) -> None:
    joins = joining.registry(_authorities(), Settings())
    token = opened.transact(lambda tx: joining.create_token(tx, joins.entropy))
    with pytest.raises(refusals.Refused, match=words):
        opened.transact(lambda tx: joining.join(tx, joins, ask(token, address=address)))
    opened.transact(lambda tx: joining.join(tx, joins, ask(token, address="198.18.0.1")))
    (host,) = opened.view.list(records.HOST)
    assert host.doc.address == "198.18.0.1"


def test_no_two_hosts_have_one_address(opened: store.Store, registry: joining.Registry) -> None:
    token, next_one = (
        opened.transact(lambda tx: joining.create_token(tx, registry.entropy)) for _ in range(2)
    )
    opened.transact(lambda tx: joining.join(tx, registry, ask(token, "ash", address="fd00:0::1")))
    with pytest.raises(refusals.Refused, match="ash is at fd00::1"):
        opened.transact(
            lambda tx: joining.join(tx, registry, ask(next_one, "beech", address="fd00::1"))
        )


@pytest.mark.parametrize("byte", [b"\xfb", b"\xff", b"\x00"])
def test_no_token_is_taken_for_an_option(opened: store.Store, byte: bytes) -> None:
    token = opened.transact(lambda tx: joining.create_token(tx, lambda count: byte * count))
    assert token.isalnum()


def test_what_a_host_does_and_its_standing_outlive_its_certificate(
    opened: store.Store, registry: joining.Registry
) -> None:
    def join(**more: object) -> None:
        token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
        asked = msgspec.structs.replace(ask(token, "ash"), **more)
        opened.transact(lambda tx: joining.join(tx, registry, asked))

    join(roles=("storage", "compute"))

    def disable(tx: store.Tx) -> None:
        (host,) = tx.list(records.HOST)
        tx.write(host, msgspec.structs.replace(host.doc, standing=Standing.DISABLED))

    opened.transact(disable)
    join()
    (host,) = opened.view.list(records.HOST)
    assert host.doc.roles == (Role.COMPUTE, Role.STORAGE)
    assert host.doc.standing is Standing.DISABLED


def test_a_host_that_joins_again_is_where_it_was(
    opened: store.Store, registry: joining.Registry
) -> None:
    def join(zone: str | None) -> str:
        token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
        asked = ask(token, "ash", zone=zone)
        opened.transact(lambda tx: joining.join(tx, registry, asked))
        (host,) = opened.view.list(records.HOST)
        return host.doc.zone

    assert join("us-east-1b") == "us-east-1b"
    assert join(None) == "us-east-1b"
    assert join("us-east-1c") == "us-east-1c"


def test_a_host_has_no_role_that_nobody_knows(
    opened: store.Store, registry: joining.Registry
) -> None:
    token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    asked = msgspec.structs.replace(ask(token), roles=("cook",))
    with pytest.raises(refusals.Refused, match="no role"):
        opened.transact(lambda tx: joining.join(tx, registry, asked))


def test_a_certificate_is_forgotten_for_its_successor_and_no_other(
    opened: store.Store, registry: joining.Registry
) -> None:
    token = opened.transact(lambda tx: joining.create_token(tx, registry.entropy))
    joined = opened.transact(lambda tx: joining.join(tx, registry, ask(token)))
    first = pki.read_certificate(joined.certificate_pem.encode()).serial
    again = joining.RenewRequest(csr_pem=pki.make_request("x").csr_pem.decode())
    renewed = opened.transact(lambda tx: joining.renew(tx, registry, joined.host_id, again))
    second = pki.read_certificate(renewed.certificate_pem.encode()).serial

    def former() -> str:
        host = opened.view.get(records.HOST, joined.host_id)
        assert host is not None
        return host.doc.former_serial

    # What was decided before the renewal, and is done after it.
    opened.transact(lambda tx: joining.forget_former(tx, joined.host_id, first))
    assert former() == first
    opened.transact(lambda tx: joining.forget_former(tx, joined.host_id, second))
    assert not former()
