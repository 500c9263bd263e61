"""Sharing pools of address management: which accounts may take ranges of which pool.

What AWS has a service for (RAM) is one action here, by which an administrator of the cloud hands
pools of the cloud's own account to departments. It sets the whole list: said twice is said once.
Called through the action table. What an account has of a pool stays its own when the pool is no
longer shared with it.
"""

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.admin import rows
from mallee.cloud.admin.people import accounts
from mallee.cloud.call import Request, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records
from mallee.model.network.ipam import EVERYBODY


def share_pool(call: WriteCall, request: Request) -> Result:
    """Let these accounts use a pool, and no others; its owner always may."""
    try:
        pool = resources.one(call, records.IPAM_POOL, request["PoolId"])
    except (errors.InvalidIpamPoolIdMalformed, errors.InvalidIpamPoolIdNotFound) as error:
        raise errors.NoSuchResource("IPAM pool", request["PoolId"]) from error
    names: list[str] = request.get("AccountNames") or []
    if request.get("WithAll"):
        if names:
            raise errors.InvalidInput("A pool is shared with all accounts or with some.")
        shared: tuple[str, ...] = (EVERYBODY,)
    else:
        found = {accounts.named(call, name).id for name in names}
        shared = tuple(sorted(found - {pool.account}))
    call.tx.write(pool, replace(pool.doc, accounts=shared))
    return {"PoolId": pool.id, "AccountIds": list(shared)}


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators(
        "ShareIpamPool", Write(handle=share_pool), "PoolId", "AccountNames", "WithAll"
    ),
)
