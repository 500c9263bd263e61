"""The `mallee` command: the tree of its verbs, and how trouble is told.

A verb is a function in a sibling file, found by name only when it is called, so that `--help` and
`--version` import little. Exit status: 0 done, 1 refused or failed (cause and cure on standard
error), 2 wrong usage.
"""

import os
import sys

from cyclopts import App

import mallee
from mallee.box import client, steps
from mallee.cli import words

app = App(name="mallee", help="A private cloud that speaks the AWS APIs.", version=mallee.VERSION)

VERBS = {
    "faststart": (
        "mallee.cli.machines.faststart:faststart",
        "From this machine to an instance that answers SSH; run it again at any point.",
    ),
    "up": (
        "mallee.cli.machines.machine:up",
        "Start the cloud on this machine, and wait until it answers.",
    ),
    "down": ("mallee.cli.machines.machine:down", "Stop the cloud's daemons; guests go on running."),
    "status": (
        "mallee.cli.machines.daemons:status",
        "Show which daemons run, and where to reach what.",
    ),
    "doctor": (
        "mallee.cli.machines.doctor:doctor",
        "Check this machine; each finding has a cure.",
    ),
    "destroy": (
        "mallee.cli.machines.destroy:destroy",
        "Remove the cloud and everything that it made.",
    ),
    "login": (
        "mallee.cli.people.login:login",
        "Sign in with a password, or at an organisation; writes a profile that ends.",
    ),
    "logs": ("mallee.cli.machines.daemons:logs", "Show the daemons' logs."),
    "ssh": ("mallee.cli.instances.instances:ssh", "Open a shell in an instance."),
    "tunnel": (
        "mallee.cli.instances.instances:tunnel",
        "Pass standard input and output to a port of an instance without public address.",
    ),
    "console": ("mallee.cli.instances.instances:console", "Open an instance's serial console."),
    "services": (
        "mallee.cli.machines.hosts:list_services",
        "List the services of the cloud and of its hosts, and how each is.",
    ),
    "request": ("mallee.cli.people.registrations:request", "Ask for an account of a cloud."),
    "accept": ("mallee.cli.people.registrations:accept", "Accept an invitation with its token."),
    "explain": (
        "mallee.cli.instances.explain:explain",
        "Tell why a thing is as it is, what its host would do, and who changed it.",
    ),
    "trace": (
        "mallee.cli.instances.trace:trace",
        "Tell by what way a packet goes between two ends, and where it dies.",
    ),
}
for _name, (_place, _help) in VERBS.items():
    app.command(_place, name=_name, help=_help)

