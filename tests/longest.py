"""The test files that take longest, which a run over several workers begins with.

A file stays with one worker. Left to itself, xdist begins with the files of most tests, and so ends
with those of one long test, where one worker is at work for minutes and all others have nothing.

Here are files that make a world of their own and take it down: what tests of one worker share
would stand idle through the whole run if its files came first. `tests/conftest.py` asks.
"""

FILES = (
    "tests/tidy/test_checkers.py",
    "tests/lab/test_doctor.py",
    "tests/machines/test_gateways.py",
    "tests/machines/test_rollouts.py",
    "tests/baddays/test_handedguests.py",
    "tests/baddays/test_migrations.py",
    "tests/baddays/test_handedroots.py",
    "tests/docs/test_first_two_machines.py",
    "tests/docs/test_when_it_does_not_work.py",
    "tests/storms/test_storms.py",
    "tests/images/test_tiny_guest.py",
    "tests/clients/storage/test_programs.py",
    "tests/machines/test_box.py",
    "tests/docs/test_lab.py",
    "tests/node/migrating/test_migrations.py",
    "tests/cloud/frontends/test_rollouts.py",
    "tests/machines/test_managed.py",
    "tests/cloud/test_awscli.py",
    "tests/machines/test_spanning.py",
    "tests/cloud/state/test_kill.py",
    "tests/cloud/s3/test_limits.py",
    "tests/machines/test_lan.py",
    "tests/cloud/s3/test_daemon.py",
    "tests/machines/test_config.py",
    "tests/machines/test_joining.py",
    "tests/machines/test_moves.py",
    "tests/docs/test_network_modes.py",
    "tests/lab/test_up.py",
    "tests/box/test_objects.py",
    "tests/cloud/iam/test_simulator_truth.py",
    "tests/simulation/test_simulation.py",
)
"""Longest first; at the end one that waits for nothing: beside it run those that wait."""

SHARERS = (
    "tests/machines/test_snapshots.py",
    "tests/clients/test_importing_guide.py",
    "tests/clients/test_connecting.py",
    "tests/clients/test_tour.py",
    "tests/baddays/test_partitions.py",
    "tests/clients/test_images_guide.py",
    "tests/machines/test_recipes.py",
    "tests/machines/test_imports.py",
    "tests/baddays/test_steps.py",
    "tests/clients/test_commands.py",
    "tests/machines/test_roots.py",
    "tests/machines/test_objects.py",
    "tests/machines/test_restore.py",
    "tests/machines/test_volumes.py",
    "tests/node/migrating/test_machinesalike.py",
    "tests/clients/test_identity_guide.py",
    "tests/clients/test_networking_guide.py",
    "tests/machines/test_boot.py",
    "tests/node/migrating/test_volumesalong.py",
    "tests/node/do/guests/test_hypervisor.py",
    "tests/cloud/frontends/test_checking.py",
    "tests/baddays/test_kills.py",
    "tests/tidy/test_leftovers.py",
    "tests/cloud/frontends/test_failover.py",
    "tests/node/migrating/test_handing.py",
    "tests/clients/test_libcloud.py",
    "tests/baddays/test_disks.py",
    "tests/node/do/network/test_probes.py",
    "tests/machines/test_vpcs.py",
)
"""Few long tests, most of them upon what a worker shares: they are begun in the middle of a run."""
_MIDDLE = 100
"""As many tests as a file of `SHARERS` counts for."""


def rank(path: str, tests: int) -> tuple[int, int]:
    """Return what files are sorted by: the longest ones, then those of most tests.

    `path` is below the clone.
    """
    counted = max(tests, _MIDDLE) if path in SHARERS else tests
    return (FILES.index(path) if path in FILES else len(FILES), -counted)
