"""Labs are made, spoiled, mended and taken down; nothing is left of them, whenever they are killed.

Their hosts have nothing of Mallee here: all is about namespaces and cables.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mallee.box import steps
from mallee.kit import process
from mallee.lab import document, keeper, openvswitch, rooms
from mallee.lab import up as making
from mallee.lab.document import Cable
from mallee.lab.rooms import Place
from tests import labs, wholecloud
from tests.labs import Lab

TWO = """
[hosts.a]
role = "bare"
[hosts.b]
role = "bare"
"""

TAGGED = """
[switches.lan]
kind = "openvswitch"
[hosts.a]
role = "bare"
nics = [{trunk = [10, 20]}]
[hosts.b]
role = "bare"
nics = [{vlan = 10}]
[hosts.c]
role = "bare"
nics = [{vlan = 20}]
"""


@pytest.fixture(scope="module")
def two() -> Iterator[Lab]:
    with labs.up(TWO) as lab:
        yield lab


@pytest.fixture
def mended(two: Lab) -> Iterator[Lab]:
    wait_ping(two, "b")
    yield two
    two.mend()


def ping(lab: Lab, to: str, *options: str, host: str = "a") -> str:
    """Ping a host from another, once; raise `process.Failed` when no answer comes."""
    return lab.run(host, "ping", "-c", "1", "-W", "2", *options, lab.address(to))


def wait_ping(lab: Lab, to: str, *options: str, host: str = "a") -> None:
    """Ping a host until it answers: a carrier that comes is noticed a moment later."""

    def answers() -> bool:
        try:
            ping(lab, to, *options, host=host)
        except process.Failed:
            return False
        return True

    wholecloud.wait_until(answers, 90.0, f"{to} to answer")


def took_ms(lab: Lab, to: str) -> float:
    """How long an answer takes, in milliseconds, where one comes; raise `process.Failed`."""
    wait_ping(lab, to)
    return float(ping(lab, to, "-W", "30").partition("time=")[2].split()[0])


def test_hosts_reach_each_other_and_the_world(two: Lab) -> None:
    wait_ping(two, "b")
    wait_ping(two, "world", host="b")
    wait_ping(two, "a", host="world")


def test_a_test_is_in_the_world(two: Lab) -> None:
    said = subprocess.run(
        ["ip", "-br", "address", "show", "eth0"], capture_output=True, text=True, check=True
    )
    assert two.address("world") in said.stdout


def test_a_host_is_a_machine_of_its_own(two: Lab) -> None:
    assert two.run("a", "hostname").strip() == "a"
    assert set(os.listdir("/sys/class/net")) != {"lo", "eth0"}
    assert set(two.run("a", "ls", "/sys/class/net").split()) == {"lo", "eth0"}
    assert two.run("a", "cat", "/proc/1/comm").strip().startswith("python")
    assert two.address("world") in two.run("a", "cat", "/etc/resolv.conf")
    two.run("a", "ip", "netns", "add", "own")
    assert two.run("b", "ip", "netns", "list").strip() == ""
    assert not Path("/run/netns/own").exists()
    two.run("a", "touch", "/dev/shm/own")
    assert two.run("b", "ls", "/dev/shm") == ""
    assert not Path("/dev/shm/own").exists()


def test_who_enters_a_host_stays_in_his_directory(
    two: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir("/usr/lib")
    assert rooms.run_long(two.place, "a", ("pwd",), {}).returncode == 0
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert rooms.run_long(two.place, "a", ("pwd",), {}).returncode == 0
    assert capfd.readouterr().out.split() == ["/usr/lib", "/"]


def test_hosts_that_are_alike_call_their_roots_by_one_path() -> None:
    with labs.up(f"alike = true\n{TWO}") as lab:
        called = lab.place.called("a")
        assert called == lab.place.called("b")
        for name in ("a", "b"):
            lab.run(name, "sh", "-c", f"echo {name} >{called}/who")
        lab.power_off("b")
        lab.power_on()
        for name in ("a", "b"):
            assert lab.run(name, "cat", f"{called}/who").strip() == name
            assert (lab.layout(name).root / "who").read_text().strip() == name
        assert list(called.iterdir()) == []


def test_a_cut_cable_is_seen_at_both_ends(mended: Lab) -> None:
    mended.cut("a.eth0")
    assert "NO-CARRIER" in mended.run("a", "ip", "link", "show", "eth0")
    with pytest.raises(process.Failed):
        ping(mended, "b")
    mended.mend()
    wait_ping(mended, "b")


def test_a_cable_may_lose_all_and_say_nothing(mended: Lab) -> None:
    mended.cut("a.eth0", Cable(loss_percent=100))
    assert "NO-CARRIER" not in mended.run("a", "ip", "link", "show", "eth0")
    with pytest.raises(process.Failed):
        ping(mended, "b")


def test_a_cable_may_lose_large_packets_alone(mended: Lab) -> None:
    mended.cut("b.eth0", Cable(mtu=1400))
    wait_ping(mended, "b", "-s", "1300", "-M", "do")
    with pytest.raises(process.Failed):
        ping(mended, "b", "-s", "1400", "-M", "do")


def test_a_cable_may_take_its_time(mended: Lab) -> None:
    mended.cut("b.eth0", Cable(delay_ms=50))
    assert took_ms(mended, "b") >= 100
    # Large packets pass it as well, and another delay takes its place.
    mended.cut("b.eth0", Cable(delay_ms=1))
    wait_ping(mended, "b", "-s", "1400", "-M", "do")


def test_a_host_without_power_comes_back(two: Lab) -> None:
    two.power_off("b")
    with pytest.raises(steps.Failed, match="does not run"):
        two.run("b", "true")
    with pytest.raises(process.Failed):
        ping(two, "b")
    two.power_off("a")
    steps.run(making.power_plan(two.place, two.document, "b"), wholecloud.Silent())
    with pytest.raises(steps.Failed, match="does not run"):
        two.run("a", "true")
    two.power_on()
    wait_ping(two, "b")


@contextmanager
def kept_network(lab: Lab, host: str) -> Generator[None]:
    """Have the kernel keep a host's network meanwhile, whatever becomes of the host: when it takes
    one down is its own affair."""
    found = rooms.find(lab.place, host)
    assert found is not None
    with open(f"/proc/{found.pid}/ns/net"):
        yield


def test_a_host_without_power_is_silent_and_comes_back_before_its_network_has_gone(
    mended: Lab,
) -> None:
    with kept_network(mended, "b"):
        mended.power_off("b")
        with pytest.raises(process.Failed):
            ping(mended, "b")
        mended.power_on()
        wait_ping(mended, "b")


def test_cables_of_others_may_be_spoilt_while_one_with_a_bad_cable_has_no_power(
    mended: Lab,
) -> None:
    mended.cut("b.eth0", Cable(mtu=1400))
    mended.power_off("b")
    mended.cut("a.eth0", Cable(loss_percent=100))
    ruleset = rooms.run(mended.place, keeper.LAB, ("nft", "list", "table", "netdev", "lab"))
    # Kernels before 6.16 take no rules for a device that is not there.
    there = set(re.findall(r'device "(\w+)"', ruleset))
    links = rooms.run(mended.place, keeper.LAB, ("ls", "/sys/class/net")).split()
    assert there <= set(links)
    mended.cut("a.eth0", document.GOOD)
    mended.power_on()
    wait_ping(mended, "b")
    with pytest.raises(process.Failed):
        ping(mended, "b", "-s", "1400", "-M", "do")


def test_a_host_that_ended_unasked_is_plugged_in_again(mended: Lab) -> None:
    with kept_network(mended, "b"):
        rooms.end(mended.place, "b")
        mended.power_on()
        wait_ping(mended, "b")


def test_a_slow_cable_is_slow_again_after_a_power_cut(mended: Lab) -> None:
    mended.cut("b.eth0", Cable(delay_ms=20))
    mended.power_off("b")
    mended.power_on()
    assert took_ms(mended, "b") >= 40


def test_one_at_a_time_makes_or_removes_a_lab(two: Lab) -> None:
    words = ("lab", "down", "--lab", two.place.name, "--labs", str(two.place.path.parent))
    with making.held(two.place):
        done = subprocess.run((*labs.MALLEE, *words), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "somebody else makes or removes" in done.stderr
    wait_ping(two, "b")


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff\xfe", "it is no text")]
)
def test_a_document_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "wanted.toml"
    if content is not None:
        file.write_bytes(content)
    line = (*labs.MALLEE, "lab", "up", str(file), "--labs", str(tmp_path))
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{file}: {why}" in done.stderr
    assert "Errno" not in done.stderr


@pytest.mark.parametrize("option", ["--loss", "--delay-ms", "--mtu", "--vlan"])
def test_what_no_cable_can_do_is_refused(two: Lab, option: str) -> None:
    where = ("--lab", two.place.name, "--labs", str(two.place.path.parent))
    line = (*labs.MALLEE, "lab", "cut", "a", option, "70000", *where)
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Expected `int` <=" in done.stderr
    wait_ping(two, "b")


def test_making_it_again_changes_nothing(two: Lab) -> None:
    before = {one.host: one.process for one in rooms.fetch(two.place) if one.is_keeper}
    two.power_on()
    assert {one.host: one.process for one in rooms.fetch(two.place) if one.is_keeper} == before
    other = document.parse(TWO.replace("hosts.b", "hosts.c"))
    with pytest.raises(steps.Failed, match="another lab"):
        steps.run(making.up_plan(two.place, other), wholecloud.Silent())


@pytest.mark.skipif(not shutil.which(openvswitch.PROGRAMS[1]), reason="needs Open vSwitch")
def test_open_vswitch_keeps_vlans_apart() -> None:
    with labs.up(TAGGED) as lab:
        # An access port's frames come out of the trunk with its tag; b and c are apart.
        assert wait_tags(lab, "b") == {10}
        assert wait_tags(lab, "c") == {20}
        with pytest.raises(process.Failed):
            ping(lab, "c", host="b")
        lab.cut("a.eth0", Cable(drop_vlans=(20,)))
        assert wait_tags(lab, "b") == {10}
        assert tags_heard(lab, "c") == set()


def wait_tags(lab: Lab, sender: str) -> set[int]:
    """The same as `tags_heard`, when the first of the broadcasts has arrived."""
    heard = set[int]()

    def arrived() -> bool:
        heard.update(tags_heard(lab, sender))
        return bool(heard)

    wholecloud.wait_until(arrived, 90.0, f"a broadcast of {sender}")
    return heard


def tags_heard(lab: Lab, sender: str) -> set[int]:
    """The VLAN tags of the sender's broadcasts as they arrive at `a`."""
    listen = (sys.executable, str(Path(__file__).with_name("hear.py")), "eth0")
    line = rooms.inside(lab.place, "a", listen)
    pipe = subprocess.PIPE
    with subprocess.Popen(line, text=True, stdin=pipe, stdout=pipe) as hearing:
        assert hearing.stdout is not None
        hearing.stdout.readline()
        lab.run(sender, "sh", "-c", "ping -b -c 3 -i 0.2 -W 1 198.18.0.255 || true")
        rest, _ = hearing.communicate(timeout=60)
    return {int(line) for line in rest.split()}