GROUPS = {
    "access": (
        "Who may do what.",
        {"explain": "mallee.cli.people.access:explain"},
    ),
    "audit": (
        "Who did what.",
        {"list": "mallee.cli.audit:list_calls", "verify": "mallee.cli.audit:verify"},
    ),
    "credentials": (
        "What clients need to speak to the cloud.",
        {
            name: f"mallee.cli.people.credentials:{name}"
            for name in ("env", "profile", "show", "zip")
        },
    ),
    "images": (
        "Images: built-in ones, recipes, changes, proofs.",
        {
            "build": "mallee.cli.images.images:build",
            "customise": "mallee.cli.images.customising:customise",
            "bundle": "mallee.cli.images.imagebundles:bundle",
            "delete-bundle": "mallee.cli.images.imagebundles:delete_bundle",
            "download-bundle": "mallee.cli.images.imagebundles:download_bundle",
            "export": "mallee.cli.images.imagefiles:export_image",
            "import": "mallee.cli.images.imagefiles:import_file",
            "unbundle": "mallee.cli.images.imagebundles:unbundle",
            "upload-bundle": "mallee.cli.images.imagebundles:upload_bundle",
            "list": "mallee.cli.images.images:list_images",
            "test": "mallee.cli.images.imagetests:prove",
        },
    ),
    "lab": (
        "Several hosts on this machine, to learn with and to try things out.",
        {
            name: f"mallee.cli.machines.lab:{name}"
            for name in ("up", "down", "status", "cut", "mend", "enter", "power")
        },
    ),
    "hosts": (
        "The machines of the cloud: list them, let them in and out of work.",
        {
            "list": "mallee.cli.machines.hosts:list_hosts",
            "events": "mallee.cli.machines.hosts:show_events",
            "enable": "mallee.cli.machines.hosts:enable",
            "disable": "mallee.cli.machines.hosts:disable",
            "drain": "mallee.cli.machines.hosts:drain",
            "maintenance": "mallee.cli.machines.hosts:maintain",
            "change": "mallee.cli.machines.hosts:change",
            "retire": "mallee.cli.machines.hosts:retire",
        },
    ),
    "config": (
        "The settings of this machine's cloud: what they are, what a change would do, and back.",
        {
            "show": "mallee.cli.machines.config:show",
            "check": "mallee.cli.machines.config:check",
            "plan": "mallee.cli.machines.config:plan",
            "apply": "mallee.cli.machines.config:apply",
            "history": "mallee.cli.machines.config:history",
            "rollback": "mallee.cli.machines.config:rollback",
            "move-database": "mallee.cli.machines.config:move_database",
            "import": "mallee.cli.machines.config:import_eucalyptus",
        },
    ),
    "networks": (
        "Networks of security groups, in the classic network modes.",
        {"list": "mallee.cli.machines.networks:list_networks"},
    ),
    "zones": (
        "Availability zones: where hosts stand together.",
        {
            "list": "mallee.cli.machines.zones:list_zones",
            "create": "mallee.cli.machines.zones:create",
            "remove": "mallee.cli.machines.zones:remove",
        },
    ),
    "node": (
        "Machines that become hosts of a cloud.",
        {"invite": "mallee.cli.machines.nodes:invite", "join": "mallee.cli.machines.nodes:join"},
    ),
    "frontends": (
        "Machines that answer for one cloud: the first, and others on one database.",
        {
            "make": "mallee.cli.machines.frontends:make",
            "invite": "mallee.cli.machines.frontends:invite",
            "join": "mallee.cli.machines.frontends:join",
            "list": "mallee.cli.machines.frontends:list_front_ends",
            "remove": "mallee.cli.machines.frontends:remove",
        },
    ),
    "accounts": (
        "Tenants of the cloud.",
        {
            "create": "mallee.cli.people.cloud:create_account",
            "list": "mallee.cli.people.cloud:list_accounts",
            "show": "mallee.cli.people.accounts:show",
            "suspend": "mallee.cli.people.accounts:suspend",
            "resume": "mallee.cli.people.accounts:resume",
            "delete": "mallee.cli.people.accounts:delete",
            "policies": "mallee.cli.people.accounts:policies",
            "put-policy": "mallee.cli.people.accounts:put_policy",
            "delete-policy": "mallee.cli.people.accounts:delete_policy",
        },
    ),
    "registrations": (
        "Who asked for an account, or was invited to one.",
        {
            "list": "mallee.cli.people.registrations:list_registrations",
            "approve": "mallee.cli.people.registrations:approve",
            "reject": "mallee.cli.people.registrations:reject",
            "invite": "mallee.cli.people.registrations:invite",
        },
    ),
    "users": (
        "People: imported from a directory, invited, disabled.",
        {
            "list": "mallee.cli.people.people:list_users",
            "import-csv": "mallee.cli.people.people:import_csv",
            "import-ldap": "mallee.cli.people.people:import_ldap",
            "invite": "mallee.cli.people.people:invite",
            "enable": "mallee.cli.people.people:enable",
            "disable": "mallee.cli.people.people:disable",
        },
    ),
    "keys": (
        "The master key, under which secrets are sealed.",
        {"rotate": "mallee.cli.machines.keys:rotate", "status": "mallee.cli.machines.keys:status"},
    ),
    "authority": (
        "The authority that certifies hosts and front ends.",
        {
            "rotate": "mallee.cli.machines.authority:rotate",
            "status": "mallee.cli.machines.authority:status",
        },
    ),
    "quota": (
        "The most that accounts and users may have, and what they have.",
        {
            "show": "mallee.cli.people.quotas:show",
            "set": "mallee.cli.people.quotas:set_limit",
            "unset": "mallee.cli.people.quotas:unset",
        },
    ),
    "instances": (
        "Instances, as the cloud's administration handles them.",
        {"migrate": "mallee.cli.machines.migrations:migrate"},
    ),
    "ipam": (
        "Ranges of addresses: pools, what is in use, and who may take of which pool.",
        {
            "tree": "mallee.cli.ipam:tree",
            "used": "mallee.cli.ipam:used",
            "share": "mallee.cli.ipam:share",
        },
    ),
    "events": (
        "Scheduled events: what will be done to instances, and what ails them.",
        {
            "list": "mallee.cli.instances.events:list_events",
            "schedule": "mallee.cli.instances.events:schedule",
            "cancel": "mallee.cli.instances.events:cancel",
            "reports": "mallee.cli.instances.events:reports",
        },
    ),
    "why-not": (
        "Why something is not possible now.",
        {
            "launch": "mallee.cli.instances.whynot:launch",
            "packet": "mallee.cli.instances.whynot:packet",
        },
    ),
    "types": (
        "Instance types: what instances may be launched as.",
        {
            "list": "mallee.cli.instances.instancetypes:list_types",
            "create": "mallee.cli.instances.instancetypes:create",
            "change": "mallee.cli.instances.instancetypes:change",
            "remove": "mallee.cli.instances.instancetypes:remove",
            "reset": "mallee.cli.instances.instancetypes:reset",
        },
    ),
    "buckets": (
        "Buckets of all accounts, what they hold, and whether it is still right.",
        {
            "list": "mallee.cli.objects.buckets:list_buckets",
            "usage": "mallee.cli.objects.buckets:usage",
            "quota": "mallee.cli.objects.buckets:quota",
            "scrub": "mallee.cli.objects.buckets:scrub",
            "status": "mallee.cli.objects.buckets:status",
            "check": "mallee.cli.objects.buckets:check",
            "restore": "mallee.cli.objects.buckets:restore",
        },
    ),
    "webhooks": (
        "Programs that are told of changes in buckets.",
        {
            "list": "mallee.cli.objects.webhooks:list_webhooks",
            "create": "mallee.cli.objects.webhooks:create",
            "rotate": "mallee.cli.objects.webhooks:rotate",
            "delete": "mallee.cli.objects.webhooks:delete",
        },
    ),
    "kvm": (
        "Hardware virtualisation.",
        {
            "prove": "mallee.cli.machines.machine:prove_kvm",
            "show": "mallee.cli.machines.machine:show_kvm",
        },
    ),
}
_READ_NO_MORE = 141
"""The exit status when whoever reads the output has gone, such as `head`: as a shell tells it."""
LISTS = frozenset({"hosts", "networks", "zones"})
"""Groups whose name alone lists what there is."""

