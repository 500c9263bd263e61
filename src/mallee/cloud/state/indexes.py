"""Under what the store finds records besides their ids, and in what order it lists them.

An index gives, for the document of a kind, the values under which it is found. `index.py` keeps
them in memory; `View.by` and `Tx.by` ask by them. Nothing here is stored: an index that is added
holds for what was there before it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mallee.model.hosts.standing import Standing

BINNED = "binned"
"""Under this value of its index is all of a kind that is in the recycle bin."""

IndexValues = Callable[[Any], Iterable[str | None]]
"""Gives the values under which a document is found; None is no value."""

INDEXES: Mapping[str, Mapping[str, IndexValues]] = {
    "account": {"name": lambda doc: (doc.name,)},
    "access-key": {"user": lambda doc: (doc.user_id,)},
    "user": {
        "group": lambda doc: doc.group_ids,
        "policy": lambda doc: doc.attached,
        "boundary": lambda doc: (doc.boundary,),
    },
    "group": {"policy": lambda doc: doc.attached},
    "role": {
        "policy": lambda doc: doc.attached,
        "boundary": lambda doc: (doc.boundary,),
    },
    "policy": {"arn": lambda doc: (doc.arn,)},
    "instance-profile": {"role": lambda doc: (doc.role_id,)},
    "mfa": {"user": lambda doc: (doc.user_id,)},
    "signing-certificate": {"user": lambda doc: (doc.user_id,)},
    "ssh-public-key": {"user": lambda doc: (doc.user_id,)},
    "registration": {
        "token": lambda doc: (doc.token_hash,),
        "email": lambda doc: (doc.email,),
        "user": lambda doc: (doc.user_id,),
    },
    "host": {
        "name": lambda doc: (doc.name,),
        # Nothing is looked for on a host that is no part of the cloud any more.
        "zone": lambda doc: (None if doc.standing is Standing.RETIRED else doc.zone,),
        "certificate": lambda doc: (doc.certificate_serial, doc.former_serial or None),
    },
    "host-event": {"host": lambda doc: (doc.host_id,)},
    "image": {
        "name": lambda doc: (doc.name,),
        "blob": lambda doc: (doc.blob.sha256 if doc.blob else None,),
        "snapshot": lambda doc: tuple({it.snapshot_id or None for it in doc.mappings}),
        "unseen": lambda doc: (None if doc.is_seen else "yes",),
        "binned": lambda doc: (BINNED if doc.binned else None,),
    },
    "instance": {
        "host": lambda doc: (doc.host_id,),
        "coming": lambda doc: (doc.migration.to_host_id if doc.migration else None,),
        "migrating": lambda doc: ("yes" if doc.migration else None,),
        "vpc": lambda doc: (doc.vpc_id,),
        "subnet": lambda doc: (doc.subnet_id,),
        "image": lambda doc: (doc.image_id,),
        "reservation": lambda doc: (doc.reservation_id,),
        "profile-association": lambda doc: (doc.profile.id if doc.profile else None,),
        "placement-group": lambda doc: (doc.placement_group_id or None,),
        "capacity-reservation": lambda doc: (doc.capacity_reservation_id or None,),
        "dedicated-host": lambda doc: (doc.dedicated_host_id or None,),
    },
    "capacity-reservation": {
        "host": lambda doc: {hold.host_id for hold in doc.holds},
        "placement-group": lambda doc: (doc.placement_group_id or None,),
        "fleet": lambda doc: (doc.fleet_id or None,),
    },
    "dedicated-host": {"host": lambda doc: (doc.host_id,)},
    "instance-event": {"instance": lambda doc: (doc.instance_id,)},
    "instance-event-window": {"instance": lambda doc: doc.instance_ids},
    "key-pair": {"name": lambda doc: (doc.name,)},
    "placement-group": {"name": lambda doc: (doc.name,)},
    "launch-template": {"name": lambda doc: (doc.name,)},
    "launch-template-version": {"template": lambda doc: (doc.template_id,)},
    "alias": {"key": lambda doc: (doc.key_id,)},
    "grant": {
        "key": lambda doc: (doc.key_id,),
        "grantee": lambda doc: (f"{doc.key_id} {doc.grantee}",),
        "retiring": lambda doc: (doc.retiring or None,),
    },
    "vpc": {
        "dhcp-options": lambda doc: (doc.dhcp_options_id or None,),
        "association": lambda doc: {
            doc.main_association_id or None,
            f"vpc-cidr-assoc-{doc.id.removeprefix('vpc-')}",
            *(block.id for block in (*doc.more_cidrs, *doc.ipv6_cidrs)),
        },
    },
    "subnet": {
        "vpc": lambda doc: (doc.vpc_id,),
        "zone": lambda doc: (doc.zone,),
        "route-table": lambda doc: (doc.route_table_id,),
        "acl": lambda doc: (doc.acl_id or None,),
        "association": lambda doc: {
            doc.route_association_id,
            doc.acl_association_id or None,
            *(block.id for block in doc.ipv6_cidrs),
        },
        "reservation": lambda doc: {it.id for it in doc.reservations},
    },
    "network-interface": {
        "instance": lambda doc: (doc.instance_id,),
        "vpc": lambda doc: (doc.vpc_id,),
        "subnet": lambda doc: (doc.subnet_id,),
        "group": lambda doc: doc.group_ids,
        "public-ip": lambda doc: (doc.public_ip,),
        "attachment": lambda doc: (doc.attachment_id or None,),
        "permission": lambda doc: {one.id for one in doc.permissions},
    },
    "elastic-ip": {
        "interface": lambda doc: (doc.interface_id,),
        "instance": lambda doc: (doc.instance_id,),
        "public-ip": lambda doc: (doc.public_ip,),
        "association": lambda doc: (doc.association_id,),
        "pool": lambda doc: (doc.pool_id or None,),
    },
    "security-group": {
        "vpc": lambda doc: (doc.vpc_id,),
        "name": lambda doc: (doc.name,),
        "associated-vpc": lambda doc: doc.more_vpc_ids,
        "source-group": lambda doc: {rule.group_id for rule in doc.rules},
        "prefix-list": lambda doc: {rule.prefix_list_id for rule in doc.rules},
    },
    "route-table": {
        "vpc": lambda doc: (doc.vpc_id,),
        "target": lambda doc: {route.target_id for route in doc.routes},
        "prefix-list": lambda doc: {route.prefix_list_id for route in doc.routes},
    },
    "internet-gateway": {
        "vpc": lambda doc: (doc.vpc_id,),
        "route-table": lambda doc: (doc.route_table_id,),
        "association": lambda doc: (doc.route_association_id,),
    },
    "egress-only-internet-gateway": {"vpc": lambda doc: (doc.vpc_id,)},
    "natgateway": {"vpc": lambda doc: (doc.vpc_id,), "subnet": lambda doc: (doc.subnet_id,)},
    "instance-connect-endpoint": {
        "vpc": lambda doc: (doc.vpc_id,),
        "subnet": lambda doc: (doc.subnet_id,),
    },
    "network-acl": {"vpc": lambda doc: (doc.vpc_id,)},
    "transit-gateway-attachment": {
        "account": lambda doc: {doc.account, doc.other_account},
        "gateway": lambda doc: {doc.gateway_id, doc.peer.gateway_id if doc.peer else None},
        "vpc": lambda doc: (doc.vpc.vpc_id if doc.vpc else None,),
        "table": lambda doc: {
            doc.table_id or None,
            (doc.peer.table_id or None) if doc.peer else None,
            *doc.propagated_to,
        },
    },
    "transit-gateway-route-table": {
        "gateway": lambda doc: (doc.gateway_id,),
        "attachment": lambda doc: {route.attachment_id or None for route in doc.routes},
        "prefix-list": lambda doc: {route.prefix_list_id or None for route in doc.routes},
    },
    "vpc-peering-connection": {
        "account": lambda doc: {doc.requester.account, doc.accepter.account},
        "vpc": lambda doc: {doc.requester.vpc_id, doc.accepter.vpc_id},
    },
    "ipam-scope": {"ipam": lambda doc: (doc.ipam_id,)},
    "ipam-pool": {
        "ipam": lambda doc: (doc.ipam_id,),
        "scope": lambda doc: (doc.scope_id,),
        "source": lambda doc: (doc.source_id or None,),
        "vpc": lambda doc: (doc.vpc_id or None,),
        "account": lambda doc: doc.accounts,
    },
    "ipam-pool-allocation": {
        "pool": lambda doc: (doc.pool_id,),
        "resource": lambda doc: (doc.resource_id or None,),
        "owner": lambda doc: (doc.owner,),
    },
    "ipam-policy": {
        "ipam": lambda doc: (doc.ipam_id,),
        "target": lambda doc: doc.targets,
    },
    "ipam-prefix-list-resolver": {"ipam": lambda doc: (doc.ipam_id,)},
    "ipam-prefix-list-resolver-target": {
        "resolver": lambda doc: (doc.resolver_id,),
        "list": lambda doc: (doc.list_id,),
    },
    "ipam-resource-discovery-association": {
        "ipam": lambda doc: (doc.ipam_id,),
        "discovery": lambda doc: (doc.discovery_id,),
    },
    "network-insights-analysis": {"path": lambda doc: (doc.path_id,)},
    "network-insights-access-scope-analysis": {"scope": lambda doc: (doc.scope_id,)},
    "vpc-flow-log": {"resource": lambda doc: (doc.resource_id,)},
    "traffic-mirror-filter-rule": {"filter": lambda doc: (doc.filter_id,)},
    "traffic-mirror-target": {"interface": lambda doc: (doc.interface_id,)},
    "traffic-mirror-session": {
        "interface": lambda doc: (doc.interface_id,),
        "target": lambda doc: (doc.target_id,),
        "filter": lambda doc: (doc.filter_id,),
    },
    "vpc-block-public-access-exclusion": {
        "vpc": lambda doc: (doc.vpc_id,),
        "subnet": lambda doc: (doc.subnet_id or None,),
    },
    "volume": {
        "host": lambda doc: (
            doc.host_id,
            doc.former_host_id or None,
            doc.move.to_host_id if doc.move else None,
        ),
        "instance": lambda doc: {one.instance_id for one in doc.attachments},
        "source": lambda doc: (doc.source.volume_id if doc.source else None,),
        "snapshot": lambda doc: (doc.snapshot_id or None,),
        "binned": lambda doc: (BINNED if doc.binned else None,),
    },
    "snapshot": {
        "binned": lambda doc: (BINNED if doc.binned else None,),
        "volume": lambda doc: (doc.volume_id,),
        "writing": lambda doc: ("yes" if doc.writing and doc.writing.failed_at is None else None,),
        "resealing": lambda doc: (
            "yes" if doc.resealing and doc.resealing.failed_at is None else None,
        ),
        "shared": lambda doc: (*doc.sharing.accounts, "all" if doc.sharing.is_public else None),
    },
    "fast-restore": {
        "snapshot": lambda doc: (doc.snapshot_id,),
        "zone": lambda doc: (doc.zone,),
    },
    "replace-root-volume-task": {
        "instance": lambda doc: (doc.instance_id,),
        "volume": lambda doc: (doc.volume_id,),
    },
    "import-snapshot-task": {"host": lambda doc: (doc.host_id or None,)},
    "import-image-task": {"host": lambda doc: (doc.host_id or None,)},
    "conversion-task": {"host": lambda doc: (doc.host_id or None,)},
    "store-image-task": {"host": lambda doc: (doc.host_id or None,)},
    "restore-image-task": {"host": lambda doc: (doc.host_id or None,)},
    "bundle-task": {"host": lambda doc: (doc.host_id or None,)},
    "image-registration-task": {"host": lambda doc: (doc.host_id or None,)},
    "export-image-task": {"host": lambda doc: (doc.host_id or None,)},
    "export-instance-task": {"host": lambda doc: (doc.host_id or None,)},
    "vpc-endpoint": {
        "vpc": lambda doc: (doc.vpc_id,),
        "route-table": lambda doc: doc.route_table_ids,
        "subnet": lambda doc: {one.subnet_id for one in doc.standings},
        "group": lambda doc: doc.group_ids,
    },
}
"""Secondary indexes by kind; `View.by(kind, index, value)` refuses a name that is not here."""

ORDERS: Mapping[str, Callable[[Any], str]] = {
    "instance": lambda doc: f"{doc.reservation_id}/{doc.launch_index:05}",
}
"""What the records of a kind are ordered by before their ids, in lists that are shown in pages: so
instances of one reservation stand together. What it is made of never changes."""
