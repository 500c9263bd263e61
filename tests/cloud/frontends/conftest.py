"""What tests of several front ends share: PostgreSQL."""

from tests import postgresql

postgresql_socket = postgresql.postgresql_socket
postgresql_url = postgresql.postgresql_url
