"""A storm over a real lab: `python -m tests.storms.storm SEED [SEED] [--seconds N] [--keep DIR]`.

Customers ask a lab's cloud for things while what it is made of fails (`schedule`); then all is
mended, it must become quiet, and then everything is given back. What must hold is in `laws`. Run it
as root, in a network namespace of its own: `unshare --net`. With two seeds it lives all from the
first up to the second; a storm that breaks a law is told with its schedule, and how to live it
again. Its hosts' logs and store are kept below `--keep`.
"""

import argparse
import faulthandler
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mallee.box import client as api
from mallee.cloud.state.errors import Unavailable
from tests import labs
from tests.labs import Lab
from tests.simulation.laws import Broken, check_account, check_given_once
from tests.storms import clocks, disks, frontends, laws, leaving, looks, marks, schedule
from tests.storms.administrators import Administrator
from tests.storms.customers import Customer, Hand
from tests.storms.disks import Disks
from tests.storms.faults import Faults, Mend
from tests.storms.laws import Scene
from tests.storms.schedule import CUSTOMERS, FRONT, HANDS, HOSTS, SECOND, THIRD, Schedule

TEXT = f"""
[hosts.{FRONT}]
role = "front"
[hosts.{THIRD}]
[hosts.{SECOND}]
"""
QUOTAS = {
    "ec2:quota-vminstancenumber": 5,
    "ec2:quota-volumenumber": 9,
    "ec2:quota-addressnumber": 3,
    "ec2:quota-snapshotnumber": 5,
}
"""Of each customer; small enough to be met."""
QUIET_S_MAX = 300.0
LOOK_EVERY_S = 0.5
STANDS_S = 900.0
"""A storm that is not over so long after its time tells where each of its threads is."""


