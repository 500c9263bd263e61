"""What libvirt says of processors is understood, and what it does not say is nobody's guess."""

from pathlib import Path

from mallee.node.do.guests import cpumap

TOLD = """
<domainCapabilities><cpu>
  <mode name='host-model' supported='{supported}'>
    <model fallback='forbid'>EPYC</model>
    <feature policy='require' name='{feature}'/>
  </mode>
  <mode name='custom' supported='yes'>
    <model usable='yes'>qemu64</model>
    <model usable='yes'>Westmere</model>
    <model usable='no'>Haswell</model>
    <model usable='yes'>of-tomorrow</model>
  </mode>
</cpu></domainCapabilities>
"""


def told(supported: str = "yes", feature: str = "aes") -> str:
    return TOLD.format(supported=supported, feature=feature)


def test_usable_models_are_told_with_their_features(tmp_path: Path) -> None:
    for name, features in (("qemu64", ("a",)), ("Westmere", ("a", "b")), ("Haswell", ("c",))):
        told_of = "".join(f"<feature name='{feature}'/>" for feature in features)
        text = f"<cpus><model name='{name}'>{told_of}</model></cpus>"
        (tmp_path / f"x86_{name}.xml").write_text(text)
    found = cpumap.read(told(), tmp_path)
    assert found is not None
    assert found.models == {"qemu64": 1, "Westmere": 2}


def test_another_processor_has_another_fingerprint(tmp_path: Path) -> None:
    one, same, other = (
        cpumap.read(told(feature=feature), tmp_path) for feature in ("aes", "aes", "avx")
    )
    assert one == same
    assert one != other


def test_without_a_word_of_the_host_nothing_is_told(tmp_path: Path) -> None:
    assert cpumap.read(told(supported="no"), tmp_path) is None
    assert cpumap.read("<domainCapabilities/>", tmp_path) is None


def test_libvirts_own_map_is_understood() -> None:
    found = cpumap.read(told())
    assert found is not None
    assert found.models["Westmere"] > found.models["qemu64"]
