#include "libs/protocol/loadtest_key.h"

#include "libs/protocol/hash.h"

namespace cafe::protocol {

Scalar loadtest_key(const Denomination& denomination) {
  Bytes values;
  values.reserve(denomination.slot_values.size() * 8);
  for (const uint64_t value : denomination.slot_values) append(values, encode_u64(value));
  return hash_to_scalar(Frame("cafe/v1/loadtest-key")
                            .add(denomination.issuer_id)
                            .add(denomination.currency)
                            .add_u8(static_cast<uint8_t>(denomination.kind))
                            .add_u32(static_cast<uint32_t>(denomination.slot_values.size()))
                            .add(values)
                            .add_u64(denomination.withdraw_from));
}

bool is_loadtest(const Denomination& denomination) {
  return multiply(loadtest_key(denomination), g()) == denomination.H;
}

absl::Status refuse_loadtest(const DenominationList& list) {
  for (const Denomination& denomination : list.denominations) {
    if (is_loadtest(denomination)) {
      return refused("LOADTEST_DENOMINATION",
                     "List " + std::to_string(list.number) + " holds the denomination " +
                         denomination.id().hex() +
                         ", which is made for load tests: anyone can forge its coins. In "
                         "production sign a list without it.");
    }
  }
  return absl::OkStatus();
}

}  // namespace cafe::protocol
