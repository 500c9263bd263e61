"""Encrypted volumes in plans and in libvirt's words: never in a definition, each by its key."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.model.layout import Layout
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.volumes import Limits, VolumeWanted
from mallee.node.plan.guests import disks, domain, instances, progress, steps
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.progress import Situation
from mallee.node.plan.guests.seen import SeenInstance
from mallee.node.plan.storage import chains
from mallee.node.plan.storage.chains import Chain, Export, File
from mallee.node.plan.trust import trustedvolumes
from tests.node import wants

RULES = instances.Rules(Layout(Path("/m")), stop_s=60.0, terminate_s=10.0)
ID = "vol-0123456789abcdef0"
FACE = Path("/m/vol/3.qcow2")
PLAIN = Disk("vol-0123456789abcdef1", Path("/m/other/1.qcow2"), 2)
SEALED = Disk(ID, FACE, 1, True)


def test_a_launch_plugs_encrypted_volumes_into_a_machine_that_stands() -> None:
    interface = wants.make_interface()
    seen = SeenInstance(volumes={PLAIN: Limits(), SEALED: Limits()})
    at = Situation(wants.make_instance(), seen, 1e6, "host-a")
    known = progress.observe(None, at)
    plan = instances.plan(at, known, {interface.id: interface}, RULES)
    (defined,) = (step for step in plan if isinstance(step, steps.DefineDomain))
    text = domain.encode(defined.spec, domain.HostTraits(RULES.layout, "tcg"))
    assert set(disks.decode(text)) == {PLAIN}
    names = [type(step).__name__ for step in plan]
    attached = names.index("AttachDisk")
    assert plan[attached] == steps.AttachDisk(at.wanted.id, SEALED, Limits())
    assert names.index("StartPaused") < attached < names.index("Resume")


@pytest.mark.parametrize("ground", [None, File(Path("/m/x/1.qcow2"), "raw"), Export("/s", ID)])
def test_each_encrypted_layer_is_named_with_its_key(ground: File | Export | None) -> None:
    chain = Chain((Path("/m/vol/2.qcow2"), Path("/m/vol/1.qcow2")), ground)
    text = disks.encode(Disk(ID, FACE, 1, True, chain), Limits())
    assert text.count(chains.secret_of(ID)) == 3
    assert disks.decode(f"<domain><devices>{text}</devices></domain>") == {SEALED: Limits()}
    assert disks.decode_layers(f"<domain><devices>{text}</devices></domain>", "vdb")[:3] == [
        FACE,
        *chain.layers,
    ]
    assert ('name="vol' in text) is isinstance(ground, Export)
    assert ('type="raw"' in text) is (ground is not None)
    # A plain file's own ground is found out by libvirt; everything else ends where it is said.
    assert ("<backingStore />" in text) is not isinstance(ground, File)


def test_a_cut_names_the_key_of_what_is_encrypted() -> None:
    domain = "<domain><devices>"
    for disk in (PLAIN, SEALED):
        domain += f'<disk><target dev="{disk.target}"/></disk>'
    text = disks.encode_cut(domain + "</devices></domain>", {PLAIN: FACE, SEALED: FACE})
    assert text.count("<encryption") == 1
    assert chains.secret_of(ID) in text


def test_a_secret_is_kept_in_memory_and_told_to_nobody() -> None:
    text = chains.encode_secret(ID)
    assert 'ephemeral="yes"' in text
    assert 'private="yes"' in text


def test_an_encrypted_root_is_where_it_can_be_plugged_in() -> None:
    text = disks.encode(Disk(ID, FACE, 0, True, Chain()), Limits())
    assert 'dev="vda"' in text
    assert 'bus="3"' in text
    assert '<boot order="1" />' in text
    interface = wants.make_interface()
    seen = SeenInstance(volumes={Disk(ID, FACE, 0, True): Limits()})
    at = Situation(replace(wants.make_instance(), boot=None, disk=None), seen, 1e6, "host-a")
    plan = instances.plan(at, progress.observe(None, at), {interface.id: interface}, RULES)
    (defined,) = (step for step in plan if isinstance(step, steps.DefineDomain))
    text = domain.encode(defined.spec, domain.HostTraits(RULES.layout, "tcg"))
    assert "<disk" not in text
    assert "<boot dev" not in text
    assert text.count("<boot order") == 1


def test_what_is_no_key_is_not_believed() -> None:
    good = OpenedKey("ab" * 16, bytes(32))
    assert trustedvolumes.check_key(good) is good
    for bad in (OpenedKey("../x", bytes(32)), OpenedKey("ab" * 16, b"short")):
        with pytest.raises(trustedvolumes.NotTrusted):
            trustedvolumes.check_key(bad)
    wanted = VolumeWanted(id=ID, size_gib=1)
    trustedvolumes.check_volume(replace(wanted, key_id="ab" * 16))
    with pytest.raises(trustedvolumes.NotTrusted):
        trustedvolumes.check_volume(replace(wanted, key_id="../../etc"))
