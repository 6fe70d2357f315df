// Byte strings: views, fixed-width values, hex, and memory that is wiped.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/protocol/status.h"

namespace cafe::protocol {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;
using MutableByteView = std::span<uint8_t>;
using Bytes16 = std::array<uint8_t, 16>;
using Bytes32 = std::array<uint8_t, 32>;
using Bytes64 = std::array<uint8_t, 64>;

inline ByteView view_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string to_string(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

// Lower-case hexadecimal digits, two a byte.
std::string to_hex(ByteView bytes);
// INVALID_ARGUMENT (BAD_HEX) for an odd length or a character that is no hexadecimal digit.
absl::StatusOr<Bytes> from_hex(std::string_view hex);

// Overwrites memory in a way that the compiler keeps.
void wipe(MutableByteView bytes);

// Equal content, compared in time that depends on the lengths only.
bool equal_ct(ByteView a, ByteView b);

// Copies exactly N bytes; INVALID_ARGUMENT (BAD_LENGTH) for any other length.
template <size_t N>
absl::StatusOr<std::array<uint8_t, N>> to_array(ByteView bytes) {
  if (bytes.size() != N) {
    return invalid("BAD_LENGTH", "A field has the wrong length: expected " + std::to_string(N) +
                                     " bytes, got " + std::to_string(bytes.size()) + ".");
  }
  std::array<uint8_t, N> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

// N secret bytes, wiped when they go.
template <size_t N>
class SecretArray {
 public:
  SecretArray() : bytes_{} {}
  explicit SecretArray(const std::array<uint8_t, N>& bytes) : bytes_(bytes) {}
  SecretArray(const SecretArray&) = default;
  SecretArray& operator=(const SecretArray&) = default;
  ~SecretArray() { wipe(bytes_); }

  ByteView view() const { return bytes_; }
  MutableByteView mutable_view() { return bytes_; }

 private:
  std::array<uint8_t, N> bytes_;
};

using Seed = SecretArray<32>;

// A distinct type for each kind of identifier, so that one is never taken for another.
template <typename Tag, size_t N>
struct Id {
  static constexpr size_t kSize = N;
  std::array<uint8_t, N> bytes{};

  static absl::StatusOr<Id> decode(ByteView view) {
    CAFE_ASSIGN_OR_RETURN(auto array, to_array<N>(view));
    return Id{array};
  }
  operator ByteView() const { return bytes; }  // NOLINT: an id is its bytes
  std::string hex() const { return to_hex(bytes); }
  auto operator<=>(const Id&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Id& id) {
    return H::combine(std::move(h), id.bytes);
  }
};

using DenomId = Id<struct DenomIdTag, 32>;      // digest of the denomination, section 10
using CoinId = Id<struct CoinIdTag, 32>;        // section 4
using AccountId = Id<struct AccountIdTag, 32>;  // section 10
using Serial = Id<struct SerialTag, 16>;        // a guardian's, given by its manufacturer
using PayeeId = Id<struct PayeeIdTag, 16>;
using TerminalId = Id<struct TerminalIdTag, 16>;

}  // namespace cafe::protocol
