#!/bin/sh
# Installs the real servers that the tests run against (PostgreSQL) from Debian's packages. Does nothing, and says nothing,
# when they are there. Needs root or sudo for the installation only; no service is started.
set -eu

for server in /usr/lib/postgresql/*/bin/initdb; do
  if [ -x "$server" ]; then exit 0; fi
done
if command -v initdb >/dev/null 2>&1; then exit 0; fi

if ! command -v apt-get >/dev/null 2>&1; then
  echo 'The tests need PostgreSQL (initdb, pg_ctl) on the PATH. Install it with the package manager of this system.' >&2
  exit 1
fi
as_root=''
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo 'The tests need PostgreSQL. Run as root: apt-get install postgresql' >&2
    exit 1
  fi
  as_root='sudo'
fi

printed=$(mktemp)
trap 'rm -f "$printed"' EXIT
# Debian's package makes and starts a cluster of its own unless told not to; the tests make theirs.
install() {
  $as_root mkdir -p /etc/postgresql-common &&
    { [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null; } &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
}
if ! install >"$printed" 2>&1; then
  cat "$printed" >&2
  echo 'PostgreSQL could not be installed (see above).' >&2
  exit 1
fi
