"""The `mallee` command: the tree of its verbs, and how trouble is told.

A verb is a function in a sibling file, found by name only when it is called, so that `--help` and
`--version` import little. Exit status: 0 done, 1 refused or failed (cause and cure on standard
error), 2 wrong usage.
"""

import sys

from cyclopts import App

import mallee
from mallee.box import client, steps
from mallee.cli import words

app = App(name="mallee", help="A private cloud that speaks the AWS APIs.", version=mallee.VERSION)

VERBS = {
    "faststart": (
        "mallee.cli.faststart:faststart",
        "From this machine to an instance that answers SSH; run it again at any point.",
    ),
    "up": ("mallee.cli.machine:up", "Start the cloud on this machine, and wait until it answers."),
    "down": ("mallee.cli.machine:down", "Stop the cloud's daemons; guests go on running."),
    "status": ("mallee.cli.machine:status", "Show which daemons run, and where to reach what."),
    "doctor": ("mallee.cli.machine:doctor", "Check this machine; each finding has a cure."),
    "destroy": ("mallee.cli.machine:destroy", "Remove the cloud and everything that it made."),
    "login": (
        "mallee.cli.login:login",
        "Sign in with a password, or at an organisation; writes a profile that ends.",
    ),
    "logs": ("mallee.cli.machine:logs", "Show the daemons' logs."),
    "ssh": ("mallee.cli.instances:ssh", "Open a shell in an instance."),
    "tunnel": (
        "mallee.cli.instances:tunnel",
        "Pass standard input and output to a port of an instance without public address.",
    ),
    "console": ("mallee.cli.instances:console", "Open an instance's serial console."),
    "services": (
        "mallee.cli.hosts:list_services",
        "List the services of the cloud and of its hosts, and how each is.",
    ),
    "request": ("mallee.cli.registrations:request", "Ask for an account of a cloud."),
    "accept": ("mallee.cli.registrations:accept", "Accept an invitation with its token."),
    "explain": (
        "mallee.cli.explain:explain",
        "Tell why a thing is as it is, what its host would do, and who changed it.",
    ),
    "trace": (
        "mallee.cli.trace:trace",
        "Tell by what way a packet goes between two ends, and where it dies.",
    ),
}
for _name, (_place, _help) in VERBS.items():
    app.command(_place, name=_name, help=_help)

