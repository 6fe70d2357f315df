# ./cafe loadtest: an issuer of its own, loaded and measured. Sourced by ./cafe.

loadtest_scenarios=(deposit authorize withdraw coinstore mixed)

loadtest_usage() {
  cat <<'USAGE'
usage: ./cafe loadtest SCENARIO [OPTION...]

  deposit      batches of payments          withdraw   orders of coins      mixed   everything, devices too
  authorize    single payments, on line     coinstore  rows and look-ups straight at the double-spend service

  --preload-rows N   store N rows of other coins first, up to hundreds of millions
  --payees N         shops that deposit, each with a terminal (4)
  --out DIR          where result.json and report.html go (./loadtest-results/<scenario>-<time>)
  --keep             leave the folder with logs and database, and say where

Further options go to cafe-loadtest, e.g. --rate 15000 --duration 60, or --find-rate --p99-ms 500, which is what it does
when no rate is given. What deposit, authorize and mixed pay with: --mix coins=70,split=10,cheques=15,calls=5, shares of plain
coins, coins of several slots, cheques, and calls by the tick (coins=100). All of them: build/release/bin/cafe-loadtest SCENARIO --help
USAGE
}

# The limit of p99 under which the highest rate is looked for, where no rate is given.
loadtest_p99_ms() {
  case $1 in
    authorize) echo 10 ;;
    withdraw) echo 50 ;;
    *) echo 500 ;;
  esac
}

loadtest() {
  local scenario=${1:-} preload=0 payees=4 out='' keep=0 rated=0 options=()
  case $scenario in '' | -h | --help | help) loadtest_usage; [ -n "$scenario" ] || exit 2; return 0 ;; esac
  [[ " ${loadtest_scenarios[*]} " == *" $scenario "* ]] || { loadtest_usage >&2; fail "there is no load test $scenario"; }
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --preload-rows) preload=$2; shift ;;
      --payees) payees=$2; shift ;;
      --out) out=$2; shift ;;
      --keep) keep=1 ;;
      *)
        [[ $1 != --rate* && $1 != --find-rate ]] || rated=1
        options+=("$1")
        ;;
    esac
    shift
  done
  [ $rated = 1 ] || options=(--find-rate --p99-ms "$(loadtest_p99_ms "$scenario")" "${options[@]}")
  prepare cafe-loadtest
  out=${out:-"$PWD/loadtest-results/$scenario-$(date +%Y%m%d-%H%M%S)"}
  mkdir -p "$out"
  local dir
  dir=$(mktemp -d "${TMPDIR:-/tmp}/cafe-loadtest.XXXXXX")
  # shellcheck disable=SC2064
  trap "demo_end '$dir' $keep" EXIT
  # 1 GB for what everything else writes, and 300 bytes a row with its share of the log.
  need_disk "$dir" $((1000 + preload * 300 / 1000000))
  loadtest_settings
  say "starting an issuer for load tests in $dir (fsync and synchronous_commit on, shared_buffers $stack_shared_buffers)"
  CAFE_ISSUER_CONFIG=${CAFE_ISSUER_CONFIG:-$root/deploy/loadtest.example.json} stack_start "$dir"
  step "shops: $payees enrolled" enrol_shops "$dir" "$payees"
  step "value for the load test's coins and cheques" "$cafectl" --json --database-url "$(database_url "$dir" cafe_operator)" \
    loadtest issue --denomination all --amount 100000000000000 >"$dir/log/issue.log"
  [ "$preload" = 0 ] || loadtest_preload "$dir" "$preload"
  say "load test: $scenario ${options[*]}"
  local result=0
  loadtest_run "$dir" "$scenario" --preloaded "$preload" --json "$out/result.json" --html "$out/report.html" "${options[@]}" || result=$?
  [ ! -f "$out/report.html" ] || say "results: $out/report.html (open it in a browser), $out/result.json"
  [ $result = 0 ] || fail "the load test did not pass (above); the services' logs are in $dir/log, kept with --keep"
}

