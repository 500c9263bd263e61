"""Keys that services make for an account when it first needs one: `alias/aws/s3`, `alias/aws/ebs`.

Whoever in the account may use the service uses its key, through the service alone; nobody changes
it. It is rotated every year. Called by services, in a transaction. Not its business: how services
use keys (`uses`).
"""

import json
from dataclasses import dataclass

from mallee.cloud.kms import materials, naming, specs
from mallee.cloud.kms.naming import KeyRecord
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import OF_SERVICES, ROTATION_DAYS, Alias, Key, Manager, Usage

_USES = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]


@dataclass(frozen=True, slots=True)
class _Own:
    """What a service's key is told of as."""

    name: str
    via: str
    """The service through which it is used."""
    description: str
    uses: tuple[str, ...] = ()
    """What it is used for besides."""


_OWN = {
    "s3": _Own(
        "S3",
        "s3",
        "Default key that protects my S3 objects when no other key is defined",
    ),
    "ebs": _Own(
        "EBS",
        "ec2",
        "Default key that protects my EBS volumes when no other key is defined",
        ("kms:CreateGrant",),
    ),
}
SERVICES = tuple(_OWN)
"""The services of this cloud that have keys of their own."""


def alias_of(service: str) -> str:
    """Return the name that a service's key has in every account."""
    return f"{OF_SERVICES}{service}"


def ensure(
    tx: store.Tx, box: secretbox.SecretBox, account: str, through: tuple[str, str]
) -> KeyRecord:
    """Return the key of an account for a service of a region, made now if it is the first time."""
    service, region = through
    name = alias_of(service)
    alias = tx.get(records.KEY_ALIAS, naming.alias_id(account, name))
    found = tx.get(records.KEY, alias.doc.key_id) if alias else None
    if found is not None:
        return found
    key_id = materials.new_key_id()
    material, _ = materials.make(box, key_id, specs.SYMMETRIC, tx.now)
    key = Key(
        id=key_id,
        created_at=tx.now,
        spec=specs.SYMMETRIC,
        usage=Usage.ENCRYPT_DECRYPT,
        policy=_policy(account, service, region),
        materials=(material,),
        description=_OWN[service].description,
        manager=Manager.AWS,
        rotation_days=ROTATION_DAYS,
        rotation_from=tx.now,
    )
    doc = Alias(name=name, key_id=key_id, created_at=tx.now, updated_at=tx.now)
    tx.insert(records.KEY_ALIAS, account, naming.alias_id(account, name), doc)
    return tx.insert(records.KEY, account, key_id, key)


def _policy(account: str, service: str, region: str) -> str:
    own = _OWN[service]
    through = {
        "kms:ViaService": f"{own.via}.{region}.amazonaws.com",
        "kms:CallerAccount": account,
    }
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Id": f"auto-{service}-2",
            "Statement": [
                {
                    "Sid": f"Allow access through {own.name} for all principals in the account "
                    f"that are authorized to use {own.name}",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": [*_USES, *own.uses],
                    "Resource": "*",
                    "Condition": {"StringEquals": through},
                },
                {
                    "Sid": "Allow direct access to key metadata to the account",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
                    "Resource": "*",
                },
            ],
        }
    )
