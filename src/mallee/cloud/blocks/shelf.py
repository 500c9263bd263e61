"""The bucket of blocks, and the role by which hosts come to it: the cloud's own, seen by nobody.

Both belong to the *system account* (`accounts.SYSTEM`), which has no record, no users and no keys:
it is in no list, and nobody's policies reach into it. Made at each start of the cloud where they
are missing. Not its business: who may have a pass (`hosts.passes`).
"""

import json

from mallee.cloud.accounts import Entropy
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.identity.accounts import SYSTEM
from mallee.model.identity.identities import Role
from mallee.model.storage import passes
from mallee.model.storage.buckets import Bucket

NUMBER = 1
"""The bucket's in the engine: others' are numbers of sixty bits, drawn by lot."""
ROLE_ID = "AROAMALLEEBLOCKS00000"
"""Of the hosts: what one of them may is in its session."""
_TRUSTS_NOBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"},
    }
)
_RIGHTS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"arn:aws:s3:::{passes.BUCKET}/*",
        },
    }
)


def ensure(tx: store.Tx, box: secretbox.SecretBox, entropy: Entropy) -> None:
    """See that both are there, and that the role may what it needs."""
    role = Role(
        id=ROLE_ID,
        name="blocks",
        created_at=tx.now,
        trust=_TRUSTS_NOBODY,
        inline={"blocks": _RIGHTS},
    )
    there = tx.get(records.ROLE, ROLE_ID)
    if there is None:
        tx.insert(records.ROLE, SYSTEM.id, ROLE_ID, role)
    elif there.doc.inline != role.inline or there.doc.trust != role.trust:
        tx.write(there, role)
    if tx.get(records.BUCKET, passes.BUCKET) is None:
        bucket = Bucket(
            name=passes.BUCKET,
            number=NUMBER,
            created_at=tx.now,
            sealed_key=box.seal(entropy(secretbox.KEY_BYTES)),
            made_by=ROLE_ID,
        )
        tx.insert(records.BUCKET, SYSTEM.id, passes.BUCKET, bucket)


def rights_in(account: str, *, is_writer: bool) -> str:
    """Return what a session may: get blocks of an account, and put such as are not there."""
    where = f"arn:aws:s3:::{passes.BUCKET}/{account}/*"
    may: list[object] = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": where}]
    if is_writer:
        condition = {"StringEquals": {"s3:if-none-match": "*"}}
        may.append(
            {
                "Effect": "Allow",
                "Action": "s3:PutObject",
                "Resource": where,
                "Condition": condition,
            }
        )
    return json.dumps({"Version": "2012-10-17", "Statement": may})
