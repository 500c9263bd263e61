"""One thing of every kind for an account: what tests of isolation try to reach from another one.

A new kind of thing that parameters can name is made here, under the name that `thingnames` has.
"""

from typing import Any

from mallee.cloud.state import records
from mallee.model.compute.dedicatedhosts import DedicatedHost
from mallee.model.images.imagereports import ImageReport
from mallee.model.images.images import Blob, Image
from mallee.model.storage.buckets import Bucket
from mallee.model.storage.rootreplacements import RootReplacement
from mallee.model.storage.snapshots import Snapshot
from mallee.model.storage.transfers import Access, DiskIn, FileOut, Object, Task, Way
from tests.cloud import certificates
from tests.cloud.ec2.ipam import plans
from tests.cloud.iam.samlmetadata import METADATA
from tests.cloud.running import RunningCloud

TRUST = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"ec2.amazonaws.com"}}}'
)
POLICY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}'
S3 = "com.amazonaws.us-east-1.s3"
IN_PARTS = {
    "Image": {
        "Format": "RAW",
        "Bytes": 1,
        "ImportManifestUrl": "https://s3.example.org/disks/it.xml",
    },
    "Volume": {"Size": 1},
}
"""A disk that an import manifest lists in parts."""
FILE = {"S3Bucket": "disks", "S3Key": "disk.raw"}
DETAILS: dict[str, Any] = {
    "ResourceTypes": ["VOLUME"],
    "TargetTags": [{"Key": "nothing-has-this", "Value": "1"}],
    "Schedules": [
        {
            "Name": "daily",
            "CreateRule": {"Interval": 24, "IntervalUnit": "HOURS"},
            "RetainRule": {"Count": 1},
        }
    ],
}
DIGITS = {"owned": "1", "own": "2"}
"""By the name of whose things they are: which image is theirs."""


def insert_image(cloud: RunningCloud, account: str, digit: str, *, is_public: bool) -> str:
    image = Image(
        id=f"ami-0123456789abcdef{digit}",
        name=f"image {digit}",
        kind="machine",
        location=f"{account}/image",
        is_public=is_public,
        blob=Blob(sha256=digit * 64, size_bytes=1 << 20, format="qcow2"),
        disk_gib=1,
        created_at=0.0,
    )
    cloud.store.transact(lambda tx: tx.insert(records.IMAGE, account, image.id, image))
    return image.id


def of_account(
    cloud: RunningCloud, public_image: str, key: dict[str, str], name: str
) -> dict[str, str]:
    """Make one thing of every kind for the account; return their ids and names by kind."""
    ec2, iam = cloud.client("ec2", key), cloud.client("iam", key)
    pair = ec2.create_key_pair(KeyName=f"{name}-key", KeyType="ed25519")
    group = ec2.create_security_group(GroupName=f"{name}-group", Description="one")["GroupId"]
    template = ec2.create_launch_template(
        LaunchTemplateName=f"{name}-template", LaunchTemplateData={"InstanceType": "m1.small"}
    )["LaunchTemplate"]
    rule = ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8"
    )["SecurityGroupRules"][0]
    (instance,) = ec2.run_instances(ImageId=public_image, MinCount=1, MaxCount=1)["Instances"]
    address = ec2.allocate_address()
    association = ec2.associate_address(
        AllocationId=address["AllocationId"], InstanceId=instance["InstanceId"]
    )
    kms = cloud.client("kms", key)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key_id)
    iam.create_account_alias(AccountAlias=f"{name}-alias")
    iam.create_user(UserName=f"{name}-user")
    iam.create_group(GroupName=f"{name}-group")
    policy = iam.create_policy(PolicyName=f"{name}-policy", PolicyDocument=POLICY)["Policy"]
    return {
        **_identities(iam, name),
        **_networks(ec2),
        **_set_apart(cloud, ec2, key["account_id"]),
        **_stored(cloud, ec2, key["account_id"]),
        **_kept(cloud, key),
        **_watching(cloud, ec2, key["account_id"], instance),
        "launch-template": template["LaunchTemplateId"],
        "template-name": f"{name}-template",
        "access-key": key["access_key_id"],
        "address": address["PublicIp"],
        "alias": f"{name}-alias",
        "association": association["AssociationId"],
        "elastic-ip": address["AllocationId"],
        "group-name": f"{name}-group",
        "image": insert_image(cloud, key["account_id"], DIGITS[name], is_public=False),
        "instance": instance["InstanceId"],
        "key": key_id,
        "key-alias": f"alias/{name}",
        "key-name": f"{name}-key",
        "key-pair": pair["KeyPairId"],
        "attachment": instance["NetworkInterfaces"][0]["Attachment"]["AttachmentId"],
        "network-interface": instance["NetworkInterfaces"][0]["NetworkInterfaceId"],
        "policy": policy["Arn"],
        "rule": rule["SecurityGroupRuleId"],
        "security-group": group,
        "subnet": instance["SubnetId"],
        "user": f"{name}-user",
        "vpc": instance["VpcId"],
    }


