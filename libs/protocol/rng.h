// Randomness, always a parameter.
#pragma once

#include <cstdint>

#include "libs/protocol/bytes.h"
#include "libs/protocol/scalar.h"

namespace cafe::protocol {

class Rng {
 public:
  virtual ~Rng() = default;
  virtual void fill(MutableByteView out) = 0;

  template <size_t N>
  std::array<uint8_t, N> array() {
    std::array<uint8_t, N> out;
    fill(out);
    return out;
  }
  Seed seed();
  // Uniform in 1 .. q-1 up to a bias below 2^-250.
  Scalar scalar();
};

// The operating system's, through OpenSSL's DRBG. Aborts where that fails: nothing can go on
// without randomness.
class SystemRng : public Rng {
 public:
  void fill(MutableByteView out) override;
};

// HMAC-SHA-512 in counter mode under a seed: the same stream for the same seed. For tests and
// simulations, and for nothing that guards real money.
class SeededRng : public Rng {
 public:
  explicit SeededRng(std::string_view seed);
  void fill(MutableByteView out) override;
  // Uniform in 0 .. bound-1; bound > 0.
  uint64_t below(uint64_t bound);

 private:
  Seed key_;
  uint64_t counter_ = 0;
  SecretArray<64> block_;
  size_t used_ = 64;
};

}  // namespace cafe::protocol
