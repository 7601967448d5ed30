#!/bin/sh
# Installs what the tests run against (PostgreSQL, MariaDB, ClickHouse, NATS, Chromium without a window) from Debian's packages. Does nothing,
# and says nothing, when they are there. Needs root or sudo for the installation only; no service is started.
set -eu

has_postgres() {
  for server in /usr/lib/postgresql/*/bin/initdb; do
    if [ -x "$server" ]; then return 0; fi
  done
  command -v initdb >/dev/null 2>&1
}
has() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

missing=''
has_postgres || missing="$missing postgresql"
# The core packages: the server without a service and without a database of its own. mariadb-install-db asks my_print_defaults.
{ has mariadbd && has my_print_defaults; } || missing="$missing mariadb-server-core mariadb-client-core"
has nats-server || missing="$missing nats-server"
has clickhouse-server || missing="$missing clickhouse-server"
# Chromium draws letters only where there is a font.
has chromium-headless-shell || missing="$missing chromium-headless-shell fonts-dejavu-core"
if [ -z "$missing" ]; then exit 0; fi

if ! command -v apt-get >/dev/null 2>&1; then
  echo "The tests need servers that are not on the PATH (Debian calls them$missing). Install them with the package manager of this system." >&2
  exit 1
fi
as_root=''
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "The tests need servers that are not installed. Run as root: apt-get install$missing" >&2
    exit 1
  fi
  as_root='sudo'
fi

printed=$(mktemp)
policy=''
finish() {
  rm -f "$printed"
  if [ -n "$policy" ]; then $as_root rm -f "$policy"; fi
}
trap finish EXIT
# Debian's way to say that an installation starts no service; a machine that has its own rule keeps it.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  policy=/usr/sbin/policy-rc.d
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
fi
# PostgreSQL's package makes and starts a cluster of its own unless told not to; the tests make theirs.
install() {
  $as_root mkdir -p /etc/postgresql-common &&
    { [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null; } &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    # shellcheck disable=SC2086 # one word for each package
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
}
if ! install >"$printed" 2>&1; then
  cat "$printed" >&2
  echo "The test servers could not be installed (see above):$missing" >&2
  exit 1
fi