def _networks(ec2: Any) -> dict[str, str]:
    """Make what a VPC has besides the default one's subnet, interface and group."""
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    eigw = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    allocation = ec2.allocate_address()["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=allocation)["NatGateway"]
    options = ec2.create_dhcp_options(
        DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.org"]}]
    )["DhcpOptions"]
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=default[0]["VpcId"])
    reservation = ec2.create_subnet_cidr_reservation(
        SubnetId=subnet, Cidr="10.9.1.64/28", ReservationType="explicit"
    )["SubnetCidrReservation"]
    nic = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    lent = ec2.create_network_interface_permission(
        NetworkInterfaceId=nic["NetworkInterfaceId"],
        AwsAccountId="0" * 12,
        Permission="EIP-ASSOCIATE",
    )["InterfacePermission"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.99.0.0/16", GatewayId=gateway)
    window = ec2.create_instance_event_window(CronExpression="* 0-4 * * 1,5")
    group = ec2.create_placement_group(GroupName=f"group-{vpc}", Strategy="spread")
    hub = ec2.create_transit_gateway()["TransitGateway"]
    attached = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=hub["TransitGatewayId"], VpcId=vpc, SubnetIds=[subnet]
    )["TransitGatewayVpcAttachment"]
    return {
        "transit-gateway": hub["TransitGatewayId"],
        "transit-table": hub["Options"]["AssociationDefaultRouteTableId"],
        "transit-attachment": attached["TransitGatewayAttachmentId"],
        "free-elastic-ip": ec2.allocate_address()["AllocationId"],
        "dhcp-options": options["DhcpOptionsId"],
        "eigw": eigw["EgressOnlyInternetGatewayId"],
        "internet-gateway": gateway,
        "natgateway": nat["NatGatewayId"],
        "endpoint": ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3)["VpcEndpoint"][
            "VpcEndpointId"
        ],
        **_insights(ec2, gateway),
        **plans.everything(ec2),
        "prefix-list": ec2.create_managed_prefix_list(
            PrefixListName="list", AddressFamily="IPv4", MaxEntries=3
        )["PrefixList"]["PrefixListId"],
        "connect-endpoint": ec2.create_instance_connect_endpoint(SubnetId=subnet)[
            "InstanceConnectEndpoint"
        ]["InstanceConnectEndpointId"],
        "event-window": window["InstanceEventWindow"]["InstanceEventWindowId"],
        "placement-group": group["PlacementGroup"]["GroupId"],
        "placement-group-name": f"group-{vpc}",
        "network-acl": ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"],
        "peering": peering["VpcPeeringConnection"]["VpcPeeringConnectionId"],
        "reservation": reservation["SubnetCidrReservationId"],
        "interface-permission": lent["NetworkInterfacePermissionId"],
        "exclusion": ec2.create_vpc_block_public_access_exclusion(
            VpcId=vpc, InternetGatewayExclusionMode="allow-egress"
        )["VpcBlockPublicAccessExclusion"]["ExclusionId"],
        "route-table": table,
    }


