#include "libs/protocol/rng.h"

#include <openssl/rand.h>

#include "libs/protocol/hash.h"
#include "libs/protocol/openssl_arithmetic.h"

namespace cafe::protocol {

Seed Rng::seed() {
  Seed out;
  fill(out.mutable_view());
  return out;
}

Scalar Rng::scalar() {
  for (;;) {
    Bytes64 wide = array<64>();
    const Scalar out = Scalar::reduce(wide);
    wipe(wide);
    if (!out.is_zero()) return out;
  }
}

void SystemRng::fill(MutableByteView out) {
  require_openssl(RAND_priv_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

SeededRng::SeededRng(std::string_view seed) : key_(sha256(view_of(seed))) {}

void SeededRng::fill(MutableByteView out) {
  for (uint8_t& byte : out) {
    if (used_ == 64) {
      block_ = SecretArray<64>(hmac_sha512(key_.view(), encode_u64(counter_++)));
      used_ = 0;
    }
    byte = block_.view()[used_++];
  }
}

uint64_t SeededRng::below(uint64_t bound) {
  // The largest multiple of `bound` that fits; what lies above would favour small numbers.
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    const uint64_t value = decode_u64(array<8>());
    if (value < limit) return value % bound;
  }
}

}  // namespace cafe::protocol
