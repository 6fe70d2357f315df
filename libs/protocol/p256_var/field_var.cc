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

// Fermat: this^(M - 2), four bits at a time.
template <class Modulus>
Residue<Modulus> Residue<Modulus>::inverse() const {
  std::array<Residue, 16> powers;
  powers[0] = one();
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * *this;
  Limbs exponent = Modulus::kValue;
  exponent[0] -= 2;
  Residue result = one();
  for (int i = 63; i >= 0; --i) {
    for (int k = 0; k < 4; ++k) result = result.square();
    result = result * powers[exponent[i / 16] >> (4 * (i % 16)) & 15];
  }
  return result;
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
