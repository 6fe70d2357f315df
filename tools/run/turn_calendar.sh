#!/usr/bin/env bash
# turn_calendar.sh FOLDER DAYS [OPTION...] : what the simulator calls when its shops have deposited everything. The recovery
# service of the issuer in FOLDER goes on as if so many days had passed; the options are added to its own.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin_dir="$root/build/release/bin"
cafectl="$bin_dir/cafectl"
fail() { printf 'cafe: %s\n' "$*" >&2; exit 1; }
# shellcheck source=tools/run/stack.sh
source "$root/tools/run/stack.sh"
stack_options_recovery=("${@:3}")
turn_calendar "$1" $(($2 * 86400))