for _name, (_help, _verbs) in GROUPS.items():
    _group = App(name=_name, help=_help)
    for _verb, _place in _verbs.items():
        _group.command(_place, name=_verb)
    app.command(_group)


def main() -> None:
    """Run the command line; the process ends with its exit status."""
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = _READ_NO_MORE
    if status == _READ_NO_MORE:
        # What is still to be written has nowhere to go: nobody shall hear of it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status."""
    arguments = _with_verb(arguments)
    _find_sentences(arguments)
    try:
        app(arguments, exit_on_error=True)
    except steps.Failed as failure:
        words.complain(failure)
        return 1
    except client.Refused as refused:
        words.complain(steps.Failed(str(refused), ""))
        return 1
    except client.Unreachable as silent:
        # Who is let in by others may sit at another machine than the cloud's.
        cure = "see whether the address is right; at the cloud's machine: `mallee status`"
        words.complain(steps.Failed(str(silent), cure))
        return 1
    except KeyboardInterrupt:
        return 130
    except EOFError:
        words.complain(steps.Failed("nobody is there to answer", "say it with an option: --help"))
        return 1
    except BrokenPipeError:
        return _READ_NO_MORE
    except OSError as error:
        words.complain(steps.Failed(str(error), "mallee doctor"))
        return 1
    return 0


def _with_verb(arguments: list[str]) -> list[str]:
    """Let groups that are a list of things first of all be asked for it by their name alone."""
    if not arguments or arguments[0] not in LISTS:
        return arguments
    name, rest = arguments[0], arguments[1:]
    asks_more = bool(rest) and (not rest[0].startswith("-") or rest[0] in ("-h", "--help"))
    return arguments if asks_more else [name, "list", *rest]


def _find_sentences(arguments: list[str]) -> None:
    """Let help that is asked for say what functions say of themselves, once they are found."""
    if not arguments:
        return
    name, rest = arguments[0], arguments[1:]
    asks = "--help" in rest or "-h" in rest
    if asks and name in VERBS:
        app[name].help = None
    if (asks or not rest) and name in GROUPS:
        for verb in GROUPS[name][1]:
            app[name][verb]


if __name__ == "__main__":
    main()
