"""No secret leaves its place: after a cloud was used with all of them, every log, status file,
command line and environment is searched, and everything that a stranger on the machine can open.
"""

import base64
import json
import os
import pwd
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from mallee.box import client as api
from mallee.node.do.storage import disks
from tests.machines import identitysecrets, livefiles
from tests.machines.identitysecrets import Secrets, body_of
from tests.wholecloud import Cloud, wait_until

pytestmark = [pytest.mark.host, pytest.mark.machine]

NOBODY = 65534
USER_DATA = "#!/bin/sh\n# the-secret-in-the-user-data\n"


@pytest.fixture(scope="module")
def secrets(cloud: Cloud) -> Iterator[Secrets]:
    """A cloud that has used every kind of secret, rightly and wrongly, while a guest runs."""
    other = cloud.account("secretive")
    token = api.call(cloud.access, "mallee", "CreateJoinToken")["Token"]
    made = cloud.ec2.create_key_pair(KeyName="secretive", KeyType="ed25519")
    more = cloud.client("iam", other).create_access_key()["AccessKey"]["SecretAccessKey"]
    for wrong in (
        replace(other, secret_access_key=other.secret_access_key[::-1]),
        replace(other, access_key_id="AKIAAAAAAAAAAAAAAAAA"),
    ):
        with pytest.raises(ClientError):
            cloud.client("ec2", wrong).describe_instances()
    with pytest.raises(ClientError):
        cloud.run(UserData=USER_DATA, InstanceType="m1.unknown")
    identitysecrets.make_role(cloud.client("iam"), {"Service": "ec2.amazonaws.com"})
    profile = {"Name": identitysecrets.ROLE}
    instance = cloud.run(
        UserData=USER_DATA, IamInstanceProfile=profile, MetadataOptions={"HttpTokens": "optional"}
    )
    cloud.wait_state(instance, "running")
    of_guest = identitysecrets.of_guest(cloud, instance)
    identities = identitysecrets.Identity(cloud, other).use_all()
    api.call(cloud.access, "mallee", "RotateMasterKey")
    cloud.ec2.get_console_output(InstanceId=instance)
    layout = cloud.layout
    host = (layout.node_pki / "host.pem").read_text()
    yield {
        "the administrator's key": cloud.access.secret_access_key.encode(),
        "an account's key": other.secret_access_key.encode(),
        "a second key": more.encode(),
        "a join token": token.encode(),
        "a key pair's private half": body_of(made["KeyMaterial"]),
        "user data": b"the-secret-in-the-user-data",
        "user data, encoded": base64.b64encode(USER_DATA.encode()),
        **_master_keys(layout.master_key),
        "the trail's key": layout.trail_key.read_bytes().strip(),
        **of_guest,
        **identities,
        "the authority's key": body_of((layout.cloud_pki / "authority.pem").read_text()),
        "the server's key": body_of((layout.cloud_pki / "server.pem").read_text()),
        "the host's key": body_of(host),
        "the metadata service's key": (layout.node / "metadata.key").read_bytes(),
    }
    cloud.terminate(instance)
    cloud.ec2.delete_key_pair(KeyName="secretive")
    identitysecrets.remove_role(cloud.client("iam"))


def _master_keys(path: Path) -> Secrets:
    """The key that is new, and the one that waits for the last session under it."""
    wait_until(lambda: len(path.read_bytes().split()) > 1, 240.0, "the master key to be rotated")
    keys = path.read_bytes().split()
    return {f"master key {number}": key for number, key in enumerate(keys)}


def test_no_log_or_status_file_holds_a_secret(cloud: Cloud, secrets: Secrets) -> None:
    layout = cloud.layout
    places = (layout.log, layout.run, layout.libvirt, layout.trail)
    has_trail = False
    for path, text in (each for place in places for each in livefiles.contents(place)):
        has_trail = has_trail or bool(path.suffix == ".jsonl" and text)
        # libvirt's own, between it and QEMU alone: it encrypts secrets that no guest of ours has.
        if path.name != "master-key.aes":
            _search(str(path), text, secrets)
    assert has_trail


def test_no_process_is_given_a_secret_where_others_see_it(cloud: Cloud, secrets: Secrets) -> None:
    ours = str(cloud.layout.root).encode()
    looked_at = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes() if ours in command else b""
        except (FileNotFoundError, ProcessLookupError):
            continue
        if ours in command:
            looked_at += 1
            _search(f"the command {command[:200]!r}", command, secrets)
            _search(f"the environment of {command[:200]!r}", environment, secrets)
    assert looked_at >= 5


