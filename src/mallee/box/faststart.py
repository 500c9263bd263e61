"""From a machine to an instance that answers SSH: the whole of `./faststart` after its packages.

A list of steps that may be broken off and run again anywhere: what is there is kept. It makes the
tiny image, brings the cloud up, and then is an ordinary client of it: key pair, security group,
instance. Not its business: how steps are shown (`cli`), and what is installed (`./faststart`).
"""

import base64
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mallee.box import client, owners, ranges, sshgreeting, steps, up
from mallee.images import tiny
from mallee.kit import files
from mallee.model.configuration import settings
from mallee.model.images import catalogue
from mallee.model.layout import Layout
from mallee.node import membership

NAME = "first"
"""Of the instance, its key pair and its security group."""
IMAGE = "mallee-tiny"
TYPE = "m1.small"
"""One virtual processor: under emulation a guest with one starts sooner than with two."""
EVERYWHERE = "0.0.0.0"
"""Where a front end listens: it is there for other machines."""
IMAGE_READY_S_MAX = 30.0
RUNNING_S_MAX = 180.0
SSH_S_MAX = 120.0
BUILT = "built before"
BUILT_BY_ANOTHER = (
    "built before, by another version of this program, whose guests may do less: mallee images "
    "build tiny makes it anew, under another id"
)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for; None where he left it to us."""

    region: str | None = None
    zone: str | None = None
    public_range: str | None = None
    private_range: str | None = None
    address: str | None = None
    """At which other machines reach this one; given, the cloud listens for them."""
    roles: tuple[str, ...] = ()
    """What this machine does as a host, unless it has joined before; none: everything."""
    with_instance: bool = True


@dataclass(slots=True)
class Summary:
    """What there is at the end; filled by the steps."""

    endpoint: str = ""
    instance_id: str = ""
    address: str = ""
    access: client.Access | None = field(default=None, repr=False)


def plan(layout: Layout, options: Options, summary: Summary) -> tuple[steps.Step, ...]:
    """Return the steps; they fill `summary`."""
    chosen = choose_settings(layout, options)
    prepare, start = up.prepare_steps(layout, chosen), up.start_steps(layout, options.roles)
    image = steps.Step("Build the tiny image", lambda say: build_image(layout, say))
    reach = steps.Step("Find the endpoint", lambda say: _reach(layout, summary))
    register = steps.Step("Wait for the image's registration", lambda say: _wait_image(summary))
    machine = (*prepare, image, *start, reach, register)
    if not options.with_instance:
        return machine
    return (
        *machine,
        steps.Step("Make a key pair", lambda say: _make_key(layout, summary)),
        steps.Step("Open SSH in a security group", lambda say: _make_group(summary)),
        steps.Step("Run an instance", lambda say: _run_instance(summary)),
        steps.Step("Wait until it runs", lambda say: _wait_running(summary, say)),
        steps.Step("Wait for its SSH", lambda say: _wait_ssh(summary)),
        steps.Step("Learn its host key", lambda say: _learn_host_key(layout, summary)),
    )


def choose_settings(layout: Layout, options: Options) -> settings.Settings:
    """Return the settings of this cloud; raise `steps.Failed` for options that contradict them,
    and on a machine that is a host of a cloud elsewhere."""
    if membership.is_node(layout):
        raise steps.Failed(
            f"under {layout.root} this machine is a host of a cloud elsewhere",
            "a newer program for it: ./faststart --program; a cloud of its own: mallee destroy",
        )
    if layout.settings.exists():
        held = owners.read_settings(layout)
        _refuse_change(layout, options, held)
        return held
    routes = ranges.fetch_routes()
    region = options.region or settings.Settings().region
    network = settings.Network(
        public_range=_range(options.public_range, ranges.PUBLIC, routes, "--public-range"),
        private_range=_range(options.private_range, ranges.PRIVATE, routes, "--private-range"),
    )
    zone = options.zone or f"{region}a"
    try:
        chosen = settings.Settings(
            region=region,
            zone=zone,
            listen=EVERYWHERE if options.address else settings.Settings().listen,
            address=options.address or "",
            network=network,
            ports=free_ports(),
        )
        return settings.parse(settings.encode(chosen))
    except settings.InvalidSettings as error:
        cure = "give another; ranges that are not given are chosen"
        raise steps.Failed(str(error), cure) from error


def free_ports() -> settings.Ports:
    """Return the usual ports, or the next pair that nobody listens on (another cloud may)."""
    usual = settings.Ports()
    for step in range(0, 200, 10):
        pair = settings.Ports(services=usual.services + step, agents=usual.agents + step)
        if not any(map(_is_taken, (pair.services, pair.agents))):
            return pair
    raise steps.Failed(
        f"no pair of ports is free between {usual.services} and {usual.services + 200}",
        "end what listens there: ss -ltnp",
    )


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.Settings().listen, port))
        except OSError:
            return True
    return False


def _range(
    given: str | None,
    candidates: tuple[str, ...],
    routes: list[tuple[ranges.Network, str]],
    option: str,
) -> str:
    if given is None:
        return ranges.choose(candidates, routes, option)
    try:
        stands = ranges.lendable(given, routes) if candidates is ranges.PUBLIC else routes
        way = ranges.clash(given, stands)
    except ValueError as error:
        raise steps.Failed(f"{option}: {error}", f"for example {option} {candidates[0]}") from error
    if way is not None:
        raise steps.Failed(
            f"{option} {given} overlaps a route of this host: {way}",
            f"leave {option} out: faststart finds one that is free",
        )
    return given


def _refuse_change(layout: Layout, options: Options, held: settings.Settings) -> None:
    if options.address is not None and options.address != held.address:
        raise steps.Failed(
            f"the cloud under {layout.root} was made "
            + (f"to be reached at {held.address}" if held.address else "for its own machine alone"),
            "mallee config show > cloud.toml; in it put "
            f'listen = "{EVERYWHERE}" and address = "{options.address}"; '
            "mallee config apply cloud.toml",
        )
    pairs = {
        "--region": (options.region, held.region),
        "--zone": (options.zone, held.zone),
        "--public-range": (options.public_range, held.network.public_range),
        "--private-range": (options.private_range, held.network.private_range),
    }
    for option, (asked, is_now) in pairs.items():
        if asked is not None and asked != is_now:
            raise steps.Failed(
                f"the cloud under {layout.root} was made with {option} {is_now}, not {asked}",
                f"leave {option} out, or begin anew: mallee destroy --root {layout.root}",
            )


def build_image(layout: Layout, say: Say) -> str:
    """Build the tiny image below a root unless it is there; raise `steps.Failed`."""
    path = catalogue.document_path(layout, catalogue.TINY)
    if path.exists():
        document = catalogue.decode(path.read_bytes())
        if all(catalogue.blob_path(layout, one.blob).exists() for one in document.images):
            return BUILT if document.program == tiny.program() else BUILT_BY_ANOTHER
    try:
        document = tiny.build(layout, say)
    except tiny.CannotBuild as error:
        raise steps.Failed(str(error), "put that right, and do the same again") from error
    return ", ".join(image.name for image in document.images)


def _reach(layout: Layout, summary: Summary) -> str:
    summary.access = client.read_access(layout, owners.read_settings(layout))
    summary.endpoint = summary.access.endpoint
    return summary.endpoint


def _ec2(summary: Summary, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    assert summary.access is not None
    return client.call(summary.access, "ec2", operation, parameters)


def _filter(**values: str) -> list[dict[str, Any]]:
    return [{"Name": name.replace("_", "-"), "Values": [text]} for name, text in values.items()]


def _find_image(summary: Summary) -> str | None:
    found = _ec2(summary, "DescribeImages", {"Filters": _filter(name=IMAGE)})["Images"]
    return found[0]["ImageId"] if found else None


def _wait_image(summary: Summary) -> str:
    failure = steps.Failed(
        f"the cloud did not register {IMAGE} within {IMAGE_READY_S_MAX:g} s", "mallee logs cloud"
    )
    steps.wait_until(lambda: _find_image(summary) is not None, IMAGE_READY_S_MAX, failure)
    return _find_image(summary) or ""


def _make_key(layout: Layout, summary: Summary) -> str:
    path = layout.key_of(NAME)
    known = _ec2(summary, "DescribeKeyPairs", {"Filters": _filter(key_name=NAME)})["KeyPairs"]
    if known and path.exists():
        return f"{path} is there"
    # One half alone is of no use: the private half is told once and kept by nobody else.
    _ec2(summary, "DeleteKeyPair", {"KeyName": NAME})
    made = _ec2(summary, "CreateKeyPair", {"KeyName": NAME, "KeyType": "ed25519"})
    files.write_atomically(path, made["KeyMaterial"].encode())
    return str(path)


def _make_group(summary: Summary) -> str:
    filters = _filter(group_name=NAME)
    known = _ec2(summary, "DescribeSecurityGroups", {"Filters": filters})["SecurityGroups"]
    if known:
        group_id = known[0]["GroupId"]
    else:
        asked = {"GroupName": NAME, "Description": "SSH from anywhere, made by faststart"}
        group_id = _ec2(summary, "CreateSecurityGroup", asked)["GroupId"]
    anywhere = [{"CidrIp": "0.0.0.0/0"}]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": anywhere}
    try:
        asked = {"GroupId": group_id, "IpPermissions": [ssh]}
        _ec2(summary, "AuthorizeSecurityGroupIngress", asked)
    except client.Refused as refused:
        if refused.code != "InvalidPermission.Duplicate":
            raise
    return group_id


def _find_instance(summary: Summary) -> dict[str, Any] | None:
    answer = _ec2(summary, "DescribeInstances", {"Filters": _filter(**{"tag:Name": NAME})})
    alive = ("pending", "running", "stopping", "stopped")
    instances = [one for group in answer["Reservations"] for one in group["Instances"]]
    return next((one for one in instances if one["State"]["Name"] in alive), None)


def _run_instance(summary: Summary) -> str:
    found = _find_instance(summary)
    if found is not None:
        summary.instance_id = found["InstanceId"]
        if found["State"]["Name"] in ("stopped", "stopping"):
            _ec2(summary, "StartInstances", {"InstanceIds": [summary.instance_id]})
        return f"{summary.instance_id} is there"
    asked = {
        "ImageId": _find_image(summary),
        "InstanceType": TYPE,
        "KeyName": NAME,
        "SecurityGroups": [NAME],
        "MinCount": 1,
        "MaxCount": 1,
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": NAME}]}
        ],
    }
    try:
        made = _ec2(summary, "RunInstances", asked)["Instances"][0]
    except client.Refused as refused:
        if refused.code != "InsufficientInstanceCapacity":
            raise
        cure = (
            "make room, or put the cloud on a larger disk: mallee destroy; ./faststart --root DIR"
        )
        raise steps.Failed(refused.message, cure) from refused
    summary.instance_id = made["InstanceId"]
    return summary.instance_id


def _wait_running(summary: Summary, say: Say) -> str:
    failure = steps.Failed(
        f"{summary.instance_id} did not run within {RUNNING_S_MAX:g} s", "mallee doctor"
    )

    def runs() -> bool:
        asked = {"InstanceIds": [summary.instance_id]}
        group = _ec2(summary, "DescribeInstances", asked)["Reservations"][0]
        found = group["Instances"][0]
        summary.address = found.get("PublicIpAddress", "")
        if found["State"]["Name"] in ("terminated", "shutting-down", "stopped"):
            reason = found.get("StateReason", {}).get("Message", "no reason was given")
            raise steps.Failed(f"{summary.instance_id} was given up: {reason}", "mallee doctor")
        return found["State"]["Name"] == "running" and bool(summary.address)

    steps.wait_until(runs, RUNNING_S_MAX, failure)
    return summary.address


def _wait_ssh(summary: Summary) -> str:
    failure = steps.Failed(
        f"{summary.address} did not answer SSH within {SSH_S_MAX:g} s",
        f"see how far it came: mallee console {summary.instance_id}",
    )
    steps.wait_until(lambda: not sshgreeting.silence(summary.address), SSH_S_MAX, failure)
    return f"{summary.address} answers"


def _learn_host_key(layout: Layout, summary: Summary) -> str:
    """Take the guest's key from its console, which nobody but the cloud can write."""
    key = ""

    def is_told() -> bool:
        nonlocal key
        asked = {"InstanceId": summary.instance_id, "Latest": True}
        output = _ec2(summary, "GetConsoleOutput", asked).get("Output", "")
        key = read_host_key(base64.b64decode(output).decode(errors="replace"))
        return bool(key)

    failure = steps.Failed(
        "the guest did not tell its host key on the console",
        f"mallee console --log {summary.instance_id}",
    )
    steps.wait_until(is_told, 30.0, failure)
    known = layout.known_hosts.read_text() if layout.known_hosts.exists() else ""
    text = with_host_key(known, (summary.address, summary.instance_id), key)
    files.write_atomically(layout.known_hosts, text.encode(), files.READABLE)
    return key.partition(" ")[0]


def with_host_key(known: str, names: tuple[str, ...], key: str) -> str:
    """Return the text of a file of known hosts in which these names have this key and no other."""
    others = (
        line for line in known.splitlines() if not {*names} & {*line.partition(" ")[0].split(",")}
    )
    return "\n".join([*others, f"{','.join(names)} {key}"]) + "\n"


def read_host_key(console: str) -> str:
    """Return the key that the tiny guest told on its console last; empty when it has not yet."""
    mark = "mallee-tiny: host key "
    told = [line.partition(mark)[2].strip() for line in console.splitlines() if mark in line]
    whole = [key for key in told if len(key.split()) >= 2]
    return " ".join(whole[-1].split()[:2]) if whole else ""
