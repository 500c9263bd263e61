"""Instance types as clients of Eucalyptus' days read them: a list of its own beside AWS's.

Called through the row of DescribeInstanceTypes for requests that come by the old path. Its words
are those of Eucalyptus 3.3, which libcloud's driver for it asks for.
"""

from mallee.aws.codec import xmltext
from mallee.cloud import instancetypes
from mallee.cloud.call import Call
from mallee.model.compute.instancetypes import InstanceType

_NAMESPACE = "http://msgs.eucalyptus.com/3.3.0"


def beside(call: Call) -> str:
    """Return the XML that stands beside AWS's answer."""
    rows = "".join(map(_row, instancetypes.all_types(call.view)))
    return f'<instanceTypeDetails xmlns="{_NAMESPACE}">{rows}</instanceTypeDetails>'


def _row(kind: InstanceType) -> str:
    return (
        f"<item><name>{xmltext.escape(kind.name)}</name><cpu>{kind.vcpus}</cpu>"
        f"<disk>{kind.disk_gib}</disk><memory>{kind.memory_mib}</memory></item>"
    )
