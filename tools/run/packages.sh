# What the product is built with and runs on: packages of Debian 12, 13 and Ubuntu 24.04. Sourced by ./cafe.

build_packages=(
  g++ cmake ninja-build ccache pkg-config
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  libpqxx-dev libpq-dev libhiredis-dev libssl-dev libabsl-dev
  libspdlog-dev libfmt-dev prometheus-cpp-dev libcli11-dev nlohmann-json3-dev
)
run_packages=(postgresql redis-server)
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev)

# ensure_packages NAME... : installs what is missing, and nothing where nothing is.
ensure_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "these packages are missing and there is no apt-get to install them: ${missing[*]}"
  [ "$(id -u)" = 0 ] || fail "these packages are missing: ${missing[*]}
  Run this once as root, or: sudo apt-get install ${missing[*]}"
  say "installing ${#missing[@]} packages: ${missing[*]}"
  # Our PostgreSQL is a private one in a folder of its own; the package need not start another.
  if [ ! -e /etc/postgresql-common/createcluster.conf ] && [[ " ${missing[*]} " == *" postgresql "* ]]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  fi
  local log
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  with_progress "$log" apt-get update -q || { tail -n 5 "$log" >&2; fail "apt-get update failed (above); is the network there?"; }
  with_progress "$log" apt-get install -q -y --no-install-recommends "${missing[@]}" ||
    { tail -n 15 "$log" >&2; fail "apt-get install failed (above)"; }
  rm -f "$log"
}

# with_progress LOG COMMAND... : runs it with its output in LOG, and a dot every two seconds.
with_progress() {
  local log=$1 pid
  shift
  "$@" >>"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    printf '.' >&2
    read -rt 2 <> <(:) || true
  done
  printf '\n' >&2
  wait "$pid"
}
