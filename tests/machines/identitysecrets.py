"""Every secret of identities, used rightly and wrongly: for the search whether one gets about."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mallee.box import client as api
from mallee.kit import pki
from tests.wholecloud import Cloud

USER = "keeper"
PASSWORD = "the 1st Secret of a keeper"
NEXT_PASSWORD = "the 2nd Secret of a keeper"
WRONG_PASSWORD = "no Secret of a keeper, 3"
INVITED_PASSWORD = "the 4th Secret, of a guest"
FORGED_JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJlLW9mLW5vYm9keQ"
ROLE = "secretive"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}

Secrets = dict[str, bytes]


@dataclass(frozen=True)
class Identity:
    """An account in which everything secret is made."""

    cloud: Cloud
    access: api.Access

    @property
    def iam(self) -> Any:
        """IAM as the account's administrator."""
        return self.cloud.client("iam", self.access)

    @property
    def sts(self) -> Any:
        """STS as the same."""
        return self.cloud.client("sts", self.access)

    def use_all(self) -> Secrets:
        """Make and use everything that is secret; return it."""
        return {**self.sessions(), **self.passwords(), **self.devices(), **self.more()}

    def sessions(self) -> Secrets:
        """Temporary credentials of each sort, used, and used spoilt."""
        found: Secrets = {}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})
        principal = {"AWS": f"arn:aws:iam::{self.access.account_id}:root"}
        arn = make_role(self.iam, principal)
        for name, given in (
            ("a user's session", self.sts.get_session_token()),
            ("a federated user's", self.sts.get_federation_token(Name="fed", Policy=policy)),
            ("a role's", self.sts.assume_role(RoleArn=arn, RoleSessionName="night")),
        ):
            key = given["Credentials"]
            found[f"{name} secret"] = key["SecretAccessKey"].encode()
            found[f"{name} token"] = key["SessionToken"].encode()
            self.as_(key).get_caller_identity()
            for spoilt in (
                {**key, "SessionToken": key["SessionToken"][:-8] + "AAAAAAAA"},
                {**key, "SecretAccessKey": key["SecretAccessKey"][::-1]},
            ):
                with pytest.raises(ClientError):
                    self.as_(spoilt).get_caller_identity()
            self.cloud.client("ec2", self.access).describe_instances()
        with pytest.raises(ClientError):
            self.sts.assume_role_with_web_identity(
                RoleArn=arn, RoleSessionName="web", WebIdentityToken=FORGED_JWT
            )
        found["a token of a provider"] = FORGED_JWT.encode()
        return found

    def as_(self, key: dict[str, Any]) -> Any:
        """STS as whoever has temporary credentials."""
        return boto3.client(
            "sts",
            region_name=self.access.region,
            endpoint_url=self.access.endpoint,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key["SessionToken"],
            config=Config(retries={"max_attempts": 1}),
        )

    def passwords(self) -> Secrets:
        """A password, signed in with, guessed at, and changed."""
        self.iam.create_user(UserName=USER)
        self.iam.create_login_profile(UserName=USER, Password=PASSWORD)
        given = self.sign_in(PASSWORD)
        self.iam.update_login_profile(UserName=USER, Password=NEXT_PASSWORD)
        with pytest.raises(api.Refused):
            self.sign_in(WRONG_PASSWORD)
        with suppress(ClientError):
            self.iam.update_login_profile(UserName=USER, Password=NEXT_PASSWORD[:3])
        return {
            "a password": PASSWORD.encode(),
            "the password after it": NEXT_PASSWORD.encode(),
            "a wrong password": WRONG_PASSWORD.encode(),
            "a sign-in's secret": given["SecretAccessKey"].encode(),
            "a sign-in's token": given["SessionToken"].encode(),
        }

    def sign_in(self, password: str) -> dict[str, Any]:
        """Temporary credentials for a password."""
        stranger = api.stranger(self.access.endpoint, self.access.region)
        asked = {"AccountName": self.access.account_id, "UserName": USER, "Password": password}
        return api.call(stranger, "mallee", "SignIn", asked)["Credentials"]

    def devices(self) -> Secrets:
        """The seed of a device."""
        made = self.iam.create_virtual_mfa_device(VirtualMFADeviceName=USER)["VirtualMFADevice"]
        with pytest.raises(ClientError):
            self.iam.enable_mfa_device(
                UserName=USER,
                SerialNumber=made["SerialNumber"],
                AuthenticationCode1="000000",
                AuthenticationCode2="111111",
            )
        return {"a device's seed": made["Base32StringSeed"]}

    def more(self) -> Secrets:
        """A certificate's key, a key to take away, invitations."""
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        authority = pki.create_authority("a server", 1_700_000_000.0)
        for pem in (key, authority.key_pem):
            with suppress(ClientError):
                self.iam.upload_server_certificate(
                    ServerCertificateName="web",
                    CertificateBody=authority.certificate_pem.decode(),
                    PrivateKey=pem.decode(),
                )
        assert self.iam.list_server_certificates()["ServerCertificateMetadataList"]
        asked = {"UserName": USER, "Endpoint": self.access.endpoint}
        taken = api.call(self.access, "mallee", "CreateCredentials", asked)["AccessKey"]
        return {
            "a server's key": body_of(authority.key_pem),
            "a server's wrong key": body_of(key),
            "a key to take away": taken["SecretAccessKey"].encode(),
            **self.invitations(),
        }

    def invitations(self) -> Secrets:
        """Tokens of invitations, one of them used."""
        invited = {"AccountName": "invited", "Email": "guest@example.org"}
        tokens = [
            api.call(self.cloud.access, "mallee", "InviteAccount", {**invited, **other})["Token"]
            for other in ({}, {"AccountName": "uninvited"})
        ]
        stranger = api.stranger(self.access.endpoint, self.access.region)
        used = {"Token": tokens[0], "Password": INVITED_PASSWORD}
        made = api.call(stranger, "mallee", "AcceptInvitation", used)["AccessKey"]
        with pytest.raises(api.Refused):
            api.call(stranger, "mallee", "AcceptInvitation", used)
        return {
            "a used invitation": tokens[0].encode(),
            "an invitation": tokens[1].encode(),
            "an invited person's password": INVITED_PASSWORD.encode(),
            "an invited person's key": made["SecretAccessKey"].encode(),
        }


def make_role(iam: Any, principal: dict[str, str]) -> str:
    """Make a role that trusts somebody, in a profile of its name; return its ARN."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)
    iam.create_instance_profile(InstanceProfileName=ROLE)
    iam.add_role_to_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    return made["Role"]["Arn"]


def remove_role(iam: Any) -> None:
    """Undo `make_role`."""
    iam.remove_role_from_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    iam.delete_instance_profile(InstanceProfileName=ROLE)
    iam.delete_role(RoleName=ROLE)


def of_guest(cloud: Cloud, instance: str) -> Secrets:
    """What the metadata service tells a guest of its role."""
    where = f"http://169.254.169.254/latest/meta-data/iam/security-credentials/{ROLE}"
    # The host may have to ask for them first.
    told = json.loads(cloud.ssh(instance, f"until wget -qO- {where}; do sleep 0.2; done"))
    return {
        "a guest's secret": told["SecretAccessKey"].encode(),
        "a guest's token": told["Token"].encode(),
    }


def body_of(pem: bytes | str) -> bytes:
    """The middle of the private key in a PEM text: the line that is like no other's."""
    text = pem.decode() if isinstance(pem, bytes) else pem
    key = text.partition("PRIVATE KEY-----")[2].partition("-----END")[0].split()
    return key[len(key) // 2].encode()
