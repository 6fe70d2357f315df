// Residues modulo p (the field of P-256) and modulo q (its order), for public data only.
//
// Variable time: comparisons and corrections branch. Nothing secret may come here; secrets go
// through Scalar and Point, which are OpenSSL's constant-time arithmetic.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "libs/protocol/bytes.h"

namespace cafe::protocol::p256_var {

using u128 = unsigned __int128;

// 256 bits, least significant limb first.
using Limbs = std::array<uint64_t, 4>;

Limbs load_limbs(std::span<const uint8_t, 32> big_endian);
void store_limbs(const Limbs& value, std::span<uint8_t, 32> big_endian);

inline bool less(const Limbs& a, const Limbs& b) {
  for (int i = 3; i > 0; --i) {
    if (a[i] != b[i]) return a[i] < b[i];
  }
  return a[0] < b[0];
}

inline uint64_t add_carry(uint64_t a, uint64_t b, uint64_t& carry) {
  const u128 sum = u128{a} + b + carry;
  carry = static_cast<uint64_t>(sum >> 64);
  return static_cast<uint64_t>(sum);
}
inline uint64_t subtract_borrow(uint64_t a, uint64_t b, uint64_t& borrow) {
  const u128 difference = u128{a} - b - borrow;
  borrow = static_cast<uint64_t>(difference >> 64) & 1;
  return static_cast<uint64_t>(difference);
}
// a·b + add + carry, which is below 2^128.
inline uint64_t multiply_add(uint64_t a, uint64_t b, uint64_t add, uint64_t& carry) {
  const u128 sum = u128{a} * b + add + carry;
  carry = static_cast<uint64_t>(sum >> 64);
  return static_cast<uint64_t>(sum);
}

// p = 2^256 - 2^224 + 2^192 + 2^96 - 1.
struct FieldModulus {
  static constexpr Limbs kValue = {0xFFFFFFFFFFFFFFFF, 0x00000000FFFFFFFF, 0, 0xFFFFFFFF00000001};
  // 2^512 mod p.
  static constexpr Limbs kSquaredRadix = {0x0000000000000003, 0xFFFFFFFBFFFFFFFF,
                                          0xFFFFFFFFFFFFFFFE, 0x00000004FFFFFFFD};
  // (t + t0·p) / 2^64 of five limbs t. -1/p is 1 mod 2^64 and p's low limbs are nearly all ones, so
  // that one multiplication is enough.
  static void reduce_limb(std::array<uint64_t, 5>& t) {
    const uint64_t m = t[0];
    uint64_t carry = 0;
    t[0] = add_carry(t[1], m << 32, carry);
    t[1] = add_carry(t[2], m >> 32, carry);
    t[2] = multiply_add(m, kValue[3], t[3], carry);
    t[3] = add_carry(t[4], 0, carry);
    t[4] = carry;
  }
};

// q, the order of the group.
struct OrderModulus {
  static constexpr Limbs kValue = {0xF3B9CAC2FC632551, 0xBCE6FAADA7179E84, 0xFFFFFFFFFFFFFFFF,
                                   0xFFFFFFFF00000000};
  // 2^512 mod q.
  static constexpr Limbs kSquaredRadix = {0x83244C95BE79EEA2, 0x4699799C49BD6FA6,
                                          0x2845B2392B6BEC59, 0x66E12D94F3D95620};
  static constexpr uint64_t kMinusInverse = 0xCCD1C8AAEE00BC4F;  // -1/q mod 2^64
  static void reduce_limb(std::array<uint64_t, 5>& t) {
    const uint64_t m = t[0] * kMinusInverse;
    uint64_t carry = 0;
    multiply_add(m, kValue[0], t[0], carry);
    t[0] = multiply_add(m, kValue[1], t[1], carry);
    t[1] = multiply_add(m, kValue[2], t[2], carry);
    t[2] = multiply_add(m, kValue[3], t[3], carry);
    t[3] = add_carry(t[4], 0, carry);
    t[4] = carry;
  }
};

// x mod M, held as x·2^256 mod M (Montgomery), always below M.
template <class Modulus>
class Residue {
 public:
  Residue() : limbs_{} {}  // zero
  static const Residue& one();
  // Any 256-bit number, reduced.
  static Residue from_limbs(const Limbs& value);
  static Residue from_bytes(std::span<const uint8_t, 32> big_endian) {
    return from_limbs(load_limbs(big_endian));
  }
  // The number itself, below M.
  Limbs to_limbs() const { return multiply(limbs_, Limbs{1, 0, 0, 0}); }
  // As it is held, for code that computes on that form.
  const Limbs& montgomery() const { return limbs_; }
  static Residue from_montgomery(const Limbs& limbs) { return Residue(limbs); }

