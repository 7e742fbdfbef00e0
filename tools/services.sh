#!/usr/bin/env bash
# Starts the PostgreSQL that the tests use where it is installed and not running. Changes nothing else.
set -euo pipefail

url="${1:?the address of a database to try, postgresql://user@host:port/name}"

answers() { psql --no-password --quiet --dbname "$url" --command 'SELECT 1' >/dev/null 2>&1; }

answers && exit 0
if ! command -v pg_ctlcluster >/dev/null; then
    echo "PostgreSQL is not installed. On Debian: apt-get install postgresql" >&2
    exit 1
fi
for version in $(ls /etc/postgresql 2>/dev/null || true); do
    pg_ctlcluster --skip-systemctl-redirect "$version" main start || true
done
for _ in $(seq 50); do
    answers && exit 0
    sleep 0.2
done
echo "PostgreSQL does not let us in at $url." >&2
echo "Let it in (pg_hba.conf: host all all 127.0.0.1/32 trust), or name another server: make check POSTGRES=postgresql+psycopg://user:password@host:port/" >&2
exit 1