GROUPS = {
    "access": (
        "Who may do what.",
        {"explain": "mallee.cli.access:explain"},
    ),
    "audit": (
        "Who did what.",
        {"list": "mallee.cli.audit:list_calls", "verify": "mallee.cli.audit:verify"},
    ),
    "credentials": (
        "What clients need to speak to the cloud.",
        {name: f"mallee.cli.credentials:{name}" for name in ("env", "profile", "show", "zip")},
    ),
    "images": (
        "Images: built-in ones, recipes, changes, proofs.",
        {
            "build": "mallee.cli.images:build",
            "customise": "mallee.cli.customising:customise",
            "bundle": "mallee.cli.imagebundles:bundle",
            "delete-bundle": "mallee.cli.imagebundles:delete_bundle",
            "download-bundle": "mallee.cli.imagebundles:download_bundle",
            "export": "mallee.cli.imagefiles:export_image",
            "import": "mallee.cli.imagefiles:import_file",
            "unbundle": "mallee.cli.imagebundles:unbundle",
            "upload-bundle": "mallee.cli.imagebundles:upload_bundle",
            "list": "mallee.cli.images:list_images",
            "test": "mallee.cli.imagetests:prove",
        },
    ),
    "lab": (
        "Several hosts on this machine, to learn with and to try things out.",
        {
            name: f"mallee.cli.lab:{name}"
            for name in ("up", "down", "status", "cut", "mend", "enter", "power")
        },
    ),
    "hosts": (
        "The machines of the cloud: list them, let them in and out of work.",
        {
            "list": "mallee.cli.hosts:list_hosts",
            "events": "mallee.cli.hosts:show_events",
            "enable": "mallee.cli.hosts:enable",
            "disable": "mallee.cli.hosts:disable",
            "drain": "mallee.cli.hosts:drain",
            "maintenance": "mallee.cli.hosts:maintain",
            "change": "mallee.cli.hosts:change",
            "retire": "mallee.cli.hosts:retire",
        },
    ),
    "config": (
        "The settings of this machine's cloud: what they are, what a change would do, and back.",
        {
            "show": "mallee.cli.config:show",
            "check": "mallee.cli.config:check",
            "plan": "mallee.cli.config:plan",
            "apply": "mallee.cli.config:apply",
            "history": "mallee.cli.config:history",
            "rollback": "mallee.cli.config:rollback",
            "move-database": "mallee.cli.config:move_database",
            "import": "mallee.cli.config:import_eucalyptus",
        },
    ),
    "networks": (
        "Networks of security groups, in the classic network modes.",
        {"list": "mallee.cli.networks:list_networks"},
    ),
    "zones": (
        "Availability zones: where hosts stand together.",
        {
            "list": "mallee.cli.zones:list_zones",
            "create": "mallee.cli.zones:create",
            "remove": "mallee.cli.zones:remove",
        },
    ),
    "node": (
        "Machines that become hosts of a cloud.",
        {"invite": "mallee.cli.nodes:invite", "join": "mallee.cli.nodes:join"},
    ),
    "frontends": (
        "Machines that answer for one cloud: the first, and others on one database.",
        {
            "make": "mallee.cli.frontends:make",
            "invite": "mallee.cli.frontends:invite",
            "join": "mallee.cli.frontends:join",
            "list": "mallee.cli.frontends:list_front_ends",
            "remove": "mallee.cli.frontends:remove",
        },
    ),
    "accounts": (
        "Tenants of the cloud.",
        {
            "create": "mallee.cli.cloud:create_account",
            "list": "mallee.cli.cloud:list_accounts",
            "show": "mallee.cli.accounts:show",
            "suspend": "mallee.cli.accounts:suspend",
            "resume": "mallee.cli.accounts:resume",
            "delete": "mallee.cli.accounts:delete",
            "policies": "mallee.cli.accounts:policies",
            "put-policy": "mallee.cli.accounts:put_policy",
            "delete-policy": "mallee.cli.accounts:delete_policy",
        },
    ),
    "registrations": (
        "Who asked for an account, or was invited to one.",
        {
            "list": "mallee.cli.registrations:list_registrations",
            "approve": "mallee.cli.registrations:approve",
            "reject": "mallee.cli.registrations:reject",
            "invite": "mallee.cli.registrations:invite",
        },
    ),
    "users": (
        "People: imported from a directory, invited, disabled.",
        {
            "list": "mallee.cli.people:list_users",
            "import-csv": "mallee.cli.people:import_csv",
            "import-ldap": "mallee.cli.people:import_ldap",
            "invite": "mallee.cli.people:invite",
            "enable": "mallee.cli.people:enable",
            "disable": "mallee.cli.people:disable",
        },
    ),
    "keys": (
        "The master key, under which secrets are sealed.",
        {"rotate": "mallee.cli.keys:rotate", "status": "mallee.cli.keys:status"},
    ),
    "authority": (
        "The authority that certifies hosts and front ends.",
        {"rotate": "mallee.cli.authority:rotate", "status": "mallee.cli.authority:status"},
    ),
    "quota": (
        "The most that accounts and users may have, and what they have.",
        {
            "show": "mallee.cli.quotas:show",
            "set": "mallee.cli.quotas:set_limit",
            "unset": "mallee.cli.quotas:unset",
        },
    ),
    "instances": (
        "Instances, as the cloud's administration handles them.",
        {"migrate": "mallee.cli.migrations:migrate"},
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
            "list": "mallee.cli.events:list_events",
            "schedule": "mallee.cli.events:schedule",
            "cancel": "mallee.cli.events:cancel",
            "reports": "mallee.cli.events:reports",
        },
    ),
    "why-not": (
        "Why something is not possible now.",
        {"launch": "mallee.cli.whynot:launch", "packet": "mallee.cli.whynot:packet"},
    ),
    "types": (
        "Instance types: what instances may be launched as.",
        {
            "list": "mallee.cli.instancetypes:list_types",
            "create": "mallee.cli.instancetypes:create",
            "change": "mallee.cli.instancetypes:change",
            "remove": "mallee.cli.instancetypes:remove",
            "reset": "mallee.cli.instancetypes:reset",
        },
    ),
    "buckets": (
        "Buckets of all accounts, what they hold, and whether it is still right.",
        {
            "list": "mallee.cli.buckets:list_buckets",
            "usage": "mallee.cli.buckets:usage",
            "quota": "mallee.cli.buckets:quota",
            "scrub": "mallee.cli.buckets:scrub",
            "status": "mallee.cli.buckets:status",
            "check": "mallee.cli.buckets:check",
        },
    ),
    "webhooks": (
        "Programs that are told of changes in buckets.",
        {
            "list": "mallee.cli.webhooks:list_webhooks",
            "create": "mallee.cli.webhooks:create",
            "rotate": "mallee.cli.webhooks:rotate",
            "delete": "mallee.cli.webhooks:delete",
        },
    ),
    "kvm": (
        "Hardware virtualisation.",
        {"prove": "mallee.cli.machine:prove_kvm", "show": "mallee.cli.machine:show_kvm"},
    ),
}
LISTS = frozenset({"hosts", "networks", "zones"})
"""Groups whose name alone lists what there is."""

for _name, (_help, _verbs) in GROUPS.items():
    _group = App(name=_name, help=_help)
    for _verb, _place in _verbs.items():
        _group.command(_place, name=_verb)
    app.command(_group)


def main() -> None:
    """Run the command line; the process ends with its exit status."""
    sys.exit(run(sys.argv[1:]))


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
