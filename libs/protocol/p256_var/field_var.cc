#include "libs/protocol/p256_var/field_var.h"

#include <vector>

#include "libs/protocol/frame.h"

namespace cafe::protocol::p256_var {

Limbs load_limbs(std::span<const uint8_t, 32> big_endian) {
  return {decode_u64(big_endian.subspan<24, 8>()), decode_u64(big_endian.subspan<16, 8>()),
          decode_u64(big_endian.subspan<8, 8>()), decode_u64(big_endian.subspan<0, 8>())};
}

void store_limbs(const Limbs& value, std::span<uint8_t, 32> big_endian) {
  for (size_t i = 0; i < 4; ++i) {
    const auto bytes = encode_u64(value[3 - i]);
    std::copy(bytes.begin(), bytes.end(), big_endian.begin() + static_cast<ptrdiff_t>(8 * i));
  }
}

template <class Modulus>
Residue<Modulus> Residue<Modulus>::from_limbs(const Limbs& value) {
  return Residue(multiply(Modulus::kSquaredRadix, value));
}

template <class Modulus>
const Residue<Modulus>& Residue<Modulus>::one() {
  static const Residue one = from_limbs({1, 0, 0, 0});
  return one;
}

namespace {

// A signed number of up to 309 bits: limbs of 62 bits, the highest with the sign.
using Wide = std::array<int64_t, 5>;
constexpr int64_t kWideMask = (int64_t{1} << 62) - 1;

Wide to_wide(const Limbs& a) {
  return {static_cast<int64_t>(a[0]) & kWideMask,
          static_cast<int64_t>(a[0] >> 62 | a[1] << 2) & kWideMask,
          static_cast<int64_t>(a[1] >> 60 | a[2] << 4) & kWideMask,
          static_cast<int64_t>(a[2] >> 58 | a[3] << 6) & kWideMask,
          static_cast<int64_t>(a[3] >> 56)};
}

// What 62 division steps make of (f, g): 2^-62 times this matrix.
struct Transition {
  int64_t u = 1, v = 0;
  int64_t q = 0, r = 1;
};

// 62 division steps of Bernstein and Yang ("Fast constant-time gcd computation and modular
// inversion", 2019) on the low bits of f, which is odd, and g. Without branches, since no one
// could predict them: masks are all ones where a condition holds.
Transition division_steps(int64_t& delta, uint64_t f, uint64_t g) {
  uint64_t u = 1, v = 0, q = 0, r = 1;
  const auto exchange = [](uint64_t& a, uint64_t& b, uint64_t mask) {
    const uint64_t difference = (a ^ b) & mask;
    a ^= difference;
    b = ((b ^ difference) ^ mask) - mask;  // and negated
  };
  for (int i = 0; i < 62; ++i) {
    const uint64_t odd = 0 - (g & 1);
    const uint64_t turn = odd & static_cast<uint64_t>(-delta >> 63);
    exchange(f, g, turn);
    exchange(u, q, turn);
    exchange(v, r, turn);
    delta = static_cast<int64_t>((static_cast<uint64_t>(delta) ^ turn) - turn) + 1;
    g = (g + (f & odd)) >> 1;
    q += u & odd;
    r += v & odd;
    u <<= 1;
    v <<= 1;
  }
  return {static_cast<int64_t>(u), static_cast<int64_t>(v), static_cast<int64_t>(q),
          static_cast<int64_t>(r)};
}

// (a·f + b·g) / 2^62, which is whole.
Wide combine(int64_t a, const Wide& f, int64_t b, const Wide& g) {
  using i128 = __int128;
  Wide out;
  i128 sum = (i128{a} * f[0] + i128{b} * g[0]) >> 62;
  for (size_t i = 1; i < 5; ++i) {
    sum += i128{a} * f[i] + i128{b} * g[i];
    out[i - 1] = static_cast<int64_t>(sum) & kWideMask;
    sum >>= 62;
  }
  out[4] = static_cast<int64_t>(sum);
  return out;
}

template <class Modulus>
Residue<Modulus> times(const Residue<Modulus>& value, int64_t factor) {
  return factor < 0 ? -value.multiply_word(0 - static_cast<uint64_t>(factor))
                    : value.multiply_word(static_cast<uint64_t>(factor));
}

}  // namespace

template <class Modulus>
Residue<Modulus> Residue<Modulus>::inverse() const {
  if (is_zero()) return *this;
  // Always f = d·x and g = e·x mod M, up to the power of four that each round leaves out: the steps
  // divide by 2^62, multiply_word by 2^64.
  Wide f = to_wide(Modulus::kValue);
  Wide g = to_wide(to_limbs());
  Residue d;
  Residue e = one();
  int rounds = 0;
  for (int64_t delta = 1; (g[0] | g[1] | g[2] | g[3] | g[4]) != 0; ++rounds) {
    const Transition t =
        division_steps(delta, static_cast<uint64_t>(f[0]), static_cast<uint64_t>(g[0]));
    const Wide next_f = combine(t.u, f, t.v, g);
    g = combine(t.q, f, t.r, g);
    f = next_f;
    const Residue next_d = times(d, t.u) + times(e, t.v);
    e = times(d, t.q) + times(e, t.r);
    d = next_d;
  }
  // f is now 1 or -1.
  for (; rounds > 0; --rounds) {
    d = d + d;
    d = d + d;
  }
  return f[4] < 0 ? -d : d;
}

template <class Modulus>
void invert_all(std::span<Residue<Modulus>> values) {
  if (values.empty()) return;
  // before[i] is the product of all values in front of i.
  std::vector<Residue<Modulus>> before(values.size());
  Residue<Modulus> product = Residue<Modulus>::one();
  for (size_t i = 0; i < values.size(); ++i) {
    before[i] = product;
    product = product * values[i];
  }
  Residue<Modulus> rest = product.inverse();
  for (size_t i = values.size(); i-- > 0;) {
    const Residue<Modulus> inverse = rest * before[i];
    rest = rest * values[i];
    values[i] = inverse;
  }
}

template class Residue<FieldModulus>;
template class Residue<OrderModulus>;
template void invert_all(std::span<FieldElement> values);
template void invert_all(std::span<OrderElement> values);

}  // namespace cafe::protocol::p256_var
