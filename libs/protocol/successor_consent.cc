#include "libs/protocol/successor_consent.h"

#include <algorithm>

#include "libs/protocol/status.h"

namespace cafe::protocol {

absl::Status check_consent(const SignedDocument& replacement, ByteView consent, const Point& K) {
  Signature signature{};
  if (consent.size() == signature.size()) {
    std::copy(consent.begin(), consent.end(), signature.begin());
    if (verify(K, replacement.frame, signature)) return absl::OkStatus();
  }
  return make_error(absl::StatusCode::kUnauthenticated, "SUCCESSOR_UNWILLING",
                    "The account that is to take the place of the lost one has not agreed: its own "
                    "key signs the same replacement.");
}

}  // namespace cafe::protocol
