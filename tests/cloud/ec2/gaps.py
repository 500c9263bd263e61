"""Filters that AWS documents and this cloud does not have, by action, and why.

Asked for, each is refused by name. What AWS's things may have and none here has is no gap: such a
filter is there, and nothing passes it. What never matches here is a filter without values.
"""

_NO_VOLUMES_YET = frozenset(
    {
        "block-device-mapping.attach-time",
        "block-device-mapping.delete-on-termination",
        "block-device-mapping.device-name",
        "block-device-mapping.status",
        "block-device-mapping.volume-id",
    }
)
"""An instance's disk is not shown as a volume: there is nothing to find it by."""

_NOT_XEN = frozenset({"hypervisor"})
"""AWS knows `xen` and `ovm`; neither would be true, and clients' models refuse any other."""

_NO_SCANS = frozenset(
    {
        "scan-result.critical-fix-available-since",
        "scan-result.finding-scan-date",
        "scan-result.high-fix-available-since",
        "scan-result.highest-finding-severity-label",
        "scan-result.informational-fix-available-since",
        "scan-result.low-fix-available-since",
        "scan-result.medium-fix-available-since",
    }
)
"""Nobody looks into images: that nothing is found by it must not be read as that it is clean."""

GAPS: dict[str, frozenset[str]] = {
    "DescribeCapacityReservations": frozenset({"outpost-arn"}),
    # Zones have no names in words.
    "DescribeAvailabilityZones": frozenset({"group-long-name"}),
    "DescribeImages": _NOT_XEN
    | _NO_SCANS
    | frozenset(
        {
            # Nothing is billed, so nothing is free.
            "free-tier-eligible",
            # Which types an image fits is not said of images here.
            "instance-type-specification.supported-instance-type",
            "instance-type-specification.unsupported-instance-type",
            # There is no parameter store.
            "public-ssm-parameter-name",
        }
    ),
    # Neither is looked at: nothing would be found though something may be wrong.
    "DescribeInstanceStatus": frozenset(
        {"application-status.status", "attached-ebs-status.status"}
    ),
    "DescribeInstances": _NO_VOLUMES_YET
    | _NOT_XEN
    | frozenset(
        {
            "network-interface.deny-all-igw-traffic",
            # No instance may weigh its network against its disks.
            "network-performance-options.bandwidth-weighting",
            "private-dns-name-options.enable-resource-name-dns-a-record",
            "private-dns-name-options.enable-resource-name-dns-aaaa-record",
            "private-dns-name-options.hostname-type",
            # Codes on bills that nobody writes.
            "usage-operation",
            "usage-operation-update-time",
        }
    ),
    # The number of a network card is not taken.
    "DescribeLaunchTemplateVersions": frozenset({"network-card-index"}),
}
