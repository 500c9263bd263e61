"""The context keys of EC2: what a policy may ask about instances, images, networks and addresses.

A key has a value where the question's thing has one: of a thing that is there, its own; of one that
is to be made (`…:instance/*`), what the request asks for. Called by `context`.
Not its business: tags and keys of all services (`context`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from mallee.aws.policy.texts import Values
from mallee.cloud import accounts, things
from mallee.cloud.ec2 import zones
from mallee.cloud.ec2.capacity import contextkeys as capacity
from mallee.cloud.ec2.images import sharing
from mallee.cloud.ec2.instances import metadatadefaults
from mallee.cloud.ec2.storage import contextkeys as storage
from mallee.cloud.ec2.vpc import contextkeys as network
from mallee.cloud.identity.question import Finder, Question, member, thing
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind
from mallee.model.compute.instancetypes import DEFAULT_NAME
from mallee.model.identity import identities
from mallee.model.images import images
from mallee.model.network.networks import Subnet

_IN_A_SUBNET = frozenset({"instance", "network-interface"})
_NO_ATTRIBUTES = frozenset(
    {"Attribute", "DryRun", "InstanceId", "NetworkInterfaceId", "SubnetId", "Value", "VpcId"}
)
"""Members of a Modify request that say of what, not which attribute."""


def _kind(question: Question) -> str:
    return things.kind_of(question.resource)


def _is_made(question: Question) -> bool:
    """Tell whether the thing is to be made, or not known yet."""
    return question.resource.endswith("/*")


def _of(kind: Kind[Any, Any], find: Finder) -> Finder:
    """Return a finder that is asked about things of one kind only."""
    return lambda question: find(question) if _kind(question) == kind.name else None


def _always(value: str) -> Finder:
    return lambda _: value


def _id(kind: Kind[Any, Any]) -> Finder:
    """Return what finds the id of a thing that is there: its ARN's last part."""

    def find(question: Question) -> str | None:
        return None if _is_made(question) else question.resource.rpartition("/")[2]

    return _of(kind, find)


def _field(kind: Kind[Any, Any], name: str) -> Finder:
    """Return what finds a text of a thing that is there."""

    def find(question: Question) -> str | None:
        value = getattr(thing(question), name, None)
        return value if isinstance(value, str) else None

    return _of(kind, find)


# --- where ---


def _interface(question: Question) -> Mapping[str, Any]:
    """Return the first network interface that a launch asks for."""
    nics: Sequence[Mapping[str, Any]] = question.asked.get("NetworkInterfaces") or ({},)
    return nics[0]


def _subnet_doc(question: Question) -> Subnet | None:
    """Return the subnet that the thing is, is in, or is asked to be in."""
    call, id = question.call, None
    if _kind(question) == "subnet":
        id = question.resource.rpartition("/")[2]
    elif _is_made(question):
        id = _interface(question).get("SubnetId") or question.asked.get("SubnetId")
    else:
        id = getattr(thing(question), "subnet_id", None)
    found = call.view.get(records.SUBNET, id) if id else None
    return found.doc if found is not None and found.account == call.account else None


def _zone(question: Question) -> str | None:
    if storage.is_volume(question):
        return storage.zone(question)
    if _kind(question) not in (*_IN_A_SUBNET, "subnet"):
        return None
    subnet = _subnet_doc(question)
    if subnet is not None:
        return subnet.zone
    return member("Placement", "AvailabilityZone")(question) if _is_made(question) else None


def _zone_id(question: Question) -> str | None:
    zone = _zone(question)
    return zones.id_of(zone, question.call.settings.region) if zone else None


def _arn(question: Question, kind: str, id: str | None) -> str | None:
    call = question.call
    return f"arn:aws:ec2:{call.settings.region}:{call.account}:{kind}/{id}" if id else None


def _vpc(question: Question) -> str | None:
    id = getattr(thing(question), "vpc_id", None)
    if id is None and _kind(question) in _IN_A_SUBNET:
        id = getattr(_subnet_doc(question), "vpc_id", None)
    if id is None and _is_made(question):
        id = question.asked.get("VpcId")
    return _arn(question, "vpc", id)


def _subnet(question: Question) -> str | None:
    if _kind(question) not in _IN_A_SUBNET:
        return None
    return _arn(question, "subnet", getattr(_subnet_doc(question), "id", None))


