"""How much of what every account uses: sums over its records, kept as they change.

Part of the index, so it is exact wherever the index is: in a transaction it contains what that
transaction did so far, and it is never stored. What a record uses says `records.MEASURES`.
"""

from collections.abc import Mapping
from typing import Any

from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.quotas import NOTHING, Share, Use

Amounts = Mapping[str, int]
"""Amount by quota key."""

_NONE: Mapping[Share, Amounts] = {}


class Usage:
    """Amounts by account, share and quota key."""

    __slots__ = ("_by_account",)

    def __init__(self) -> None:
        self._by_account: dict[str, dict[Share, dict[str, int]]] = {}

    def of(self, account: str) -> Mapping[Share, Amounts]:
        """Return the amounts that an account uses, by share; not a copy."""
        return self._by_account.get(account, _NONE)

    def accounts(self) -> Mapping[str, Mapping[Share, Amounts]]:
        """Return the same for all accounts; not a copy."""
        return self._by_account

    def change(self, before: Record[Any, Any] | None, after: Record[Any, Any] | None) -> None:
        """Count that a record came, became another, or went."""
        either = before or after
        measure = records.MEASURES.get(either.kind.name) if either else None
        if measure is None:
            return
        was = measure(before.doc, before.seen) if before else NOTHING
        now = measure(after.doc, after.seen) if after else NOTHING
        if was == now and before and after and before.account == after.account:
            return
        if before is not None:
            self._add(before.account, was, -1)
        if after is not None:
            self._add(after.account, now, 1)

    def copy(self) -> "Usage":
        """Return one of its own with the same content."""
        other = Usage()
        other._by_account = {
            account: {share: dict(amounts) for share, amounts in shares.items()}
            for account, shares in self._by_account.items()
        }
        return other

    def _add(self, account: str, use: Use, sign: int) -> None:
        if not use.amounts:
            return
        shares = self._by_account.setdefault(account, {})
        for share in use.shares:
            amounts = shares.setdefault(share, {})
            for key, amount in use.amounts:
                total = amounts.get(key, 0) + sign * amount
                if total:
                    amounts[key] = total
                else:
                    amounts.pop(key, None)
            if not amounts:
                del shares[share]
        if not shares:
            del self._by_account[account]
