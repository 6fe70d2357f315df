// Whether an on-line key may sign at a time.
#pragma once

#include "libs/protocol/status.h"
#include "libs/storage/key_files.h"

namespace cafe::storage {

// UNAVAILABLE (KEY_EXPIRED) where `at_s`, in Unix seconds, is outside the dates of the key's
// certificate: no judge accepts what the key signs then. Unavailable, since the same call succeeds
// once the operator has renewed the key or set the clock.
inline absl::Status check_validity(const OnlineKey& key, uint64_t at_s) {
  if (at_s >= key.opened.valid_from && at_s < key.opened.valid_until) return absl::OkStatus();
  return protocol::make_error(absl::StatusCode::kUnavailable, "KEY_EXPIRED",
                              "The certificate of this service's signing key is not valid now: its "
                              "operator has to renew the key.");
}

}  // namespace cafe::storage
