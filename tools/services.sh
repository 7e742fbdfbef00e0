#!/usr/bin/env bash
# Starts the Redis, the RabbitMQ and the PostgreSQL that the tests use where they are installed and not running. Changes nothing else.
set -euo pipefail

url="${1:?the address of a database to try, postgresql://user@host:port/name}"

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# What it is called, its port, and how it is started.
broker() {
    listens "$2" && return
    if ! command -v "$1" >/dev/null; then
        echo "$1 is not installed. On Debian: apt-get install $1" >&2
        exit 1
    fi
    "${@:3}" >/dev/null </dev/null
    for _ in $(seq 300); do
        listens "$2" && return
        sleep 0.2
    done
    echo "$1 was started and does not listen on port $2." >&2
    exit 1
}

# Where Debian has what only root starts.
PATH="$PATH:/usr/sbin"
broker redis-server 6379 redis-server --daemonize yes --bind 127.0.0.1 --port 6379 --save "" --dir /tmp
broker rabbitmq-server 5672 rabbitmq-server -detached

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
