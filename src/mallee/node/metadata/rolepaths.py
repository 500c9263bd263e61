"""What the metadata service tells of an instance's role: `iam/info`, `iam/security-credentials/`.

The documents are AWS's, to the member. `node.credentials` knows what an instance holds; `service`
puts these paths beside those that the cloud gave. Pure.
"""

import datetime
import json
from collections.abc import Mapping

from mallee.model.hosts.hosts import ProfileWanted, RoleCredentials

DIRECTORY = "meta-data/iam"


def paths(profile: ProfileWanted, held: RoleCredentials | None) -> dict[str, str]:
    """Return every path with its value.

    Without credentials yet there is no name of a role to ask by: clients then look again.
    """
    told = {f"{DIRECTORY}/info": _document(_info(profile, held))}
    if held is not None and profile.role_name:
        name = profile.role_name
        told[f"{DIRECTORY}/security-credentials/{name}"] = _document(_credentials(held))
    return told


def _info(profile: ProfileWanted, held: RoleCredentials | None) -> Mapping[str, str]:
    updated = {"LastUpdated": _time(held.issued_at)} if held else {}
    if not profile.is_there:
        words = f"The instance profile {profile.arn} cannot be found."
        return {"Code": "InstanceProfileNotFound", "Message": words, **updated}
    return {
        "Code": "Success",
        **updated,
        "InstanceProfileArn": profile.arn,
        "InstanceProfileId": profile.id,
    }


def _credentials(held: RoleCredentials) -> Mapping[str, str]:
    if held.code != "Success":
        return {"Code": held.code, "Message": held.message, "LastUpdated": _time(held.issued_at)}
    return {
        "Code": "Success",
        "LastUpdated": _time(held.issued_at),
        "Type": "AWS-HMAC",
        "AccessKeyId": held.access_key_id,
        "SecretAccessKey": held.secret_access_key,
        "Token": held.token,
        "Expiration": _time(held.expires_at),
    }


def _time(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _document(members: Mapping[str, str]) -> str:
    return json.dumps(members, indent=2, separators=(",", " : "))