# --- instances ---


def _instance_type(question: Question) -> str | None:
    if _is_made(question):
        return question.asked.get("InstanceType") or DEFAULT_NAME
    return getattr(thing(question), "type_name", None)


def _profile(question: Question) -> str | None:
    """Return the ARN of the instance profile that an instance has, or is launched with."""
    if _is_made(question):
        return _asked_profile(question)
    association = getattr(thing(question), "profile", None)
    return association.profile_arn if association else None


def _asked_profile(question: Question) -> str | None:
    """Return the ARN of the instance profile that a request names."""
    asked: Mapping[str, str] = question.asked.get("IamInstanceProfile") or {}
    if "Name" not in asked:
        return asked.get("Arn")
    call, name = question.call, asked["Name"]
    space = accounts.names_of(records.INSTANCE_PROFILE, call.account)
    id = call.view.owner_of(space, name.lower())
    found = call.view.get(records.INSTANCE_PROFILE, id) if id else None
    return identities.arn(call.account, "instance-profile", found.doc.path if found else "/", name)


def _new_profile(question: Question) -> str | None:
    return None if _is_made(question) else _asked_profile(question)


def _metadata(asked: str, name: str) -> Finder:
    """Return what finds a metadata option: of what is made, as asked for or by default."""

    def find(question: Question) -> str | None:
        if _is_made(question):
            wanted = member("MetadataOptions", asked)(question)
            return wanted or str(getattr(metadatadefaults.options_of(question.call), name))
        options = getattr(thing(question), "metadata", None)
        return None if options is None else str(getattr(options, name))

    return _of(records.INSTANCE, find)


def _associates_public_ip(question: Question) -> str | None:
    value = _interface(question).get("AssociatePublicIpAddress")
    return None if value is None or not _is_made(question) else str(value).lower()


def _attributes(question: Question) -> dict[str, str]:
    """Return the attributes that a Modify action sets, as far as they are single values."""
    row = question.row
    asked: Mapping[str, Any] = question.asked
    if not row.name.startswith("Modify"):
        return {}
    found: dict[str, Any] = {k: v for k, v in asked.items() if k not in _NO_ATTRIBUTES}
    old_style: str | None = asked.get("Attribute")
    if old_style:
        found[old_style[0].upper() + old_style[1:]] = asked.get("Value")
    return {name: _text(value) for name, value in found.items()}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return _text(cast(dict[str, Any], value).get("Value"))
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else ""


def _attribute(question: Question, name: str) -> str | None:
    return next((v for k, v in _attributes(question).items() if k.lower() == name and v), None)


def _template(question: Question) -> str | None:
    """Return the ARN of the template that a launch is made with."""
    named: Mapping[str, str] = question.asked.get("LaunchTemplate") or {}
    return _arn(question, records.LAUNCH_TEMPLATE.name, named.get("LaunchTemplateId"))


def _is_of_template(question: Question) -> str | None:
    """Tell whether the thing is what the template of a launch says, and not the request itself."""
    find = question.row.resources
    if find is None or _template(question) is None:
        return None
    itself = find(question.call, question.sent or question.asked)
    return str(question.resource not in itself).lower()


def _placement_group(question: Question) -> str | None:
    """Return the ARN of the placement group that an instance is in, or shall be in."""
    call = question.call
    if _is_made(question):
        asked: Mapping[str, str] = question.asked.get("Placement") or {}
        id, name = asked.get("GroupId", ""), asked.get("GroupName")
    else:
        id, name = getattr(thing(question), "placement_group_id", ""), None
    group = call.view.get(records.PLACEMENT_GROUP, id)
    if group is not None and group.account == call.account:
        name = group.doc.name
    return _arn(question, records.PLACEMENT_GROUP.name, name)


def _group_name(question: Question) -> str | None:
    name: str | None = getattr(thing(question), "name", None)
    return name or question.asked.get("GroupName")


def _strategy(question: Question) -> str | None:
    group = thing(question)
    return group.strategy.value if group else question.asked.get("Strategy")


# --- images, key pairs, addresses ---


def _image(find: Callable[[str, Any], str]) -> Finder:
    """Return what finds something of an image that its owner lets the caller see."""

    def value(question: Question) -> str | None:
        call = question.call
        found = call.view.get(records.IMAGE, question.resource.rpartition("/")[2])
        if found is None or not sharing.may_use(found, call.account):
            return None
        return find(found.account, found.doc)

    return _of(records.IMAGE, value)


