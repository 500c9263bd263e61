"""The generic Describe: find, filter, page, regroup, render; and the generic List of IAM.

Called by the pipeline for every `Listing` and `Pages` row; a noun brings only how its things are
found and rendered. Filters keep AWS's rules: values of one filter are alternatives, filters add up,
wildcards `*` and `?`. A paging token is bound to the caller's account, the action and the
parameters, and remembers the key of the last item shown, so that things made or gone meanwhile
shift nothing. Not its business: filters' syntax (`aws.filters`) and tokens' (`aws.paging`).
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mallee.aws import errors, filters, paging
from mallee.cloud.action import Action, InOrder, Listing, Pages, PageWords, Scan
from mallee.cloud.call import Call, Request, Result
from mallee.kit import secretbox

MAX_FILTERS = 50
MAX_FILTER_VALUES = 200
PAGE_ITEMS = 100
"""How many items a List action shows when nobody says how many."""
MAX_EFFORT = 2_000_000
"""How much one request may keep all others waiting: characters of values with wildcards, times what
they are compared with."""
WILD_CHARACTER_COSTS = 100
"""What a wildcard's character costs before it is compared with anything."""

_PURPOSE = b"paging"

Values = Callable[[Any], Iterable[str]]
Test = Callable[[Any], bool]
_OF_ACCOUNTS = frozenset({"OwnerIds", "RestorableByUserIds"})
"""Ids of those whose things are asked for, and not of the things."""


class _Effort:
    """What is left of a request's share of the process."""

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self, effort: int) -> None:
        """Take some of it; raise `InvalidParameterValue` when it is used up."""
        self._left -= effort
        if self._left < 0:
            raise errors.InvalidParameterValue(
                "The filters' wildcards are too many for so many resources. Give fewer or shorter "
                "values with wildcards, or ask for resources by their ids."
            )


def run(action: Action, call: Call, request: Request, box: secretbox.SecretBox) -> Result:
    """Return the result of a Describe action; paging tokens are made with keys of the box."""
    listing = action.does
    assert isinstance(listing, Listing)
    found: Iterable[Any] = listing.find(call, request)
    tests = list(_tests(listing, call, _asked_filters(request)))
    result: dict[str, Any] = dict(listing.head(call, request)) if listing.head else {}
    if request.get("MaxResults") is not None or request.get("NextToken"):
        _refuse_ids(request)
        keys = box.derived(_PURPOSE)
        question = paging.Question(call.account, action.permission, request)
        after = (
            paging.decode(keys, question, request["NextToken"]) if "NextToken" in request else ""
        )
        size = _page_size(listing, request)
        page = list(itertools.islice(_fitting(_rest(listing, found, after), tests), size + 1))
        items = page[:size]
        if len(page) > size:
            result["NextToken"] = paging.encode(keys, question, listing.key(items[-1]))
    else:
        items = list(_fitting(found, tests))
    if listing.regroup is not None:
        items = listing.regroup(call, items)
    rendered = [listing.render(call, item) for item in items]
    result.update(listing.split(rendered) if listing.split else {listing.member: rendered})
    return result


def fitting(listing: Listing, call: Call, request: Request) -> list[Any]:
    """Return all that a Describe action finds, for an action that takes the same filters."""
    tests = list(_tests(listing, call, _asked_filters(request)))
    return list(_fitting(listing.find(call, request), tests))


def run_pages(action: Action, call: Call, request: Request, box: secretbox.SecretBox) -> Result:
    """Return the result of a List action of IAM; Markers are made with keys of the box."""
    keys = box.derived(_PURPOSE)
    pages = action.does
    assert isinstance(pages, Pages)
    question = paging.Question(call.account, action.permission, request)
    words = pages.words
    after = _after(keys, question, words, request.get("Marker"))
    size: int = request.get(words.size, PAGE_ITEMS)
    found = sorted(pages.find(call, request), key=pages.key)
    rest = [item for item in found if not after or pages.key(item) > after]
    items = rest[:size]
    result: dict[str, Any] = dict(pages.head(call, request)) if pages.head else {}
    rendered = [pages.render(call, item) for item in items]
    result.update(pages.split(rendered) if pages.split else {pages.member: rendered})
    result[words.is_cut] = len(rest) > size
    if len(rest) > size:
        result[words.following] = paging.encode(keys, question, pages.key(items[-1]))
    return result