def _stored(cloud: RunningCloud, ec2: Any, account: str) -> dict[str, str]:
    """Have a volume and a snapshot of it, which no host is asked to make."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    snapshot = Snapshot(
        id=f"snap-{account:0>17}",
        volume_id=volume,
        size_gib=1,
        zone=zone,
        host_id="",
        cut=1,
        started_at=0.0,
    )
    replaced = RootReplacement(
        id=f"replacevol-{account:0>17}",
        instance_id=ec2.describe_instances()["Reservations"][0]["Instances"][0]["InstanceId"],
        launch=1,
        volume_id=volume,
        started_at=0.0,
        completed_at=0.0,
    )
    cloud.store.transact(lambda tx: tx.insert(records.SNAPSHOT, account, snapshot.id, snapshot))
    cloud.store.transact(
        lambda tx: tx.insert(records.ROOT_REPLACEMENT, account, replaced.id, replaced)
    )
    report = ImageReport(id=f"report-{account:0>17}", image_id="ami-0", counted=(), created_at=0.0)
    cloud.store.transact(lambda tx: tx.insert(records.IMAGE_REPORT, account, report.id, report))
    task = ec2.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    public = "ami-0123456789abcdef0"
    place = {"S3Bucket": "disks"}
    out = ec2.export_image(ImageId=public, DiskImageFormat="RAW", S3ExportLocation=place)
    return {
        "export-instance-task": _exported(cloud, account),
        "volume": volume,
        "snapshot": snapshot.id,
        "replace-root-volume-task": replaced.id,
        "image-usage-report": report.id,
        "import-snapshot-task": task,
        "conversion-task": _converted(cloud, account),
        "bundle-task": _bundled(cloud, account),
        "export-image-task": out["ExportImageTaskId"],
    }


def _exported(cloud: RunningCloud, account: str) -> str:
    """Have an instance that was exported, which no host is asked to."""
    task = Task(
        id=f"export-i-{account:0>17}",
        way=Way.DISK_OUT,
        access=Access(account, "AIDANOBODY"),
        out=FileOut(object=Object("disks", "it.vmdk"), format="vmdk"),
        said={"TargetEnvironment": "vmware"},
        began_at=0.0,
        ended_at=4e9,
    )
    kind = records.EXPORT_INSTANCE_TASK
    cloud.store.transact(lambda tx: tx.insert(kind, account, task.id, task))
    return task.id


def _bundled(cloud: RunningCloud, account: str) -> str:
    """Have an instance that was bundled, which no host is asked to."""
    task = Task(
        id=f"bun-{account:0>17}",
        way=Way.BUNDLE_OUT,
        access=Access(account, "AIDANOBODY"),
        out=FileOut(object=Object("disks", "it"), format="raw"),
        said={"AWSAccessKeyId": "AKIANOBODY"},
        began_at=0.0,
        ended_at=4e9,
    )
    kind = records.BUNDLE_TASK
    cloud.store.transact(lambda tx: tx.insert(kind, account, task.id, task))
    return task.id


def _converted(cloud: RunningCloud, account: str) -> str:
    """Have a volume that was imported."""
    disk = DiskIn(object=Object("disks", "it.xml"), format="raw", size_bytes=1, volume_gib=1)
    task = Task(
        id=f"import-vol-{account:0>17}",
        way=Way.PARTS_IN,
        access=Access(account, "AIDANOBODY"),
        disks=(disk,),
        zone="us-east-1a",
        began_at=0.0,
        ended_at=4e9,
    )
    kind = records.CONVERSION_TASK
    cloud.store.transact(lambda tx: tx.insert(kind, account, task.id, task))
    return task.id


def _kept(cloud: RunningCloud, key: dict[str, str]) -> dict[str, str]:
    """Have a rule for what is deleted that nothing here fits, and a policy that does nothing."""
    rule = cloud.client("rbin", key).create_rule(
        ResourceType="EBS_SNAPSHOT",
        RetentionPeriod={"RetentionPeriodValue": 1, "RetentionPeriodUnit": "DAYS"},
        ResourceTags=[{"ResourceTagKey": "nothing-has-this"}],
    )
    dlm = cloud.client("dlm", key)
    trust = TRUST.replace("ec2.amazonaws.com", "dlm.amazonaws.com")
    role = cloud.client("iam", key).create_role(
        RoleName="keeper-of-snapshots", AssumeRolePolicyDocument=trust
    )["Role"]["Arn"]
    policy = dlm.create_lifecycle_policy(
        ExecutionRoleArn=role,
        Description="nothing",
        State="DISABLED",
        PolicyDetails=DETAILS,
    )["PolicyId"]
    return {
        "recycle-rule": rule["Identifier"],
        "recycle-rule-arn": rule["RuleArn"],
        "lifecycle-policy": policy,
        "lifecycle-policy-arn": dlm.get_lifecycle_policy(PolicyId=policy)["Policy"]["PolicyArn"],
    }


def _set_apart(cloud: RunningCloud, ec2: Any, account: str) -> dict[str, str]:
    """Reserve room, and have a host."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    kind = {"InstanceType": "m1.small", "InstancePlatform": "Linux/UNIX"}
    reserved = ec2.create_capacity_reservation(
        **kind, InstanceCount=1, InstanceMatchCriteria="targeted", AvailabilityZone=zone
    )["CapacityReservation"]
    fleet = ec2.create_capacity_reservation_fleet(
        InstanceTypeSpecifications=[kind], TotalTargetCapacity=1, AvailabilityZone=zone
    )
    host = DedicatedHost(
        id=f"h-{account:0>17}", host_id="", zone=zone, family="m1", allocated_at=0.0
    )
    cloud.store.transact(lambda tx: tx.insert(records.DEDICATED_HOST, account, host.id, host))
    return {
        "capacity-reservation": reserved["CapacityReservationId"],
        "reservation-fleet": fleet["CapacityReservationFleetId"],
        "dedicated-host": host.id,
    }


