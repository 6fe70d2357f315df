#include "services/deposit/overdraft.h"

#include "libs/platform/log.h"
#include "libs/protocol/amount.h"
#include "libs/storage/ledger_accounts.h"
#include "services/deposit/store.h"

namespace cafe::deposit {

using protocol::DenomId;
using storage::Transaction;

absl::StatusOr<int> stop_overdrawn(const DepositParts& parts, uint64_t batch,
                                   const std::map<std::string, Movement>& attempted) {
  absl::StatusOr<std::vector<DenomId>> stopped =
      transact(parts.database, [&](Transaction& tx) -> absl::StatusOr<std::vector<DenomId>> {
        std::vector<DenomId> found;
        for (const auto& [currency, movement] : attempted) {
          for (const auto& [denom_id, amount] : movement.coins) {
            CAFE_ASSIGN_OR_RETURN(
                const int64_t outstanding,
                parts.ledger.balance(tx, {.kind = std::string(storage::account_kind::kCoins),
                                          .owner = protocol::to_bytes(denom_id),
                                          .currency = currency}));
            if (outstanding >= 0 && static_cast<uint64_t>(outstanding) >= amount) continue;
            CAFE_RETURN_IF_ERROR(store::stop_denomination(tx, denom_id, parts.issuer_id, batch,
                                                          "more was deposited than issued",
                                                          unix_ms(parts.clock))
                                     .status());
            found.push_back(denom_id);
          }
        }
        return found;
      });
  CAFE_RETURN_IF_ERROR(stopped.status());
  for (const DenomId& denom_id : *stopped) {
    parts.metrics.overdrawn.Increment();
    platform::log_error(
        "ALARM: more of a denomination was deposited than issued; its key is "
        "compromised, and it is stopped",
        {{"denomination", denom_id.hex()}, {"batch", batch}});
  }
  return static_cast<int>(stopped->size());
}

absl::StatusOr<std::vector<ChequeAlarm>> bear_overdraft(std::map<std::string, Movement>& movements,
                                                        BalanceOf balance_of) {
  std::vector<ChequeAlarm> alarms;
  for (auto& [currency, movement] : movements) {
    for (auto& [issuer_id, amount] : movement.cheques) {
      CAFE_ASSIGN_OR_RETURN(const int64_t loaded,
                            balance_of(storage::cheques_account(issuer_id, currency)));
      const auto held = static_cast<uint64_t>(std::max<int64_t>(loaded, 0));
      if (held >= amount) continue;
      const uint64_t missing = amount - held;
      alarms.push_back({currency, issuer_id, missing});
      amount = held;
      CAFE_ASSIGN_OR_RETURN(movement.loss, protocol::checked_add(movement.loss, missing));
    }
  }
  return alarms;
}

void raise(const DepositParts& parts, uint64_t batch, std::span<const ChequeAlarm> alarms) {
  for (const ChequeAlarm& alarm : alarms) {
    parts.metrics.cheques_overdrawn(alarm.currency, alarm.amount);
    platform::log_error(
        "ALARM: more was deposited by cheques than guardians were loaded with; one of them is "
        "broken, and the issuer bears the difference",
        {{"issuer", alarm.issuer_id},
         {"currency", alarm.currency},
         {"amount", alarm.amount},
         {"batch", batch}});
  }
}

}  // namespace cafe::deposit
