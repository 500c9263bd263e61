"""boto3 as programs use it: waiters, paginators, resources, refusals as exceptions."""

import base64

import boto3
import pytest
from botocore.exceptions import ClientError

from tests import wholecloud
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

OFTEN = {"Delay": 1, "MaxAttempts": int(wholecloud.GUEST_S)}


def test_a_program_launches_waits_and_cleans_up(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    ec2 = boto3.resource("ec2")
    [instance] = ec2.create_instances(
        ImageId=cloud.image(),
        InstanceType="m1.small",
        MinCount=1,
        MaxCount=1,
        UserData="#!/bin/sh\necho hello from user data\n",
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "program"}]}
        ],
    )
    try:
        ec2.meta.client.get_waiter("instance_exists").wait(InstanceIds=[instance.id])
        ec2.meta.client.get_waiter("instance_running").wait(
            InstanceIds=[instance.id], WaiterConfig=OFTEN
        )
        instance.reload()
        assert instance.state["Name"] == "running"
        assert instance.tags == [{"Key": "Name", "Value": "program"}]
        assert instance.image.name == "mallee-tiny"
        kept = instance.describe_attribute(Attribute="userData")["UserData"]["Value"]
        assert base64.b64decode(kept).startswith(b"#!/bin/sh")
        cloud.wait_console(instance.id, "hello from user data")
        assert "hello from user data" in instance.console_output()["Output"]
        instance.stop()
        ec2.meta.client.get_waiter("instance_stopped").wait(
            InstanceIds=[instance.id], WaiterConfig=OFTEN
        )
    finally:
        instance.terminate()
        ec2.meta.client.get_waiter("instance_terminated").wait(
            InstanceIds=[instance.id], WaiterConfig=OFTEN
        )


def test_paginators_show_each_thing_once(cloud: Cloud) -> None:
    groups = [
        cloud.ec2.create_security_group(GroupName=f"page-{number}", Description="a page")["GroupId"]
        for number in range(12)
    ]
    try:
        pages = list(
            cloud.ec2.get_paginator("describe_security_groups").paginate(
                Filters=[{"Name": "group-name", "Values": ["page-*"]}],
                PaginationConfig={"PageSize": 5},
            )
        )
        shown = [group["GroupId"] for page in pages for group in page["SecurityGroups"]]
        assert sorted(shown) == sorted(groups)
        assert [len(page["SecurityGroups"]) for page in pages] == [5, 5, 2]
    finally:
        for group in groups:
            cloud.ec2.delete_security_group(GroupId=group)


def test_a_page_token_is_good_for_its_own_question_alone(cloud: Cloud) -> None:
    first = cloud.ec2.describe_instance_types(MaxResults=5)
    with pytest.raises(ClientError) as forged:
        cloud.ec2.describe_instance_types(MaxResults=5, NextToken=first["NextToken"][:-4] + "AAAA")
    with pytest.raises(ClientError) as strange:
        cloud.ec2.describe_security_groups(MaxResults=5, NextToken=first["NextToken"])
    for raised in (forged, strange):
        assert raised.value.response["Error"]["Code"] == "InvalidNextToken"
