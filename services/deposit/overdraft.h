// What follows when the ledger says OVERDRAWN: more came back than was issued, or by cheques than
// guardians were loaded with.
#pragma once

#include "absl/functional/function_ref.h"
#include "services/deposit/decide_batch.h"
#include "services/deposit/parts.h"

namespace cafe::deposit {

// Finds the denominations of coins that cannot give what was attempted and stops them: their keys
// are compromised (denomination_stop, an error in the log, a metric). How many; none where more was
// issued meanwhile, or only cheques are short.
absl::StatusOr<int> stop_overdrawn(const DepositParts& parts, uint64_t batch,
                                   const std::map<std::string, Movement>& attempted);

// What the cheques of an issuer in one currency lack.
struct ChequeAlarm {
  std::string currency;
  std::string issuer_id;
  uint64_t amount;  // minor units; borne by the issuer
  bool operator==(const ChequeAlarm&) const = default;
};

using BalanceOf = absl::FunctionRef<absl::StatusOr<int64_t>(const storage::AccountRef&)>;

// Takes from the cheques' accounts what they hold and from the losses the rest. A payee cannot see
// that somebody's guardian is broken, so it is paid; nor can the issuer tell whose, so no cheque is
// refused. One alarm for each account that is short. Errors are those of `balance_of`.
absl::StatusOr<std::vector<ChequeAlarm>> bear_overdraft(std::map<std::string, Movement>& movements,
                                                        BalanceOf balance_of);

// Tells people of alarms that are committed: an error in the log, a metric.
void raise(const DepositParts& parts, uint64_t batch, std::span<const ChequeAlarm> alarms);

}  // namespace cafe::deposit
