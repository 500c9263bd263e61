"""The type of a row of the action table: what an action is called, who may call it, what does it.

Everything that several actions share follows from the row and the service model, in the pipeline:
DryRun, ClientToken, filters, paging, refusal of parameters that are not honoured.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mallee.aws import errors, policy
from mallee.cloud.call import Call, Principal, Request, Result, WriteCall
from mallee.cloud.state.records import Record
from mallee.kit import secretbox

if TYPE_CHECKING:
    # S3 has rows too, and nobody there whom a provider vouches for.
    from mallee.cloud.identity import keysets

Reader = Callable[[Call, Request], Result]
Writer = Callable[[WriteCall, Request], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An action that only looks."""

    handle: Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """An action that changes the store, in one transaction that the pipeline opens."""

    handle: Writer
    prepare: Callable[[Call, Request, secretbox.SecretBox], Callable[[], Any] | None] | None = None
    """Returns work that takes long (making a key, hashing a password), having read in the view what
    it takes; None: nothing is to be done. The work is done in a thread before the transaction, for
    which others wait; the handler finds what it returned in `WriteCall.prepared`."""
    asks: Callable[[Call, Request], tuple[str, str, str, str]] | None = None
    """Returns a question to a host, as `AskHost` does, which must be answered before anything is
    written; the handler finds both in `WriteCall.prepared` (`asks.Told`), and believes the answer
    no more than it must: a host may lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskHost:
    """An action that needs an answer from a host; `prepare` finds which question to ask whom."""

    prepare: Callable[[Call, Request], tuple[str, str, str] | tuple[str, str, str, str]]
    """Returns (host id, kind of question, instance id), and what more the question says."""
    finish: Callable[[Call, Request, bytes], Result]
    """Turns the host's answer into the result."""
    is_slow: bool = False
    """Whether `finish` takes long enough to be done in a thread."""
    goes_on: Callable[[Call, Request, bytes], tuple[str, str, str, str] | None] | None = None
    """Where the answer may lead to a question for another host: returns that, like `prepare`, or
    None. `finish` then gets both answers, a line each, as JSON has no line breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """An action that looks through files, a piece at a time, in a thread: what is in `Call.view`
    is not its to read. Each account may ask so often and no more (`strangers`)."""

    look: Callable[[Call, Request, str], tuple[Result, str]]
    """Takes the position after which to go on, empty at first; returns the result, and the position
    that NextToken shall remember, empty at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """An action that opens secrets of the store and computes with them: nothing is changed."""

    prepare: Callable[[Call, Request, secretbox.SecretBox], Callable[[], Result]]
    """Reads in the view what is needed, and raises what stands against it; returns the work. Where
    only a dry run is wanted, the work is not done."""
    is_slow: bool = False
    """Whether the work takes long enough to be done in a thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """An action on objects: it takes or gives bytes, or looks at or changes the object store. Only
    the process of S3 runs such rows (`s3.exchange` has the types)."""

    handle: Callable[[Any, Request], Awaitable[Any]]
    """`async (ObjectCall, asked) -> Answer`."""
    changes: bool
    """Whether anything is different afterwards."""


@runtime_checkable
class InOrder(Protocol):
    """Things of which a page is taken without a look at all the others."""

    def __iter__(self) -> Iterator[Any]:
        """Return all of them."""
        ...

    def after(self, key: str, /) -> Iterator[Any]:
        """Return those whose `Listing.key` comes after this one, ordered by it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A Describe action: find, filter, page, render. Only `find` and `render` are the noun's own.

    `find` returns what the caller may see, in a stable order, already narrowed to the ids asked for
    (raising `Invalid…NotFound` for one that is not there); what may be many is `InOrder`. A filter
    gives the values that an item has under that name; `tag:…`, `tag-key` and `tag-value` are there
    for every item with tags.
    """

    find: Callable[[Call, Request], Iterable[Any]]
    render: Callable[[Call, Any], Any]
    member: str
    """The list member of the result: `SecurityGroups`."""
    filters: Mapping[str, Callable[[Call, Any], Iterable[str]]]
    tags: Callable[[Any], Mapping[str, str]] | None = None
    key: Callable[[Any], str] = lambda item: item.id
    """What a paging token remembers of the last item shown."""
    max_results: tuple[int, int] = (5, 1000)
    """Least and greatest MaxResults."""
    regroup: Callable[[Call, list[Any]], list[Any]] | None = None
    """Turns a page of items into the list that is rendered (instances into reservations)."""
    head: Callable[[Call, Request], Result] | None = None
    """Gives the members of the result beside the list."""
    split: Callable[[list[Any]], Mapping[str, list[Any]]] | None = None
    """Turns what was rendered into lists, where a result has several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """How a service calls what pages are asked for and told with."""

    size: str = "MaxItems"
    is_cut: str = "IsTruncated"
    following: str = "Marker"
    """In the answer; in the request it is `Marker` in every service."""
    refusal: Callable[[], errors.AwsError] = lambda: errors.ValidationError("Invalid Marker.")
    """What a Marker that means nothing is answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """A List action of IAM and its like: find, page by Marker and a size, render."""

    find: Callable[[Call, Request], Iterable[Any]]
    render: Callable[[Call, Any], Any]
    member: str
    """The list member of the result: `Users`."""
    key: Callable[[Any], str]
    """What an item is ordered by, and a Marker remembers of the last item shown."""
    head: Callable[[Call, Request], Result] | None = None
    """Gives the members of the result beside the list."""
    split: Callable[[list[Any]], Mapping[str, list[Any]]] | None = None
    """Turns a page of what was rendered into lists, where a result has several."""
    words: PageWords = PageWords()


@dataclass(frozen=True, slots=True)
class Pass:
    """A role that a request hands to a service, which may then act as it: `iam:PassRole`."""

    role_arn: str
    service: str
    """`ec2.amazonaws.com`; policies know it as `iam:PassedToService`."""
    associated_arns: tuple[str, ...] = ()
    """ARNs of what the role is for, as far as they have one yet (`iam:AssociatedResourceArn`)."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A permission that policies do not give, though none denies it."""

    permission: str
    resource: str
    missing: tuple[policy.Kind, ...]
    """The kinds of policies that would have to allow it."""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Something that a service does with a key of the key store in its caller's name."""

    operation: str
    """Of the key store's: `GenerateDataKeyWithoutPlaintext`."""
    key: str
    """The key that must be usable: id, ARN or alias."""
    asked: Request
    """What the caller would have asked of the key store himself: it names the same key."""


