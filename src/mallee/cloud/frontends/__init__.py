"""Front ends: several processes of the cloud on one database, and how a machine becomes one."""
