"""The context keys of EC2 Instance Connect: what a policy may ask about a key or a tunnel.

Called by `context`. Keys and tags of instances and endpoints are EC2's.
"""

from collections.abc import Mapping

from mallee.cloud.identity.question import Finder, member

FINDERS: Mapping[str, Finder] = {
    "ec2:osuser": member("InstanceOSUser"),
    "ec2-instance-connect:maxtunnelduration": member("maxTunnelDuration"),
    "ec2-instance-connect:privateipaddress": member("privateIpAddress"),
    "ec2-instance-connect:remoteport": member("remotePort"),
}
