# One issuer on this machine: a private PostgreSQL and Redis and the services, all in one folder. Sourced by ./cafe.
#
#   stack_start FOLDER   makes what is not there yet (database, keys, certificates) and starts everything
#   stack_stop FOLDER    stops it, services first; nothing is lost
#
# The folder: pg/ redis/ issuer/ (keys) tls/ log/ pid/ port/ socket/. PostgreSQL and Redis listen on sockets in socket/,
# which only their owner and root can enter.

services=(withdrawal doublespend deposit recovery)

# What a caller may set before stack_start, here as for a small machine: PostgreSQL's memory and log, and more options of
# the services.
stack_shared_buffers=256MB
stack_max_wal_size=4GB
stack_options_withdrawal=()
stack_options_doublespend=()
stack_options_deposit=()
stack_options_recovery=()

# as_server COMMAND... : PostgreSQL refuses to run as root.
as_server() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

postgres_bin() {
  local bin
  bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin -type d 2>/dev/null | sort -V | tail -n 1)
  [ -n "$bin" ] || fail "no PostgreSQL server is installed (looked in /usr/lib/postgresql)"
  echo "$bin"
}

database_url() { echo "postgresql://$2@/cafe?host=$1/socket"; }

# wait_until SECONDS WHAT COMMAND... : polls until the command succeeds.
wait_until() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt "$deadline" ] || fail "$what did not come up in time"
    read -rt 0.05 <> <(:) || true
  done
}

