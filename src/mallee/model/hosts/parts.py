"""An answer to an agent of which parts were left out, and how it becomes whole again.

A host may carry fifty instances of as many VPCs; when one of them changes, that one is told. Called
by agents (`node/cloud`) before anything of an answer is looked at. Which parts are left out is the
cloud's business (`cloud/hosts/slices/slices`). Pure.
"""

import msgspec

from mallee.model.hosts.hosts import HostWanted, SyncAnswer, VpcWanted
from mallee.model.network.carried import FarWanted


class PartsMissing(Exception):
    """An answer leaves out what the agent does not have."""


def join_parts(answer: SyncAnswer, known: HostWanted | None) -> SyncAnswer:
    """Return the answer with all that belongs to it, given what was wanted before.

    Raises `PartsMissing`.
    """
    wanted, kept = answer.wanted, answer.kept
    if wanted is None or kept is None:
        return answer
    vpcs = {vpc.id: vpc for vpc in known.vpcs} if known else {}
    instances = {instance.id: instance for instance in known.instances} if known else {}
    try:
        changed = (_with_far(vpc, vpcs, kept.far.get(vpc.id, ())) for vpc in wanted.vpcs)
        all_vpcs = (*changed, *(vpcs[id] for id in kept.vpc_ids))
        all_instances = (*wanted.instances, *(instances[id] for id in kept.instance_ids))
    except KeyError as error:
        raise PartsMissing(f"{error.args[0]} is left out, and not known here") from error
    whole = msgspec.structs.replace(
        wanted,
        vpcs=tuple(sorted(all_vpcs, key=lambda vpc: vpc.id)),
        instances=tuple(sorted(all_instances, key=lambda instance: instance.id)),
    )
    return msgspec.structs.replace(answer, wanted=whole, kept=None)


def _with_far(vpc: VpcWanted, known: dict[str, VpcWanted], host_ids: tuple[str, ...]) -> VpcWanted:
    """Return a VPC with what is left out of other hosts' parts of it."""
    if not host_ids:
        return vpc
    before: dict[str, FarWanted] = {far.host_id: far for far in known[vpc.id].far}
    whole = (*vpc.far, *(before[id] for id in host_ids))
    return msgspec.structs.replace(vpc, far=tuple(sorted(whole, key=lambda far: far.host_id)))