@dataclass(slots=True)
class Storm:
    """One storm over one lab."""

    lab: Lab
    disks: Disks
    plan: Schedule
    customers: list[Customer] = field(default_factory=list[Customer])
    broken: Exception | None = None
    is_over: threading.Event = field(default_factory=threading.Event)
    began: float = 0.0
    written: marks.Marks = field(default_factory=marks.Marks)
    times: list[str] = field(default_factory=list[str])
    """When it came to what."""
    done: Counter[str] = field(default_factory=Counter[str])
    """How often administrators did what may be refused."""

    def live(self) -> str:
        """Live it; return what became of it. Raises what law was broken."""
        faulthandler.dump_traceback_later(self.plan.seconds + STANDS_S, repeat=True)
        self.disks.settle()
        self.began = time.monotonic()
        self.customers = [self._customer(number) for number in range(CUSTOMERS)]
        before = laws.fetch_scene(self.lab)
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        try:
            hands = self._rage()
            self._note("mended")
            self._settle(lambda: self._check_quiet(laws.fetch_scene(self.lab), hands))
            self._note("quiet")
            for hand in hands:
                leaving.check_objects(hand.customer, hand.promises.objects)
            for customer in self.customers:
                leaving.leave(customer)
            self._settle(lambda: laws.check_nothing_left(laws.fetch_scene(self.lab), before))
            self._note("empty")
        finally:
            self.is_over.set()
            watch.join()
        self._raise_broken()
        told = [hand.promises for hand in hands]
        numbers = (
            ("faults", len(self.plan.faults)),
            ("answers", sum(one.answered for one in told)),
            ("refusals", sum(one.refused for one in told)),
            ("given up", sum(one.given_up for one in told)),
            ("migrations", sum(one.migrating for one in told)),
            ("writes", self.written.count),
            *sorted(self.done.items()),
        )
        return ", ".join((*(f"{number} {what}" for what, number in numbers), *self.times))

    def _note(self, what: str) -> None:
        self.times.append(f"{what} at {time.monotonic() - self.began:.0f} s")

    def _customer(self, number: int) -> Customer:
        cloud = self.lab.cloud
        access = cloud.account(f"customer{number}")
        for key, most in QUOTAS.items():
            asked = {"AccountName": access.account_id, "Key": key, "Limit": most}
            api.call(cloud.access, "mallee", "PutQuota", asked)
        ec2 = cloud.client("ec2", access)
        first, second = (
            ec2.create_security_group(GroupName=name, Description="of a storm")["GroupId"]
            for name in ("changed", "still")
        )
        subnet = ec2.describe_subnets()["Subnets"][0]
        bucket = f"storm-{access.account_id}"
        cloud.client("s3", access).create_bucket(Bucket=bucket)
        return Customer(
            access=access,
            endpoints=tuple(one.endpoint for one in self._accesses()),
            admin=cloud.access,
            image_id=cloud.image(),
            group_ids=(first, second),
            bucket=bucket,
            subnet_id=subnet["SubnetId"],
            prefix=subnet["CidrBlock"].rpartition(".")[0],
        )

    def _accesses(self) -> tuple[api.Access, ...]:
        """Return how the administrator reaches each front end."""
        access = self.lab.cloud.access
        port = access.endpoint.rpartition(":")[2]
        addresses = (self.lab.address(host) for host in self.plan.front_ends)
        return tuple(replace(access, endpoint=f"http://{one}:{port}") for one in addresses)

    # While it rages

    def _rage(self) -> list[Hand]:
        """Let everything happen, then mend everything; return what the customers remember."""
        administrator = Administrator(self.lab, self._accesses())
        faults = Faults(self.lab, self.disks, administrator)
        hands = [
            Hand(number, self.customers[number // HANDS], self._wishes_of(number))
            for number in range(CUSTOMERS * HANDS)
        ]
        faults.prepare(self.plan.faults)
        for hand in hands:
            hand.start()
        try:
            self._break_things(faults)
        finally:
            faults.mend_all()
        self.done = administrator.done
        for hand in hands:
            hand.join()
            self.broken = self.broken or hand.fault
        self._raise_broken()
        return hands

    def _wishes_of(self, number: int) -> tuple[schedule.Wish, ...]:
        return tuple(wish for wish in self.plan.wishes if wish.hand == number)

    def _break_things(self, faults: Faults) -> None:
        """Break and mend things at their times, until the storm's time is over."""
        began = time.monotonic()
        coming = [*self.plan.faults]
        mends: list[tuple[float, Mend]] = []
        while (now_s := time.monotonic() - began) < self.plan.seconds:
            self._raise_broken()
            due = [one for one in mends if one[0] <= now_s]
            mends = [one for one in mends if one[0] > now_s]
            for _, mend in due:
                mend()
            if coming and coming[0].at_s <= now_s:
                fault = coming.pop(0)
                mends.append((now_s + fault.lasts_s, faults.do(fault)))
            self.is_over.wait(0.1)

    def _watch(self) -> None:
        """Hold everything to the laws that hold at every moment."""
        while self.broken is None and not self.is_over.wait(LOOK_EVERY_S):
            try:
                laws.check_guests(self.lab)
                self.written.read(self.lab)
                view = looks.read_store(self.lab)
                check_given_once(view)
                for customer in self.customers:
                    check_account(view, customer.access.account_id)
            except Unavailable:
                # The database is killed just now.
                continue
            except Exception as error:  # noqa: BLE001 - it is told by the thread that waits
                self.broken = error

    # When it is over

    def _settle(self, law: Callable[[], None]) -> None:
        """Wait until a law holds; raise when it does not come to."""
        deadline = time.monotonic() + QUIET_S_MAX
        while True:
            self._raise_broken()
            try:
                law()
                return
            except Broken:
                if time.monotonic() > deadline:
                    raise
            self.is_over.wait(1.0)

    def _check_quiet(self, scene: Scene, hands: list[Hand]) -> None:
        laws.check_quiet(scene)
        laws.check_promises(scene, [hand.promises for hand in hands])
        for hand in hands:
            laws.check_ports(scene, hand.customer.group_ids[0], hand.promises.ports)

    def _raise_broken(self) -> None:
        if self.broken is not None:
            raise self.broken


@contextmanager
def over_lab(plan: Schedule) -> Generator[Storm]:
    """A storm that has not begun, over a lab of its own."""
    with ExitStack() as stack:
        kept: list[Disks] = []

        @contextmanager
        def ground(lab: Lab) -> Generator[None]:
            with disks.mounted(lab.place, HOSTS) as made:
                kept.append(made)
                if len(plan.front_ends) > 1:
                    frontends.start_database(lab)
                yield

        stack.enter_context(clocks.settable())
        others = plan.front_ends[1:]
        text = frontends.text(plan.front_ends) if others else TEXT
        lab = stack.enter_context(labs.up(text, ground))
        if others:
            frontends.join(lab, others)
        yield Storm(lab, kept[0], plan)


def live(plan: Schedule, keep: Path | None = None) -> str:
    """Live a storm over a lab of its own; return what became of it, raise what was broken."""
    with over_lab(plan) as storm, ExitStack() as broken:
        if keep is not None:
            broken.callback(_keep, storm.lab, keep / f"seed-{plan.seed}")
        told = storm.live()
        broken.pop_all()
        return told


def _keep(lab: Lab, to: Path) -> None:
    """Keep what tells how it came."""
    if frontends.has_database(lab):
        to.mkdir(parents=True, exist_ok=True)
        frontends.dump_database(lab.place, to)
    for host in HOSTS:
        layout = lab.layout(host)
        shutil.copytree(layout.log, to / host / "log", dirs_exist_ok=True)
        for path in (layout.ledger, layout.database, layout.database.with_suffix(".db-wal")):
            if path.exists():
                shutil.copy(path, to / host)
        qemu = layout.libvirt / "log" / "qemu"
        if qemu.is_dir():
            shutil.copytree(qemu, to / host / "qemu", dirs_exist_ok=True)


def main() -> None:
    """Live the storm of one seed, or of all from the first up to the second."""
    parser = argparse.ArgumentParser(prog="python -m tests.storms.storm")
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int, nargs="?")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each storm is")
    parser.add_argument("--keep", type=Path, help="where to keep logs of those that break a law")
    parser.add_argument("--show", action="store_true", help="print the schedule, do nothing")
    given = parser.parse_args()
    if given.show:
        print(schedule.of(given.first, given.seconds))
        return
    subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
    if given.last is not None:
        # A process for each: labs are alike, and a connection to one that is gone would be kept.
        ends = [_live_apart(seed, given) for seed in range(given.first, given.last)]
        print(f"{len(ends)} storms, {sum(map(bool, ends))} broke a law")
        sys.exit(any(ends))
    plan = schedule.of(given.first, given.seconds)
    try:
        began = time.monotonic()
        told = live(plan, given.keep)
        print(f"seed {plan.seed}: {told}, lab and all in {time.monotonic() - began:.0f} s")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
        sys.exit(f"seed {plan.seed}: {type(error).__name__}: {error}\n{plan}\n{again(plan)}")


def _live_apart(seed: int, given: argparse.Namespace) -> int:
    line = [sys.executable, "-m", "tests.storms.storm", str(seed), "--seconds", str(given.seconds)]
    if given.keep is not None:
        line += ["--keep", str(given.keep)]
    return subprocess.run(line, check=False).returncode


def again(plan: Schedule) -> str:
    """Return the command that lives a storm again."""
    line = f"python -m tests.storms.storm {plan.seed} --seconds {plan.seconds:g}"
    return f"live it again: unshare --net {line}"


if __name__ == "__main__":
    main()