def _root_device_type(question: Question) -> Values | None:
    """Return what the root of an image is, or of an instance, or of one that is to be launched."""
    if _kind(question) == records.IMAGE.name:
        return _root_of_image(question)
    if _kind(question) != records.INSTANCE.name:
        return None
    instance = thing(question)
    if instance is not None:
        return images.EBS if instance.root_device else images.INSTANCE_STORE
    image = question.call.view.get(records.IMAGE, question.asked.get("ImageId") or "")
    return image.doc.root_device_type if image is not None else images.EBS


_root_of_image = _image(lambda _, image: image.root_device_type)
_owner_of_image = _image(lambda owner, _: owner)


def _key_type(question: Question) -> str | None:
    found: str | None = getattr(thing(question), "kind", None)
    return found or question.asked.get("KeyType")


_INSTANCE = records.INSTANCE

FINDERS: Mapping[str, Finder] = {
    "ec2:allocationid": _id(records.ADDRESS),
    "ec2:associatepublicipaddress": _of(records.INTERFACE, _associates_public_ip),
    "ec2:attribute": lambda question: tuple(_attributes(question)) or None,
    "ec2:availabilityzone": lambda question: _zone(question) or capacity.zone(question),
    "ec2:availabilityzoneid": _zone_id,
    "ec2:bootmodeoverride": _of(
        records.IMAGE, lambda question: question.asked.get("BootModeOverride")
    ),
    "ec2:createaction": lambda question: question.create_action,
    "ec2:domain": _of(records.ADDRESS, _always("vpc")),
    "ec2:ebsoptimized": _of(_INSTANCE, _always("false")),
    "ec2:imageid": _id(records.IMAGE),
    "ec2:imagetype": _image(lambda _, image: image.kind),
    "ec2:instanceid": _id(_INSTANCE),
    "ec2:instancemarkettype": _of(_INSTANCE, _always("on-demand")),
    "ec2:instancemetadatatags": _metadata("InstanceMetadataTags", "instance_metadata_tags"),
    "ec2:instanceprofile": _of(_INSTANCE, _profile),
    "ec2:instancetype": lambda question: (
        capacity.instance_type(question)
        if _kind(question) != _INSTANCE.name
        else _instance_type(question)
    ),
    "ec2:keypairname": _field(records.KEY_PAIR, "name"),
    "ec2:keypairtype": _of(records.KEY_PAIR, _key_type),
    "ec2:islaunchtemplateresource": _is_of_template,
    "ec2:launchtemplate": _template,
    "ec2:metadatahttpendpoint": _metadata("HttpEndpoint", "http_endpoint"),
    "ec2:metadatahttpputresponsehoplimit": _metadata(
        "HttpPutResponseHopLimit", "http_put_response_hop_limit"
    ),
    "ec2:metadatahttptokens": _metadata("HttpTokens", "http_tokens"),
    "ec2:networkinterfaceid": _id(records.INTERFACE),
    "ec2:newinstanceprofile": _of(_INSTANCE, _new_profile),
    "ec2:owner": lambda question: _owner_of_image(question) or storage.owner(question),
    "ec2:placementgroup": _of(_INSTANCE, _placement_group),
    "ec2:placementgroupname": _of(records.PLACEMENT_GROUP, _group_name),
    "ec2:placementgroupstrategy": _of(records.PLACEMENT_GROUP, _strategy),
    "ec2:public": _image(lambda _, image: str(image.is_public).lower()),
    "ec2:publicipaddress": _field(records.ADDRESS, "public_ip"),
    "ec2:region": lambda question: question.call.settings.region,
    "ec2:rootdevicetype": _root_device_type,
    "ec2:securitygroupid": _id(records.SECURITY_GROUP),
    "ec2:subnet": _subnet,
    "ec2:subnetid": _id(records.SUBNET),
    "ec2:vpc": _vpc,
    "ec2:vpcid": _id(records.VPC),
    **capacity.FINDERS,
    **network.FINDERS,
    **storage.FINDERS,
}

FAMILIES: Mapping[str, Callable[[Question, str], Values | None]] = {
    **storage.FAMILIES,
    "ec2:attribute": _attribute,
}