def _watching(
    cloud: RunningCloud, ec2: Any, account: str, instance: dict[str, Any]
) -> dict[str, str]:
    """Have flows logged and packets copied."""
    bucket = Bucket(name=f"logs-{account}", number=int(account), created_at=0.0)
    cloud.store.transact(lambda tx: tx.insert(records.BUCKET, account, bucket.name, bucket))
    log = ec2.create_flow_logs(
        ResourceIds=[instance["VpcId"]],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::{bucket.name}",
    )
    end = ec2.create_network_interface(SubnetId=instance["SubnetId"])["NetworkInterface"]
    target = ec2.create_traffic_mirror_target(NetworkInterfaceId=end["NetworkInterfaceId"])
    target_id = target["TrafficMirrorTarget"]["TrafficMirrorTargetId"]
    made = ec2.create_traffic_mirror_filter()["TrafficMirrorFilter"]["TrafficMirrorFilterId"]
    rule = ec2.create_traffic_mirror_filter_rule(
        TrafficMirrorFilterId=made,
        TrafficDirection="ingress",
        RuleNumber=1,
        RuleAction="accept",
        SourceCidrBlock="0.0.0.0/0",
        DestinationCidrBlock="0.0.0.0/0",
    )["TrafficMirrorFilterRule"]
    session = ec2.create_traffic_mirror_session(
        NetworkInterfaceId=instance["NetworkInterfaces"][0]["NetworkInterfaceId"],
        TrafficMirrorTargetId=target_id,
        TrafficMirrorFilterId=made,
        SessionNumber=1,
    )["TrafficMirrorSession"]
    return {
        "flow-log": log["FlowLogIds"][0],
        "mirror-filter": made,
        "mirror-rule": rule["TrafficMirrorFilterRuleId"],
        "mirror-session": session["TrafficMirrorSessionId"],
        "mirror-target": target_id,
    }


def _insights(ec2: Any, gateway: str) -> dict[str, str]:
    """Ask questions about networks, and have them answered."""
    path = ec2.create_network_insights_path(
        Source=gateway, DestinationIp="203.0.113.9", Protocol="tcp"
    )["NetworkInsightsPath"]["NetworkInsightsPathId"]
    found = ec2.start_network_insights_analysis(NetworkInsightsPathId=path)
    named = {"ResourceStatement": {"Resources": [gateway]}}
    scope = ec2.create_network_insights_access_scope(MatchPaths=[{"Source": named}])[
        "NetworkInsightsAccessScope"
    ]["NetworkInsightsAccessScopeId"]
    ways = ec2.start_network_insights_access_scope_analysis(NetworkInsightsAccessScopeId=scope)
    return {
        "insights-path": path,
        "insights-analysis": found["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"],
        "access-scope": scope,
        "scope-analysis": ways["NetworkInsightsAccessScopeAnalysis"][
            "NetworkInsightsAccessScopeAnalysisId"
        ],
    }


def _identities(iam: Any, name: str) -> dict[str, str]:
    """Make what IAM has besides users, groups and policies."""
    role = iam.create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=TRUST)["Role"]
    profile = iam.create_instance_profile(InstanceProfileName=f"{name}-profile")["InstanceProfile"]
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=f"{name}-device")
    provider = iam.create_open_id_connect_provider(
        Url=f"https://{name}.example.org", ThumbprintList=["a" * 40]
    )
    saml = iam.create_saml_provider(Name=f"{name}-saml", SAMLMetadataDocument=METADATA)
    user = f"{name}-user"
    public, private = certificates.self_signed(name)
    iam.upload_server_certificate(
        ServerCertificateName=f"{name}-tls", CertificateBody=public, PrivateKey=private
    )
    signing = iam.upload_signing_certificate(UserName=user, CertificateBody=public)["Certificate"]
    ssh = iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=certificates.ssh_key())
    return {
        "instance-profile": f"{name}-profile",
        "instance-profile-arn": profile["Arn"],
        "mfa": device["VirtualMFADevice"]["SerialNumber"],
        "oidc-provider": provider["OpenIDConnectProviderArn"],
        "role": f"{name}-role",
        "role-arn": role["Arn"],
        "saml-provider": saml["SAMLProviderArn"],
        "server-certificate": f"{name}-tls",
        "signing-certificate": signing["CertificateId"],
        "ssh-public-key": ssh["SSHPublicKey"]["SSHPublicKeyId"],
        "user-arn": role["Arn"].replace(f"role/{name}-role", f"user/{user}"),
    }
