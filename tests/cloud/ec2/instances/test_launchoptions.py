"""Options of a launch: fewer processors, credits, recovery; from a request and from a template."""

from typing import Any

from mallee.model.compute.instances import Phase, Reason
from mallee.model.identity import quotas
from tests.cloud.ec2.asking import described, launch_one, refusal, refused, state
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import IMAGE_ID, FakeHost


def run(client: Any, **more: Any) -> tuple[str, str]:
    asked = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1, **more}
    return refused(client.run_instances, **asked)


def test_an_instance_may_have_fewer_cores_than_its_type(
    administration: Administration, bob: Any, host: FakeHost
) -> None:
    fewer = {"CoreCount": 2, "ThreadsPerCore": 1}
    administration.limit(quotas.VCPUS, 2)
    made = launch_one(bob, InstanceType="m5.4xlarge", CpuOptions=fewer)
    assert made["CpuOptions"] == fewer
    assert administration.used(quotas.VCPUS) == 2
    assert run(bob, InstanceType="m5.large", CpuOptions={"CoreCount": 3})[0] == (
        "InvalidParameterValue"
    )
    hyper = {"CoreCount": 1, "ThreadsPerCore": 2}
    assert run(bob, InstanceType="m5.large", CpuOptions=hyper)[0] == "InvalidParameterValue"
    sealed = {"CoreCount": 1, "AmdSevSnp": "enabled"}
    assert run(bob, InstanceType="m5.large", CpuOptions=sealed)[0] == "UnsupportedOperation"


def test_more_cores_ask_the_quota_before_the_start_does(
    administration: Administration, bob: Any, host: FakeHost
) -> None:
    id = launch_one(
        bob, InstanceType="m5.xlarge", CpuOptions={"CoreCount": 1, "ThreadsPerCore": 1}
    )["InstanceId"]
    host.settle()
    bob.stop_instances(InstanceIds=[id])
    host.settle()
    administration.limit(quotas.VCPUS, 2)
    asked = {"InstanceId": id, "ThreadsPerCore": 1}
    assert refusal(bob.modify_instance_cpu_options, CoreCount=4, **asked) == "VcpuLimitExceeded"
    assert bob.modify_instance_cpu_options(CoreCount=2, **asked)["CoreCount"] == 2
    bob.start_instances(InstanceIds=[id])
    assert administration.used(quotas.VCPUS) == 2


def test_credits_are_unlimited_or_refused(bob: Any, host: FakeHost) -> None:
    assert launch_one(bob, InstanceType="t3.micro", CreditSpecification={"CpuCredits": "unlimited"})
    for kind, wanted, code in (
        ("t3.micro", "standard", "UnsupportedOperation"),
        ("t3.micro", "plenty", "InvalidParameterValue"),
        ("m5.large", "unlimited", "InvalidParameterCombination"),
    ):
        asked = {"InstanceType": kind, "CreditSpecification": {"CpuCredits": wanted}}
        assert run(bob, **asked)[0] == code


def test_who_wants_no_recovery_has_a_stopped_instance_and_the_reason(
    bob: Any, host: FakeHost
) -> None:
    made = launch_one(bob, MaintenanceOptions={"AutoRecovery": "disabled"})
    id = made["InstanceId"]
    assert made["MaintenanceOptions"]["AutoRecovery"] == "disabled"
    wanted = [{"Name": "maintenance-options.auto-recovery", "Values": ["disabled"]}]
    assert len(bob.describe_instances(Filters=wanted)["Reservations"]) == 1
    host.settle()
    host.report(id, Phase.FAILED, Reason("Server.InternalError", "QEMU ended"), restarts=1)
    host.reconcile()
    host.settle()
    assert state(bob, id) == "stopped"
    assert "QEMU ended" in described(bob, id)["StateReason"]["Message"]
    changed = bob.modify_instance_maintenance_options(InstanceId=id, AutoRecovery="default")
    assert (changed["InstanceId"], changed["AutoRecovery"]) == (id, "default")
    assert described(bob, id)["MaintenanceOptions"]["AutoRecovery"] == "default"
    modify = bob.modify_instance_maintenance_options
    assert refusal(modify, InstanceId=id, AutoRecovery="never") == "InvalidParameterValue"
    assert refusal(modify, InstanceId=id) == "MissingParameter"
    moving = refusal(modify, InstanceId=id, AutoRecovery="default", RebootMigration="default")
    assert moving == "UnsupportedOperation"


def test_a_template_keeps_the_options(bob: Any, host: FakeHost) -> None:
    data = {
        "ImageId": IMAGE_ID,
        "InstanceType": "m5.xlarge",
        "CpuOptions": {"CoreCount": 3, "ThreadsPerCore": 1},
        "MaintenanceOptions": {"AutoRecovery": "disabled"},
    }
    bob.create_launch_template(LaunchTemplateName="few", LaunchTemplateData=data)
    template = {"LaunchTemplateName": "few"}
    (made,) = bob.run_instances(MinCount=1, MaxCount=1, LaunchTemplate=template)["Instances"]
    assert made["CpuOptions"]["CoreCount"] == 3
    assert made["MaintenanceOptions"]["AutoRecovery"] == "disabled"
    told = bob.get_launch_template_data(InstanceId=made["InstanceId"])["LaunchTemplateData"]
    assert told["CpuOptions"] == data["CpuOptions"]
    assert told["MaintenanceOptions"] == data["MaintenanceOptions"]
