// Schema deposit: account holders as payees, and overdrawn cheques.
#include "services/deposit/store.h"

namespace cafe::deposit::store {

absl::Status insert_cheque_alarms(Transaction& tx, uint64_t batch,
                                  std::span<const ChequeAlarm> alarms, uint64_t now_ms) {
  for (const ChequeAlarm& alarm : alarms) {  // one for each issuer and currency of the batch
    CAFE_RETURN_IF_ERROR(
        tx.query("INSERT INTO deposit.cheque_alarm (batch, currency, issuer_id, amount, raised_ms)"
                 " VALUES ($1, $2, $3, $4, $5)",
                 batch, alarm.currency, alarm.issuer_id, alarm.amount, now_ms)
            .status());
  }
  return absl::OkStatus();
}

absl::Status enrol_holder(Transaction& tx, const protocol::AccountId& account,
                          const protocol::Point& key, protocol::ByteView credential) {
  return tx.query("SELECT deposit.enrol_holder($1, $2, $3)", account.bytes, key.bytes(), credential)
      .status();
}

}  // namespace cafe::deposit::store
