// Numbers that look random and can be had in any order: a hash of where they stand.
#pragma once

#include <cstdint>
#include <string_view>

#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"

namespace cafe::loadtest {

// A good mixing of 64 bits (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
inline uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

// Uniform in [0, 1).
inline double unit(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

inline uint64_t seed_number(std::string_view seed) {
  const protocol::Bytes32 digest = protocol::sha256(protocol::view_of(seed));
  return protocol::decode_u64(std::span(digest).first<8>());
}

}  // namespace cafe::loadtest