class Presumes(Enum):
    """What a row can only do in some network modes."""

    NOTHING = "nothing"
    OWN_NETWORKS = "networks of one's own"
    """Ranges, routes and gateways of an account: mode `vpc`."""
    PUBLIC_ADDRESSES = "public addresses besides the private ones"
    """Not `static` and `system`, in which an instance has an address of the LAN."""
    GIVEN_ADDRESSES = "addresses that the cloud gives"
    """Not `system`, in which the LAN's DHCP server gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A row: an action of a service, its permission, the parameters it honours, and its handler."""

    service: str
    name: str
    does: Read | Write | AskHost | Scan | Listing | Pages | Compute | Serve
    honours: frozenset[str]
    """Members of the request that mean something here, dotted where only parts of a structure do
    (`Placement.AvailabilityZone`). Any other is refused with `UnsupportedOperation`. DryRun,
    ClientToken, Filters, MaxResults, NextToken, Marker, MaxItems are the pipeline's and need no
    mention, save that a filter unknown to a Listing is refused as AWS does."""
    completes: Callable[[Call, Request], Request] | None = None
    """Returns the request with what it names but does not say: what a launch template says of a
    launch. Whether it is allowed is asked of the whole, and the handler gets the whole; the trail
    and a ClientToken know what was sent."""
    resources: Callable[[Call, Request], tuple[str, ...]] | None = None
    """The ARNs that the permission is checked against; None: the account as a whole (`*`)."""
    resource_policy: Callable[[Call, str], policy.Attached | None] | None = None
    """The policy of the thing that an ARN names, in whatever account: a role's trust policy. Where
    this is given, it has a say, and so have the policies of administrators' accounts."""
    also: Callable[[Call, Request], Iterable[str]] | None = None
    """Further permissions that a request needs on the same things (`sts:TagSession`); the policy of
    the thing has a say about them too."""
    needs: Callable[[Call, Request], Iterable[tuple[str, str]]] | None = None
    """The permissions that a request needs, each with the ARN that it is about, where they are not
    the row's own name on its `resources`: GetObject of a version is `s3:GetObjectVersion`."""
    passes: Callable[[Call, Request], Iterable[Pass]] | None = None
    """The roles that a request hands on: for each, the caller needs `iam:PassRole` too."""
    uses_keys: Callable[[Call, Request], Iterable[KeyUse]] | None = None
    """What the request has done with keys: for each, the caller needs the key store's permission,
    and the handler finds the keys in `WriteCall.keys`."""
    creates: tuple[str, ...] = ()
    """Resource types that TagSpecifications may name."""
    presumes: Presumes = Presumes.NOTHING
    """Without what of the network mode it is refused."""
    cloud_admin_only: bool = False
    """Whether only users of the cloud's own account may be allowed it."""
    is_everyones: bool = False
    """Whether whoever has a valid signature may, whatever his policies say."""
    waives: Callable[[Call, Request], bool] | None = None
    """Tells whether a request that no policy allows is allowed all the same, unless one denies it:
    what an account's other settings give its users."""
    grants: Callable[[Call, Request, Lack], bool] | None = None
    """Tells whether the caller was given what policies do not give him (a grant of a key)."""
    veils: Callable[[Call, Request, str], str] | None = None
    """Says how a refusal speaks of a thing, by its ARN, of which the caller shall learn no more
    than he said himself; empty where it may be named."""
    is_unsigned: bool = False
    """Whether it is answered without a signature: the caller is `call.NOBODY`, and each peer is
    let in so often and no more (`strangers`). The handler decides whom it believes."""
    vouch: "Callable[[Call, Request, keysets.KeySets], Awaitable[Principal]] | None" = None
    """Of an unsigned row: finds for whom an identity provider vouches in the request, which is then
    allowed or refused as his (`resource_policy`)."""

    is_weighing: bool = False
    """Whether it weighs policies that the request brings or names: what that takes is counted like
    the decisions about the account's own requests, its administrator's included (`effort`)."""

    beside: Callable[[Call], str] | None = None
    """Gives what is added to the answer, as XML, for those who come by Eucalyptus' paths and look
    there for what its service said in words of its own."""

    about: Callable[[Call, Request], str] | None = None
    """Finds the account that a request is about, where it may be another than the caller's, or he
    has none: the trail shows the call to that account too. Empty when there is no such account."""

    @property
    def permission(self) -> str:
        """The IAM action that must be allowed: `ec2:RunInstances`."""
        return f"{self.service}:{self.name}"


def presuming(what: Presumes, *rows: Action) -> tuple[Action, ...]:
    """Return the rows as those that presume it, as far as they change or find out anything: what
    only lists finds nothing where there is nothing."""
    return tuple(
        row if isinstance(row.does, Listing | Read) else replace(row, presumes=what) for row in rows
    )


def owned(record: Record[Any, Any] | None, account: str) -> bool:
    """Tell whether the record exists and belongs to the account."""
    return record is not None and record.account == account