  bool is_zero() const { return (limbs_[0] | limbs_[1] | limbs_[2] | limbs_[3]) == 0; }
  bool operator==(const Residue&) const = default;

  Residue operator+(const Residue& other) const {
    Limbs sum;
    uint64_t carry = 0;
    for (int i = 0; i < 4; ++i) sum[i] = add_carry(limbs_[i], other.limbs_[i], carry);
    return Residue(correct(sum, carry));
  }
  Residue operator-(const Residue& other) const {
    Limbs difference;
    uint64_t borrow = 0;
    for (int i = 0; i < 4; ++i) {
      difference[i] = subtract_borrow(limbs_[i], other.limbs_[i], borrow);
    }
    const uint64_t mask = 0 - borrow;
    uint64_t carry = 0;
    for (int i = 0; i < 4; ++i) {
      difference[i] = add_carry(difference[i], Modulus::kValue[i] & mask, carry);
    }
    return Residue(difference);
  }
  Residue operator-() const { return is_zero() ? *this : Residue() - *this; }
  Residue operator*(const Residue& other) const { return Residue(multiply(limbs_, other.limbs_)); }
  Residue square() const { return *this * *this; }
  // this·factor / 2^64: a quarter of a multiplication.
  Residue multiply_word(uint64_t factor) const {
    std::array<uint64_t, 5> t{};
    for (int j = 0; j < 4; ++j) t[j] = multiply_add(limbs_[j], factor, 0, t[4]);
    Modulus::reduce_limb(t);
    return Residue(correct({t[0], t[1], t[2], t[3]}, t[4]));
  }
  // 1 / this; zero for zero.
  Residue inverse() const;

 private:
  explicit Residue(const Limbs& limbs) : limbs_(limbs) {}

  // carry·2^256 + value, below 2M, brought below M.
  static Limbs correct(const Limbs& value, uint64_t carry) {
    Limbs reduced;
    uint64_t borrow = 0;
    for (int i = 0; i < 4; ++i) {
      reduced[i] = subtract_borrow(value[i], Modulus::kValue[i], borrow);
    }
    const uint64_t mask = 0 - static_cast<uint64_t>(carry < borrow);  // all ones: keep `value`
    for (int i = 0; i < 4; ++i) reduced[i] ^= (reduced[i] ^ value[i]) & mask;
    return reduced;
  }
  // a·b / 2^256 mod M; a is below M, b any.
  static Limbs multiply(const Limbs& a, const Limbs& b) {
    std::array<uint64_t, 5> t{};
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      uint64_t carry = 0;
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) t[j] = multiply_add(a[j], b[i], t[j], carry);
      uint64_t overflow = 0;
      t[4] = add_carry(t[4], carry, overflow);
      // Fits five limbs: t is below a + M <= 2M, so t + a·b[i] < (2^64 + 1)·M < 2^320.
      Modulus::reduce_limb(t);
    }
    return correct({t[0], t[1], t[2], t[3]}, t[4]);
  }

  Limbs limbs_;
};

using FieldElement = Residue<FieldModulus>;
using OrderElement = Residue<OrderModulus>;

// Replaces each of `values`, none zero, by its inverse: one inversion and three multiplications
// each.
template <class Modulus>
void invert_all(std::span<Residue<Modulus>> values);

}  // namespace cafe::protocol::p256_var