def test_what_is_explained_to_the_administrator_holds_no_secret(
    cloud: Cloud, secrets: Secrets
) -> None:
    found = cloud.ec2.describe_instances()["Reservations"]
    role = cloud.client("iam").get_role(RoleName=identitysecrets.ROLE)["Role"]["RoleId"]
    for resource in (found[-1]["Instances"][0]["InstanceId"], cloud.access.account_id, role):
        told = api.call(cloud.access, "mallee", "ExplainResource", {"ResourceId": resource})
        _search(resource, str(told).encode(), secrets)


def test_a_stranger_on_the_machine_reads_no_secret(cloud: Cloud, secrets: Secrets) -> None:
    for path, content in _as_nobody(lambda: _readable(cloud.layout.root)).items():
        _search(f"{path}, which everybody may read,", content.encode("latin-1"), secrets)


def test_a_stranger_on_the_machine_changes_nothing(cloud: Cloud, secrets: Secrets) -> None:
    assert _as_nobody(lambda: _writable(cloud.layout.root)) == {}


@pytest.mark.parametrize("group", [NOBODY, "kvm"])
def test_a_stranger_on_the_machine_speaks_to_no_guest_and_no_hypervisor(
    cloud: Cloud, secrets: Secrets, group: int | str
) -> None:
    # Looked for by root: a stranger may know the names, whatever he can list.
    sockets = _sockets(cloud.layout.root)
    for name in ("console.sock", "vnc.sock", "monitor.sock", "libvirt-sock"):
        assert any(path.endswith(name) for path in sockets), name
    assert _as_nobody(lambda: _connectable(sockets), group) == {}


def test_a_guests_qemu_owns_its_disk_and_its_sockets_and_nothing_that_others_use(
    cloud: Cloud, secrets: Secrets
) -> None:
    node = cloud.layout.node
    qemu = pwd.getpwnam(disks.QEMU_USER).pw_uid
    seen = {path.relative_to(node): _look(path) for path in livefiles.paths(node)}
    owned = {path for path, look in seen.items() if look is not None and look.st_uid == qemu}
    layers = {path for path in owned if path.parts[0] == "volumes"}
    assert {path.suffix for path in layers} <= {".qcow2", ".raw"}
    assert {path.name for path in owned - layers} == {"blocks.sock", "qemu", "vnc.sock"}
    assert {path.parts[0] for path in owned - layers} == {"blocks.sock", "instances"}


def _search(where: str, text: bytes, secrets: Secrets) -> None:
    for name, secret in secrets.items():
        assert len(secret) >= 16, name
        assert secret not in text, f"{where} holds {name}"


def _as_nobody(look: Callable[[], dict[str, str]], group: int | str = NOBODY) -> dict[str, str]:
    """Return what `look` finds as a user without rights."""
    came, went = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            gid = group if isinstance(group, int) else _gid(group)
            os.setresgid(gid, gid, gid)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.close(came)
            with os.fdopen(went, "w") as told:
                json.dump(look(), told)
        finally:
            os._exit(0)
    os.close(went)
    with os.fdopen(came) as heard:
        text = heard.read()
    os.waitpid(child, 0)
    assert text, "the look as nobody broke"
    return json.loads(text)


def _gid(group: str) -> int:
    line = subprocess.run(["getent", "group", group], capture_output=True, text=True, check=True)
    return int(line.stdout.split(":")[2])


def _look(path: Path) -> os.stat_result | None:
    """What a name leads to, if it does."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _readable(root: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in livefiles.paths(root):
        # Who has no rights is not always told whether there is something.
        with suppress(FileNotFoundError, PermissionError):
            if path.is_file() and path.stat().st_size < 1 << 24 and os.access(path, os.R_OK):
                found[str(path)] = path.read_bytes().decode("latin-1")
    assert found, "some files are for everybody"
    return found


def _writable(root: Path) -> dict[str, str]:
    return {
        str(path): "writable"
        for path in livefiles.paths(root)
        if not path.is_symlink() and os.access(path, os.W_OK)
    }


def _sockets(root: Path) -> list[str]:
    seen = {path: _look(path) for path in livefiles.paths(root)}
    return [str(path) for path, look in seen.items() if look and stat.S_ISSOCK(look.st_mode)]


def _connectable(paths: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in paths:
        with socket.socket(socket.AF_UNIX) as link:
            try:
                link.connect(path)
            except OSError:
                continue
            found[path] = "connected"
    return found