@pytest.fixture
def place() -> Iterator[Place]:
    path = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    path.chmod(0o755)
    yield Place(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("after", ["nothing", "keeper", "hosts", "links"])
def test_whenever_up_is_killed_down_leaves_nothing(
    place: Place, after: str, tmp_path: Path
) -> None:
    before = links_here()
    file = tmp_path / "two.toml"
    file.write_text(TWO)
    words = ("lab", "up", str(file), "--name", place.name, "--labs", str(place.path.parent))
    line = (sys.executable, "-m", "mallee.cli.main", *words)
    reached = {
        "nothing": lambda: True,
        "keeper": lambda: bool(rooms.fetch(place)),
        "hosts": lambda: len(rooms.fetch(place)) >= 4,
        "links": lambda: has_links(place),
    }
    with subprocess.Popen(line, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as making_it:
        wholecloud.wait_until(reached[after], 90.0, f"{after} to be there")
        making_it.kill()
    steps.run(making.down_plan(place), wholecloud.Silent())
    assert rooms.fetch(place) == []
    assert not place.path.exists()
    assert links_here() == before


def has_links(place: Place) -> bool:
    """Whether the first wire's host end is there, in a lab that is being made."""
    found = rooms.find(place, keeper.LAB)
    if found is None:
        return False
    text = subprocess.run(
        ["nsenter", "--target", str(found.pid), "--net", "--", "ip", "-o", "link"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return "w1a" in text


def links_here() -> set[str]:
    """The links of the test's own namespace."""
    text = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    return {line.split(": ")[1] for line in text.splitlines()}


def test_down_leaves_alone_what_is_no_lab(place: Place) -> None:
    kept = place.path / "thesis.txt"
    kept.write_text("years of work")
    with pytest.raises(steps.Failed, match="does not look like a lab"):
        steps.run(making.down_plan(place), wholecloud.Silent())
    assert kept.exists()


def test_the_machines_own_network_is_nobodys_host(monkeypatch: pytest.MonkeyPatch) -> None:
    from mallee.lab import links

    lab = document.parse('[hosts.me]\nrole = "here"\n')
    links.check_here(lab)
    monkeypatch.setattr(links, "is_initial_namespace", lambda: True)
    with pytest.raises(document.InvalidLab, match="network namespace of your own"):
        links.check_here(lab)