running() { [ -f "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

need_disk() { # FOLDER MEGABYTES
  local free
  free=$(df -Pm "$1" | awk 'NR==2 {print $4}')
  [ "$free" -ge "$2" ] || fail "only $free MB are free in $1; at least $2 MB are needed. Free some, or set CAFE_HOME or TMPDIR to another disk."
}

start_postgres() {
  local dir=$1 bin
  bin=$(postgres_bin)
  if [ ! -f "$dir/pg/PG_VERSION" ]; then
    need_disk "$dir" 500
    mkdir -p "$dir/pg" "$dir/socket"
    [ "$(id -u)" != 0 ] || chown postgres: "$dir/pg" "$dir/socket"
    chmod 700 "$dir/pg" "$dir/socket"
    as_server "$bin/initdb" -D "$dir/pg" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$dir/log/initdb.log" 2>&1 ||
      { tail -n 5 "$dir/log/initdb.log" >&2; fail "initdb failed (above)"; }
    as_server tee -a "$dir/pg/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$dir/socket'
max_connections = 120
shared_buffers = $stack_shared_buffers
wal_compression = lz4
max_wal_size = $stack_max_wal_size
CONF
  fi
  (cd / && as_server "$bin/pg_ctl" -D "$dir/pg" -s -w -t 60 status) >/dev/null 2>&1 && return 0
  : >>"$dir/log/postgresql.log"
  [ "$(id -u)" != 0 ] || chown postgres: "$dir/log/postgresql.log"
  (cd / && as_server "$bin/pg_ctl" -D "$dir/pg" -s -w -t 60 -l "$dir/log/postgresql.log" start) ||
    { tail -n 5 "$dir/log/postgresql.log" >&2; fail "PostgreSQL did not start (its log is above)"; }
  (cd / && as_server "$bin/psql" -h "$dir/socket" -U postgres -Atqc "SELECT 1 FROM pg_database WHERE datname='cafe'") | grep -q 1 ||
    (cd / && as_server "$bin/createdb" -h "$dir/socket" -U postgres cafe)
}

start_redis() {
  local dir=$1
  running "$dir/pid/redis" && return 0
  mkdir -p "$dir/redis"
  chmod 700 "$dir/redis"
  redis-server --port 0 --unixsocket "$dir/redis/redis.sock" --unixsocketperm 700 --save '' --appendonly no \
    --maxmemory 128mb --maxmemory-policy allkeys-lru --dir "$dir/redis" --daemonize yes \
    --pidfile "$dir/pid/redis" --logfile "$dir/log/redis.log" >/dev/null
  wait_until 10 Redis redis-cli -s "$dir/redis/redis.sock" ping
}

# make_issuer FOLDER : keys, certificates and schema, each once.
# Each command says itself what is wrong; where this is called, the shell does not stop at a failure of its own.
make_issuer() {
  local dir=$1
  if [ ! -f "$dir/tls/operator.pem" ]; then
    "$cafectl" tls init --dir "$dir/tls" --host localhost --host 127.0.0.1 >/dev/null || return
  fi
  if [ ! -f "$dir/issuer/lists/0001.list" ]; then
    "$cafectl" issuer init --config "${CAFE_ISSUER_CONFIG:-$root/deploy/issuer.example.json}" --dir "$dir/issuer" >/dev/null || return
  fi
  # An issuer that was made before there were loads gets its key now.
  if [ ! -f "$dir/issuer/load.key" ]; then
    "$cafectl" issuer make-load-key --dir "$dir/issuer" >/dev/null || return
  fi
  # And one that was made before there was a recovery service.
  if [ ! -f "$dir/issuer/recovery.key" ]; then
    "$cafectl" issuer renew-key --purpose recovery --config "${CAFE_ISSUER_CONFIG:-$root/deploy/issuer.example.json}" \
      --dir "$dir/issuer" >/dev/null || return
  fi
  if [ ! -f "$dir/tls/recovery.pem" ]; then
    "$cafectl" tls init --dir "$dir/tls" --service recovery --host localhost --host 127.0.0.1 >/dev/null || return
  fi
  if [ ! -f "$dir/manufacturer.key" ]; then
    local key
    key=$("$cafectl" --json manufacturer init --key "$dir/manufacturer.key" | sed -n 's/.*"manufacturer key": "\(.*\)".*/\1/p')
    "$cafectl" issuer trust --dir "$dir/issuer" --manufacturer-key "$key" >/dev/null || return
  fi
  "$cafectl" --database-url "$(database_url "$dir" postgres)" migrate --folder "$root/migrations" >"$dir/log/migrate.log" || return
  "$cafectl" --database-url "$(database_url "$dir" cafe_operator)" denominations publish --dir "$dir/issuer" ${stack_publish_options[@]+"${stack_publish_options[@]}"} >/dev/null
}

# service_port FOLDER SERVICE : the port it listens on.
service_port() { sed -n 's/.*"grpc": *\([0-9]*\).*/\1/p' "$1/port/$2"; }
metrics_port() { sed -n 's/.*"metrics": *\([0-9]*\).*/\1/p' "$1/port/$2"; }
issuer_id() { sed -n 's/.*"issuer_id": *"\([^"]*\)".*/\1/p' "$1/issuer/withdrawal.key" | head -n 1; }

# start_service FOLDER SERVICE [OPTION...] : at the ports that pick_ports chose.
start_service() {
  local dir=$1 name=$2 port metrics variable key=$2
  shift 2
  running "$dir/pid/$name" && return 0
  variable=CAFE_${name^^}_PORT
  port=$(service_port "$dir" "$name")
  metrics=$(metrics_port "$dir" "$name")
  [ "$name" != doublespend ] || key=coinstore
  # The service writes the file again once it serves.
  mv "$dir/port/$name" "$dir/port/$name.chosen"
  "$bin_dir/cafe-$name" --listen "127.0.0.1:$port" --metrics-listen "127.0.0.1:$metrics" --port-file "$dir/port/$name" \
    --issuer-id "$(issuer_id "$dir")" --database-url "$(database_url "$dir" "cafe_$name")" \
    --redis-url "$dir/redis/redis.sock" --tls-cert "$dir/tls/$name.pem" --tls-key "$dir/tls/$name.key" \
    --tls-ca "$dir/tls/ca.pem" --trust "$dir/issuer/trust.json" --signing-key "$dir/issuer/$key.key" "$@" \
    >>"$dir/log/$name.log" 2>&1 </dev/null &
  echo $! >"$dir/pid/$name"
  disown
  local deadline=$((SECONDS + 30))
  until [ -s "$dir/port/$name" ]; do
    running "$dir/pid/$name" || { mv "$dir/port/$name.chosen" "$dir/port/$name"; tail -n 3 "$dir/log/$name.log" >&2; fail "the $name service did not start (its log is above)
  A port that is taken can be changed: $variable=<port> ./cafe up"; }
    [ $SECONDS -lt $deadline ] || fail "the $name service did not come up in time; see $dir/log/$name.log"
    read -rt 0.05 <> <(:) || true
  done
}

# The services know each other's addresses from the start, so their ports are fixed before the first one starts: those of
# $CAFE_<SERVICE>_PORT (metrics 100 above), else those that they had before, else free ones.
pick_ports() {
  local dir=$1 name variable port
  for name in "${services[@]}"; do
    ! running "$dir/pid/$name" || continue
    variable=CAFE_${name^^}_PORT
    if [ -n "${!variable:-}" ]; then
      printf '{"grpc": %d, "metrics": %d}\n' "${!variable}" $((${!variable} + 100)) >"$dir/port/$name"
    elif [ ! -s "$dir/port/$name" ]; then
      port=$(free_port "$dir" 0)
      printf '{"grpc": %d, "metrics": %d}\n' "$port" "$(free_port "$dir" "$port")" >"$dir/port/$name"
    fi
  done
}

# free_port FOLDER PORT : a port that nobody listens on, that no service of the folder has, and that is not PORT; below the
# range that the kernel gives to outgoing connections.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if [ "$port" = "$2" ] || grep -qsw "$port" "$1"/port/*; then continue; fi
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

start_services() {
  local dir=$1
  pick_ports "$dir"
  local withdrawal doublespend deposit
  withdrawal=127.0.0.1:$(service_port "$dir" withdrawal)
  doublespend=127.0.0.1:$(service_port "$dir" doublespend)
  deposit=127.0.0.1:$(service_port "$dir" deposit)
  start_service "$dir" withdrawal --denomination-keys "$dir/issuer/denominations.secret" \
    --load-key "$dir/issuer/load.key" --key-certificates "$dir/issuer/certificates" "${stack_options_withdrawal[@]}"
  start_service "$dir" doublespend --withdrawal "$withdrawal" --deposit "$deposit" "${stack_options_doublespend[@]}"
  start_service "$dir" deposit --withdrawal "$withdrawal" --doublespend "$doublespend" "${stack_options_deposit[@]}"
  start_service "$dir" recovery --withdrawal "$withdrawal" --doublespend "$doublespend" --deposit "$deposit" \
    "${stack_options_recovery[@]}"
}

# turn_calendar FOLDER SECONDS : restarts the recovery service with a clock that is ahead, so that claims come to their end. The
# issuer is of no use for anything else after that.
turn_calendar() {
  local dir=$1
  stack_options_recovery+=(--clock-ahead-s "$2")
  # It goes back to its port, which it forgets when it ends.
  cp "$dir/port/recovery" "$dir/port/recovery.kept"
  kill "$(cat "$dir/pid/recovery")" 2>/dev/null || true
  wait_until 15 "the end of the recovery service" not_running "$dir/pid/recovery"
  mv "$dir/port/recovery.kept" "$dir/port/recovery"
  start_services "$dir"
}
not_running() { ! running "$1"; }

kill_services() { # FOLDER SIGNAL : and waits until they are gone
  local dir=$1 signal=$2 name pid
  for name in "${services[@]}"; do
    running "$dir/pid/$name" && kill "-$signal" "$(cat "$dir/pid/$name")" 2>/dev/null
  done
  for name in "${services[@]}"; do
    [ -f "$dir/pid/$name" ] || continue
    pid=$(cat "$dir/pid/$name")
    local deadline=$((SECONDS + 15))
    while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $deadline ]; do read -rt 0.05 <> <(:) || true; done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$dir/pid/$name"
  done
}

stack_start() {
  local dir=$1
  mkdir -p "$dir/log" "$dir/pid" "$dir/port"
  # The database's user passes through to its own folders and can list nothing.
  chmod 711 "$dir"
  step "PostgreSQL" start_postgres "$dir"
  step "Redis" start_redis "$dir"
  step "issuer: keys, signed denominations, schema" make_issuer "$dir"
  step "services: ${services[*]}" start_services "$dir"
}

stack_stop() {
  local dir=$1 bin
  [ -d "$dir" ] || return 0
  kill_services "$dir" TERM
  if running "$dir/pid/redis"; then kill "$(cat "$dir/pid/redis")" 2>/dev/null || true; fi
  bin=$(postgres_bin 2>/dev/null) || return 0
  [ ! -f "$dir/pg/postmaster.pid" ] || (cd / && as_server "$bin/pg_ctl" -D "$dir/pg" -s -m fast -w stop) || true
}
