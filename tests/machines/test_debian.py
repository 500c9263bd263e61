"""A Debian guest with cloud-init takes the cloud for EC2: its user data, key, name, and agent.

One boot for all of it, a minute or two under emulation. It needs an image that is built by hand
(`python -m tests.debianimages`); without one these tests are skipped.
"""

import gzip
import json
import subprocess
import time
from collections.abc import Iterator
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from tests import debianimages, wholecloud
from tests.clients import programs
from tests.machines.test_agents import ask
from tests.wholecloud import Cloud

pytestmark = [
    pytest.mark.machine,
    pytest.mark.skipif(
        not debianimages.is_built(), reason="no Debian image: python -m tests.debianimages"
    ),
]

UP_S = 600.0
SOON_S = 120.0

KEYS_COMMAND = r"""#!/bin/sh
# What ec2-instance-connect does: keys of the metadata, as far as their signatures hold.
set -e
imds=http://169.254.169.254/latest
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token)
get() { curl -sf -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/$1"; }
[ "$(cat /sys/devices/virtual/dmi/id/board_asset_tag)" = "$(get instance-id)" ]
work=$(mktemp -d)
trap 'rm -rf $work' EXIT
cd "$work"
get managed-ssh-keys/signer-cert | csplit -sz -f cert - '/-BEGIN/' '{*}'
openssl verify -x509_strict -CAfile cert01 cert00 >/dev/null
get managed-ssh-keys/signer-ocsp/ | while read -r name; do
	get "managed-ssh-keys/signer-ocsp/$name" | base64 -d >staple
	openssl ocsp -no_nonce -issuer cert01 -cert cert00 -VAfile cert01 -respin staple 2>/dev/null |
		grep -q '^cert00: good'
done
openssl x509 -in cert00 -pubkey -noout >public
get "managed-ssh-keys/active-keys/$1" | csplit -sz -f block - '/^#Timestamp/' '{*}'
for block in block*; do
	sed -n '1,/^ssh/p' "$block" >said
	sed '1,/^ssh/d' "$block" | base64 -d >signature
	openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 \
		-verify public -signature signature said >/dev/null
	[ "$(sed -n 's/#Timestamp=//p' said)" -gt "$(date +%s)" ]
	grep '^ssh' said
done
"""

CONFIG = {
    "locale": False,
    "write_files": [
        {"path": "/usr/local/sbin/keys", "permissions": "0755", "content": KEYS_COMMAND},
        {
            "path": "/etc/ssh/sshd_config.d/keys.conf",
            "content": "AuthorizedKeysCommand /usr/local/sbin/keys %u\n"
            "AuthorizedKeysCommandUser root\n",
        },
    ],
    "runcmd": [["sh", "-c", "echo told by cloud-config >/srv/config"]],
}
SCRIPT = "#!/bin/sh\necho told by a script >/srv/script\necho debian: up >/dev/console\n"


def user_data() -> bytes:
    """A document of several parts, packed: configuration and a script."""
    whole = MIMEMultipart()
    whole.attach(MIMEText("#cloud-config\n" + json.dumps(CONFIG), "cloud-config"))
    whole.attach(MIMEText(SCRIPT, "x-shellscript"))
    return gzip.compress(whole.as_bytes())


@pytest.fixture(scope="module")
def guest(cloud: Cloud) -> Iterator[str]:
    debianimages.offer(cloud.layout)
    named = [{"Name": "name", "Values": [debianimages.NAME]}]

    def images() -> list[dict[str, str]]:
        return cloud.ec2.describe_images(Filters=named)["Images"]

    wholecloud.wait_until(lambda: bool(images()), SOON_S, "the image to be registered")
    instance = cloud.run(
        ImageId=images()[0]["ImageId"],
        InstanceType="t3.small",
        UserData=user_data(),
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "d"}]}],
    )
    began = time.monotonic()
    try:
        cloud.wait_console(instance, "debian: up", UP_S)
        print(f"up after {time.monotonic() - began:.0f} s")
        yield instance
    finally:
        cloud.terminate(instance)


def log_in(cloud: Cloud, instance: str, key: Path, command: str) -> programs.Said:
    options = ("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes")
    nobody = ("-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-i", key)
    address = cloud.instance(instance)["PublicIpAddress"]
    return programs.run(cloud, "ssh", *options, *nobody, f"debian@{address}", command)


def test_cloud_init_does_what_it_was_told(cloud: Cloud, guest: str) -> None:
    key = cloud.key_pair("tests")
    said = log_in(cloud, guest, key, "cat /srv/config /srv/script; hostname; cloud-id")
    shown = cloud.instance(guest)["PrivateDnsName"].partition(".")[0]
    assert said.out.splitlines() == ["told by cloud-config", "told by a script", shown, "aws"]
    status = log_in(cloud, guest, key, "cloud-init status --wait --format json").out
    assert json.loads(status)["errors"] == []


def test_debians_agent_answers(cloud: Cloud, guest: str) -> None:
    wholecloud.wait_until(lambda: ask(cloud, guest, "guest-ping") == {}, SOON_S, "its agent")
    frozen = ask(cloud, guest, "guest-fsfreeze-freeze")
    assert ask(cloud, guest, "guest-fsfreeze-thaw") == frozen
    assert isinstance(frozen, int)
    assert frozen >= 1


def test_a_pushed_key_is_believed_for_its_signature(
    cloud: Cloud, guest: str, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    assert log_in(cloud, guest, key, "true").status == 255
    cloud.client("ec2-instance-connect").send_ssh_public_key(
        InstanceId=guest,
        InstanceOSUser="debian",
        SSHPublicKey=key.with_suffix(".pub").read_text(),
    )
    assert log_in(cloud, guest, key, "id -un").out == "debian"


def test_it_powers_off_in_order(cloud: Cloud, guest: str) -> None:
    cloud.ec2.stop_instances(InstanceIds=[guest])
    cloud.wait_state(guest, "stopped", SOON_S)
    assert cloud.instance(guest)["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