# PostgreSQL as a server of this size has it, so that the coin store's index stays in memory, and services without limits
# of calls a minute. Durability stays as it is.
loadtest_settings() {
  stack_shared_buffers=$(awk '/MemTotal/ {mb = int($2 * 0.4 / 1024); print (mb > 16384 ? 16384 : mb) "MB"}' /proc/meminfo)
  stack_max_wal_size=16GB
  stack_publish_options=(--loadtest)
  stack_options_withdrawal=(--registrations-per-minute 0 --orders-per-minute 0)
  stack_options_doublespend=(--lookups-per-minute 0)
}

# Rows go into the month of the load-test denomination's deposit deadline, before anything is deposited.
loadtest_preload() { # FOLDER ROWS
  local dir=$1 denomination table bin
  denomination=$("$cafectl" --json --database-url "$(database_url "$dir" cafe_operator)" denominations list |
    tr -d ' \n' | tr '{' '\n' | sed -n 's/.*"denomination":"\([0-9a-f]*\)".*"loadtest":true.*/\1/p' | head -n 1)
  [ -n "$denomination" ] || fail "the issuer has no denomination for load tests to preload rows of"
  say "storing $2 rows"
  "$cafectl" --database-url "$(database_url "$dir" postgres)" loadtest preload --denomination "$denomination" --rows "$2" \
    --jobs "$(nproc)" >"$dir/log/preload.log" || fail "the rows were not stored (above)"
  bin=$(postgres_bin)
  table=$(cd / && as_server "$bin/psql" -h "$dir/socket" -U postgres -Atqc \
    "SELECT name FROM coinstore.partition WHERE dropped_at IS NULL ORDER BY range_from DESC LIMIT 1" cafe)
  step "vacuum, as autovacuum does in its own time" loadtest_vacuum "$dir" "$bin" "$table"
  step "index into memory, where recording keeps it" loadtest_warm "$dir" "$bin" "$table"
}

loadtest_warm() { # FOLDER POSTGRES_BIN TABLE
  (cd / && as_server "$2/psql" -h "$1/socket" -U postgres -qc "CREATE EXTENSION IF NOT EXISTS pg_prewarm" \
    -c "SELECT pg_prewarm(indexrelid) FROM pg_index WHERE indrelid = 'coinstore.$3'::regclass" cafe) >/dev/null
}

loadtest_vacuum() { # FOLDER POSTGRES_BIN TABLE
  (cd / && as_server "$2/psql" -h "$1/socket" -U postgres -qc "VACUUM (ANALYZE, PARALLEL 0) coinstore.$3" -c CHECKPOINT cafe) >/dev/null
}

loadtest_run() { # FOLDER SCENARIO OPTION...
  local dir=$1 scenario=$2 name file db arguments=()
  shift 2
  db=$(database_url "$dir" cafe_operator)
  for file in "$dir"/shops/*.json; do arguments+=(--terminal "$file"); done
  for name in "${services[@]}"; do arguments+=(--watch-pid "$name=$(cat "$dir/pid/$name")"); done
  arguments+=(--watch-pid "postgresql=$(head -n 1 "$dir/pg/postmaster.pid")" --watch-pid "redis=$(cat "$dir/pid/redis")")
  # Record is for services: it is called as the deposit service.
  [ "$scenario" != coinstore ] || arguments+=(--tls-cert "$dir/tls/deposit.pem" --tls-key "$dir/tls/deposit.key")
  "$bin_dir/cafe-loadtest" "$scenario" --withdrawal "127.0.0.1:$(service_port "$dir" withdrawal)" \
    --deposit "127.0.0.1:$(service_port "$dir" deposit)" --doublespend "127.0.0.1:$(service_port "$dir" doublespend)" \
    --tls-ca "$dir/tls/ca.pem" --issuer-id "$(issuer_id "$dir")" --trust "$dir/issuer/trust.json" \
    --manufacturer-key "$dir/manufacturer.key" --fund-command "'$cafectl' --database-url '$db' account fund --batch -" \
    --audit-command "'$cafectl' --json --database-url '$db' audit --trust '$dir/issuer/trust.json'" \
    "${arguments[@]}" "$@"
}
