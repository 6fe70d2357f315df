// What customers do whose guardian is broken.
#include "device-sim/simulator/customer.h"

namespace cafe::simulator {

using host::EncounterResult;

namespace {

absl::Status not_paid(const EncounterResult& result) {
  return result.paid ? absl::OkStatus() : result.declined;
}

}  // namespace

absl::Status Customer::spend_twice() {
  CAFE_RETURN_IF_ERROR(close());
  CAFE_RETURN_IF_ERROR(fill(street_.options.purse_value, purse_));
  protocol::SeededRng rng(seed_of("fraud"));
  const size_t first = rng.below(street_.shops.size());
  const size_t second = (first + 1 + rng.below(street_.shops.size() - 1)) % street_.shops.size();
  // With cheques all of the counter, so that nothing is left of it.
  const uint64_t counter = holdings().counter;
  const uint64_t amount = counter > 0 ? counter : 500 + 100 * rng.below(11);
  const WalletDevice::Memories memories = device_->copy_memories();
  CAFE_ASSIGN_OR_RETURN(const EncounterResult honest,
                        pay_at(*street_.shops[first], amount, seed_of("fraud/first")));
  CAFE_RETURN_IF_ERROR(not_paid(honest));
  CAFE_RETURN_IF_ERROR(device_->put_back(memories));
  CAFE_ASSIGN_OR_RETURN(const EncounterResult fraud,
                        pay_at(*street_.shops[second], amount, seed_of("fraud/second")));
  CAFE_RETURN_IF_ERROR(not_paid(fraud));
  street_.tally.change([&](Outcome& outcome) { outcome.planted.push_back(account_); });
  return absl::OkStatus();
}

absl::Status Customer::overdraw() {
  CAFE_RETURN_IF_ERROR(fill(street_.options.purse_value, purse_));
  protocol::SeededRng rng(seed_of("overdraft"));
  Shop& shop = any_shop(rng);
  const uint64_t amount = holdings().counter;
  const protocol::Bytes memory = device_->copy_guardian();
  CAFE_ASSIGN_OR_RETURN(const EncounterResult honest,
                        pay_at(shop, amount, seed_of("overdraft/honest")));
  CAFE_RETURN_IF_ERROR(not_paid(honest));
  CAFE_RETURN_IF_ERROR(street_.deposit(shop, true));
  CAFE_RETURN_IF_ERROR(device_->put_back_guardian(memory, street_.options.currency, amount));
  CAFE_ASSIGN_OR_RETURN(const EncounterResult fraud,
                        pay_at(shop, amount, seed_of("overdraft/fraud")));
  CAFE_RETURN_IF_ERROR(not_paid(fraud));
  street_.tally.change([&](Outcome& outcome) { outcome.overdrafts.push_back({account_, amount}); });
  return street_.deposit(shop, true);
}

}  // namespace cafe::simulator