def run_scan(action: Action, call: Call, request: Request, box: secretbox.SecretBox) -> Result:
    """Return the result of an action that looks through files; any thread's."""
    scan = action.does
    assert isinstance(scan, Scan)
    keys = box.derived(_PURPOSE)
    question = paging.Question(call.account, action.permission, request)
    token: str | None = request.get("NextToken")
    result, following = scan.look(
        call, request, paging.decode(keys, question, token) if token else ""
    )
    if not following:
        return result
    return {**result, "NextToken": paging.encode(keys, question, following)}


def _after(
    keys: paging.Keys, question: paging.Question, words: PageWords, marker: str | None
) -> str:
    try:
        return paging.decode(keys, question, marker) if marker else ""
    except errors.InvalidNextToken as error:
        raise words.refusal() from error


def _asked_filters(request: Request) -> Sequence[Request]:
    """Return the filters of a request; of two actions AWS calls them `Filter`."""
    return request.get("Filters") or request.get("Filter") or ()


def exact(request: Request, name: str) -> frozenset[str] | None:
    """Return the values that a filter takes; None: others may fit too, or it is not there.

    With it a `find` looks only where something can be; the filter is applied all the same.
    """
    for filter_ in _asked_filters(request):
        values: list[str] = filter_.get("Values") or []
        if filter_.get("Name") == name and not any(map(filters.is_wild, values)):
            return frozenset(values)
    return None


def _tests(listing: Listing, call: Call, asked: Sequence[Request]) -> Iterator[Test]:
    """Yield one test per filter that was asked for."""
    if len(asked) > MAX_FILTERS:
        raise errors.InvalidParameterValue(f"More than {MAX_FILTERS} filters were given")
    effort = _Effort(MAX_EFFORT)
    for filter_ in asked:
        name: str = filter_.get("Name") or ""
        patterns: list[str] = filter_.get("Values") or []
        if len(patterns) > MAX_FILTER_VALUES:
            raise errors.InvalidParameterValue(
                f"The filter '{name}' has more than {MAX_FILTER_VALUES} values"
            )
        effort.spend(_wild_characters(patterns) * WILD_CHARACTER_COSTS)
        yield _test(_values(listing, call, name), patterns, effort)


def _test(values: Values, patterns: Sequence[str], effort: "_Effort") -> Test:
    fits = filters.compile_patterns(patterns)
    cost = _wild_characters(patterns)
    if not cost:
        return lambda item: fits(values(item))

    def test(item: Any) -> bool:
        found = list(values(item))
        effort.spend(cost * len(found))
        return fits(found)

    return test


def _wild_characters(patterns: Iterable[str]) -> int:
    return sum(len(pattern) for pattern in patterns if filters.is_wild(pattern))


def _values(listing: Listing, call: Call, name: str) -> Values:
    """Return how an item's values under the filter's name are found."""
    own = listing.filters.get(name)
    if own is not None:
        return lambda item: own(call, item)
    tags = listing.tags
    if tags is not None:
        if name.startswith("tag:"):
            label = name.removeprefix("tag:")
            return lambda item: (tags(item)[label],) if label in tags(item) else ()
        if name == "tag-key":
            return lambda item: tags(item).keys()
        if name == "tag-value":
            return lambda item: tags(item).values()
    raise errors.InvalidFilter(name)


def _refuse_ids(request: Request) -> None:
    for name in request:
        if name.endswith("Ids") and name not in _OF_ACCOUNTS:
            raise errors.InvalidParameterCombination(
                f"The parameter {name} cannot be used with the parameter MaxResults"
            )


def _page_size(listing: Listing, request: Request) -> int:
    least, greatest = listing.max_results
    size: int | None = request.get("MaxResults")
    if size is not None and not least <= size <= greatest:
        raise errors.InvalidParameterValue(
            f"Value ( {size} ) for parameter maxResults is invalid. "
            f"Expecting a value between {least} and {greatest}."
        )
    return greatest if size is None else size


def _fitting(items: Iterable[Any], tests: Iterable[Test]) -> Iterable[Any]:
    """Return those that pass every test, each looked at when it is wanted."""
    for test in tests:
        items = filter(test, items)
    return items


def _rest(listing: Listing, found: Iterable[Any], after: str) -> Iterable[Any]:
    """Return, ordered by key, what comes after the one where the last page ended.

    A page is ordered by key and not as found, so that it begins at the same place whatever was
    made or removed since the last one.
    """
    if isinstance(found, InOrder):
        return found.after(after)
    rest = (item for item in found if not after or listing.key(item) > after)
    return sorted(rest, key=listing.key)
