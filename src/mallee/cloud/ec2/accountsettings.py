"""What an account has set once for all of EC2: read and written for the nouns that have a part.

Called by `serialaccess` and `metadatadefaults`, and by who heeds what was set. An account that has
set nothing has no record, and the defaults.
"""

from mallee.cloud.state import records, store
from mallee.model.identity.accountsettings import Ec2Settings


def of(reader: store.View | store.Tx, account: str) -> Ec2Settings:
    """Return what the account has set, or the defaults."""
    record = reader.get(records.EC2_SETTINGS, account)
    return record.doc if record else Ec2Settings()


def write(tx: store.Tx, account: str, settings: Ec2Settings) -> None:
    """Set them."""
    record = tx.get(records.EC2_SETTINGS, account)
    if record is None:
        tx.insert(records.EC2_SETTINGS, account, account, settings)
    elif record.doc != settings:
        tx.write(record, settings)
