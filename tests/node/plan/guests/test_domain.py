"""The text of domains, word by word, and what guests and the agent read out of it."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.node.plan.guests import domain
from tests.node import wants

GOLDEN = Path(__file__).parents[3] / "golden" / "node"
LAYOUT = Layout(Path("/var/lib/mallee"))
ID = "i-0123456789abcdef0"
PAGE_KIB = 4
QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"


def make_spec(boot: DirectBoot | None) -> domain.DomainSpec:
    nics = (domain.Nic("mt0123456789abc", "02:00:00:00:00:01"),)
    return domain.DomainSpec(
        instance_id=ID, launch=3, vcpus=2, memory_mib=512, boot=boot, nics=nics
    )


@pytest.mark.parametrize(
    ("name", "boot", "acceleration"),
    [("direct-tcg", wants.BOOT, "tcg"), ("disk-kvm", None, "kvm")],
)
def test_the_domain_is_word_for_word(name: str, boot: DirectBoot | None, acceleration: str) -> None:
    text = domain.encode(make_spec(boot), domain.HostTraits(LAYOUT, acceleration))
    assert text == (GOLDEN / f"domain-{name}.xml").read_text()


def test_a_named_processor_is_the_one_that_is_shown_and_no_lesser_one() -> None:
    spec = replace(make_spec(wants.BOOT), cpu="Westmere")
    text = domain.encode(spec, domain.HostTraits(LAYOUT, "kvm"))
    assert '<cpu mode="custom" match="exact">' in text
    assert '<model fallback="forbid">Westmere</model>' in text


def test_a_machine_that_waits_for_anothers_state_has_its_cards_where_they_sat_there() -> None:
    places = (domain.Place(0, 8), domain.Place(2, 0x11), domain.Place(0, 0xA))
    nics = tuple(
        domain.Nic(f"mt{number}", f"02:00:00:00:00:0{number}", place)
        for number, place in enumerate(places)
    )
    spec = replace(make_spec(wants.BOOT), nics=nics, is_coming=True)
    text = domain.encode(spec, domain.HostTraits(LAYOUT, "tcg"))
    found = {nic.tap: nic.place for nic in domain.decode_nics(text)}
    assert found == {nic.tap: nic.place for nic in nics}
    words = [one.get("value") for one in ElementTree.fromstring(text).iter(f"{{{QEMU}}}arg")]
    assert words[-2:] == ["-incoming", "defer"]


def test_emulated_memory_is_no_multiple_of_what_qemu_looks_at_at_once() -> None:
    kib = domain.memory_kib(512, "tcg")
    assert 0 < (512 << 10) - kib < 64 * PAGE_KIB
    assert kib % (64 * PAGE_KIB) != 0
    assert domain.memory_kib(512, "kvm") == 512 << 10
    text = domain.encode(make_spec(wants.BOOT), domain.HostTraits(LAYOUT, "tcg"))
    assert f"size={kib}K" in text


def test_cards_put_into_a_running_guest_are_found_where_they_were_put() -> None:
    nic = domain.Nic("mt1", "02:00:00:00:00:01")
    text = f"<domain><devices>{domain.encode_hot_nic(nic, 1)}</devices></domain>"
    [found] = domain.decode_nics(text)
    assert found.place == domain.Place(2, 0x11)
    assert domain.is_place_of_nic(domain.Place(2, 0x11))


def test_the_uuid_follows_from_the_id_and_begins_as_ec2s() -> None:
    assert domain.uuid_of(ID) == domain.uuid_of(ID)
    assert domain.uuid_of(ID) != domain.uuid_of(ID.replace("0", "1"))
    assert domain.uuid_of(ID).startswith("ec2")


def test_a_mark_is_read_back() -> None:
    text = f"<m:instance xmlns:m='{domain.NAMESPACE}' cloud='box' instance='{ID}' launch='3'/>"
    assert domain.decode_mark(text) == domain.Mark("box", ID, 3)


@pytest.mark.parametrize(
    "text", ["", "<a", "<a/>", f"<a cloud='box' instance='{ID}' launch='x'/>", "<a cloud='box'/>"]
)
def test_what_is_no_mark_is_nobodys(text: str) -> None:
    assert domain.decode_mark(text) is None
