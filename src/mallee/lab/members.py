"""Mallee on the lab's hosts: a front end, and nodes that join it by invitation.

Everything is done by the commands that an administrator would type, in the hosts. Called by
`lab.up`. Not its business: namespaces and links.
"""

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from mallee.aws import clientfiles
from mallee.box import client, faststart, oldclients, owners, steps
from mallee.kit import process
from mallee.lab import document, rooms
from mallee.lab.document import Lab
from mallee.lab.rooms import Place
from mallee.model.layout import Layout
from mallee.node import membership

_COMMAND_S_MAX = 240.0
_ENABLED_S_MAX = 90.0

Say = Callable[[str], None]


def layout(place: Place, host: str) -> Layout:
    """Return where a host's Mallee lies."""
    return Layout(place.root(host))


def address(lab: Lab, host: str) -> str:
    """Return a host's first address."""
    return lab.hosts[host].nics[0].address


def mallee(place: Place, host: str, *words: str) -> str:
    """Run the command in a host, as its administrator; raise `steps.Failed` with what it said."""
    root = ("--root", str(place.called(host)))
    inside = rooms.inside(place, host, ("env", "-i", *_variables(), *words, *root))
    try:
        return process.run(inside, timeout_s=_COMMAND_S_MAX).text
    except (process.Failed, process.TimedOut) as error:
        raise steps.Failed(f"{host}: {_last_words(error)}", _cure(place, host)) from error


def _variables() -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in rooms.environment().items())


def _last_words(error: process.Failed | process.TimedOut) -> str:
    if isinstance(error, process.TimedOut):
        return str(error)
    lines = error.finished.stderr.decode(errors="replace").strip().splitlines()
    return " ".join(lines[-2:])


def _cure(place: Place, host: str) -> str:
    return f"look at it there: mallee lab enter --lab {place.name} {host} -- mallee doctor"


def ensure_front(place: Place, lab: Lab, host: str, say: Say) -> str:
    """Have the front end's cloud run, with the image if it shall have it."""
    there = layout(place, host)
    owners.ensure_user()
    owners.ensure_directories(there)
    # A front end that others join: so it is told at which address they reach it.
    at = lab.cloud.address or address(lab, host)
    owners.ensure_settings(there, msgspec.structs.replace(lab.cloud, address=at))
    said = faststart.build_image(there, say) if lab.image else "no image"
    mallee(place, host, "mallee", "up")
    return said


def ensure_node(place: Place, lab: Lab, host: str) -> str:
    """Have a node belong to the front end's cloud, and run."""
    there = layout(place, host)
    if membership.is_node(there):
        mallee(place, host, "mallee", "up")
        return "joined before"
    front = document.host_of(lab, "front")
    assert front is not None
    owners.ensure_directories(there)
    _take_findings(layout(place, front), there)
    invitation = mallee(place, front, "mallee", "node", "invite", "--bare").strip()
    zone = lab.hosts[host].zone
    more = ("--zone", zone) if zone else ()
    told = ("--name", host, "--address", address(lab, host), *more)
    mallee(place, host, "mallee", "node", "join", invitation, *told)
    return f"joined {front}"


def wait_enabled(place: Place, front: str) -> str:
    """Wait until the cloud says of all its hosts that they do their work."""

    def listed() -> list[list[str]]:
        text = mallee(place, front, "mallee", "hosts", "list")
        return [line.split("\t") for line in text.splitlines()]

    late = steps.Failed(
        f"not all hosts did their work within {_ENABLED_S_MAX:g} s", _cure(place, front)
    )
    steps.wait_until(lambda: all("ENABLED" in row for row in listed()), _ENABLED_S_MAX, late)
    return f"{len(listed())} hosts"


def _take_findings(front: Layout, other: Layout) -> None:
    """Spare a node what the front end has found out of the same processor, kernel and programs: the
    proof of KVM, and QEMU's abilities, for which libvirt needs seconds (it checks that they hold).
    """
    if front.kvm_verdict.exists() and not other.kvm_verdict.exists():
        shutil.copy(front.kvm_verdict, other.kvm_verdict)
    found, there = front.libvirt / "cache", other.libvirt / "cache"
    if found.is_dir() and not there.exists():
        shutil.copytree(found, there)


def ensure_nodes(place: Place, lab: Lab, hosts: Sequence[str], say: Say) -> str:
    """Have all nodes joined, several at a time."""

    def join(host: str) -> None:
        say(f"{host}: {ensure_node(place, lab, host)}")

    with ThreadPoolExecutor(max_workers=4) as pool:
        for done in [pool.submit(join, host) for host in hosts]:
            done.result()
    return ", ".join(hosts)


def access(place: Place, lab: Lab) -> client.Access | None:
    """Return how the world reaches the cloud; None when there is none."""
    front = document.host_of(lab, "front")
    if front is None:
        return None
    there = layout(place, front)
    try:
        found = client.read_access(there, owners.read_settings(there))
    except client.Unreachable:
        return None
    port = found.endpoint.rpartition(":")[2]
    return client.Access(
        endpoint=f"http://{address(lab, front)}:{port}",
        region=found.region,
        account_id=found.account_id,
        access_key_id=found.access_key_id,
        secret_access_key=found.secret_access_key,
    )


def variables(place: Place, lab: Lab, host: str) -> dict[str, str]:
    """Return what commands in a host find in their environment besides: whose root is theirs, and
    how the cloud is reached."""
    role = lab.hosts[host].role
    mine = {} if role == "world" else {"MALLEE_ROOT": str(place.called(host))}
    found = access(place, lab)
    if found is None:
        return mine
    bearer = clientfiles.Bearer(
        endpoint=found.endpoint,
        region=found.region,
        account_id=found.account_id,
        user_name="admin",
        access_key_id=found.access_key_id,
        secret_access_key=found.secret_access_key,
    )
    front = document.host_of(lab, "front")
    assert front is not None
    models = oldclients.ensure_models(layout(place, front), bearer)
    return {
        **mine,
        **clientfiles.environment(bearer),
        "AWS_DATA_PATH": str(models),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
