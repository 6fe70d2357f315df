#include "libs/protocol/scalar.h"

#include "libs/protocol/openssl_arithmetic.h"

namespace cafe::protocol {

namespace {

// q, big-endian.
constexpr Bytes32 kOrder = {0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF,
                            0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17,
                            0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51};

// a < q by the borrow of a - q, in constant time.
bool below_order(const Bytes32& a) {
  int borrow = 0;
  for (int i = 31; i >= 0; --i) {
    borrow = ((int{a[i]} - int{kOrder[i]} - borrow) >> 8) & 1;
  }
  return borrow == 1;
}

// r = a·b·R^-1 mod q; both below 2^256 and one of them below q, so that the result is reduced.
void montgomery_multiply(BIGNUM* r, const BIGNUM* a, const BIGNUM* b) {
  require_openssl(BN_mod_mul_montgomery(r, a, b, order_montgomery(), bn_ctx()) == 1);
}

void to_montgomery(BIGNUM* r, const BIGNUM* a) {
  require_openssl(BN_to_montgomery(r, a, order_montgomery(), bn_ctx()) == 1);
}

// -1 in Montgomery form, so that one multiplication negates.
const BIGNUM* minus_one_montgomery() {
  static const BIGNUM* const value = [] {
    BIGNUM* n = BN_dup(group_order());
    require_openssl(n != nullptr && BN_sub_word(n, 1) == 1);
    to_montgomery(n, n);
    return n;
  }();
  return value;
}

}  // namespace

Scalar Scalar::from_u64(uint64_t value) {
  Bytes32 bytes{};
  for (int i = 31; i >= 24; --i, value >>= 8) bytes[i] = static_cast<uint8_t>(value);
  return Scalar(bytes);
}

absl::StatusOr<Scalar> Scalar::decode(ByteView view) {
  CAFE_ASSIGN_OR_RETURN(Bytes32 bytes, to_array<32>(view));
  const bool canonical = below_order(bytes);
  const Scalar out(bytes);
  wipe(bytes);
  if (!canonical) {
    return invalid("SCALAR_TOO_LARGE", "A scalar is not below the order of the group.");
  }
  return out;
}

Scalar Scalar::reduce(const Bytes64& wide) {
  // hi·2^256 + lo with R = 2^256: hi in Montgomery form is hi·R mod q already.
  SecretNumber hi(ByteView(wide).first<32>());
  SecretNumber lo(ByteView(wide).last<32>());
  to_montgomery(hi, hi);
  to_montgomery(lo, lo);
  require_openssl(BN_from_montgomery(lo, lo, order_montgomery(), bn_ctx()) == 1 &&
                  BN_mod_add_quick(lo, lo, hi, group_order()) == 1);
  return Scalar(lo.bytes());
}

bool Scalar::is_zero() const { return equal_ct(bytes_, Bytes32{}); }

Scalar Scalar::operator+(const Scalar& other) const {
  SecretNumber a(bytes_);
  SecretNumber b(other.bytes_);
  require_openssl(BN_mod_add_quick(a, a, b, group_order()) == 1);
  return Scalar(a.bytes());
}

Scalar Scalar::operator-(const Scalar& other) const { return *this + -other; }

Scalar Scalar::operator*(const Scalar& other) const {
  SecretNumber a(bytes_);
  SecretNumber b(other.bytes_);
  to_montgomery(a, a);
  montgomery_multiply(a, a, b);
  return Scalar(a.bytes());
}

Scalar Scalar::operator-() const {
  SecretNumber a(bytes_);
  montgomery_multiply(a, a, minus_one_montgomery());
  return Scalar(a.bytes());
}

Scalar Scalar::inverse() const {
  static const BIGNUM* const exponent = [] {
    BIGNUM* n = BN_dup(group_order());
    require_openssl(n != nullptr && BN_sub_word(n, 2) == 1);
    return n;
  }();
  SecretNumber a(bytes_);
  require_openssl(
      BN_mod_exp_mont_consttime(a, a, exponent, group_order(), bn_ctx(), order_montgomery()) == 1);
  return Scalar(a.bytes());
}

}  // namespace cafe::protocol
