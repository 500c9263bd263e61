"""`eucarc` by a client of its days: boto 2, which euca2ools and many scripts were built on."""

from pathlib import Path

import pytest

from tests.clients.identity.conftest import Person

PYTHON = Path("/usr/bin/python3")
"""Debian's, which has boto 2."""

HEAD = """
import os
from urllib.parse import urlsplit

import boto
from boto.ec2.regioninfo import RegionInfo
from boto.sts import STSConnection

def where(variable):
    url = urlsplit(os.environ[variable])
    return {"port": url.port, "path": url.path}, url.hostname
"""

PROGRAMS = {
    "ec2": """
more, host = where("EC2_URL")
ec2 = boto.connect_euca(host=host, **more)
assert [group.name for group in ec2.get_all_security_groups()] == ["default"]
assert ec2.get_all_reservations() == []
key = ec2.create_key_pair("old")
assert "PRIVATE KEY" in key.material
assert ec2.delete_key_pair("old")
""",
    "euare": """
more, host = where("EUARE_URL")
iam = boto.connect_iam(host=host, is_secure=False, **more)
iam.create_user("ed", path="/old/")
names = [user.user_name for user in iam.get_all_users().list_users_result.users]
assert "ed" in names, names
policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
iam.put_user_policy("ed", "own", policy)
assert iam.get_all_user_policies("ed").list_user_policies_result.policy_names == ["own"]
iam.delete_user_policy("ed", "own")
iam.delete_user("ed")
""",
    "tokens": """
more, host = where("TOKEN_URL")
region = RegionInfo(name="mallee", endpoint=host)
sts = STSConnection(region=region, is_secure=False, **more)
token = sts.get_session_token(duration=900)
assert token.access_key.startswith("ASIA")
more, host = where("EC2_URL")
ec2 = boto.connect_euca(
    host=host, aws_access_key_id=token.access_key, aws_secret_access_key=token.secret_key,
    security_token=token.session_token, **more
)
assert [group.name for group in ec2.get_all_security_groups()] == ["default"]
""",
}


pytestmark = pytest.mark.skipif(
    not Path("/usr/lib/python3/dist-packages/boto").exists(), reason="needs python3-boto"
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_boto_2_speaks_to_each_old_path(administrator: Person, name: str) -> None:
    script = 'cd mallee; . ./eucarc; cd ..; exec "$0" -c "$1"'
    said = administrator.run("bash", "-ec", script, PYTHON, HEAD + PROGRAMS[name])
    assert said.status == 0, said.err
