// The begin of a recovery, the loss and the new device.
#include "device-sim/firmware/wallet/recovery.h"

#include "device-sim/firmware/wallet/recovery_state.h"
#include "libs/protocol/loss.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::AccountId;
using protocol::Bytes;
using protocol::ByteView;
using protocol::SignedDocument;

namespace {

absl::Status statement_mismatch() {
  return protocol::invalid("STATEMENT_MISMATCH",
                           "The issuer's statement is about another account.");
}

absl::StatusOr<Bytes> sign_with(const std::optional<protocol::SigningKey>& key, Bytes frame) {
  if (!key) {
    return protocol::refused("NO_CARD",
                             "Only the account's own key says that: show the backup card, or go to "
                             "the issuer and identify yourself.");
  }
  return SignedDocument::sign(std::move(frame), *key).encode();
}

}  // namespace

Recovery::Recovery(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recovery::~Recovery() = default;

absl::Status Recovery::State::store() const {
  return w.store->commit(Batch().put(record_key(kRecoveryPrefix, account), record.encode()));
}

absl::StatusOr<std::unique_ptr<Recovery>> Recovery::resume(Wallet& wallet,
                                                           const AccountId& account) {
  Wallet::State& w = *wallet.state_;
  const Bytes* bytes = w.store->find(record_key(kRecoveryPrefix, account));
  if (bytes == nullptr) {
    return protocol::make_error(absl::StatusCode::kNotFound, "NO_RECOVERY",
                                "Nothing of this account is being recovered here: show its card, "
                                "or enter its words.");
  }
  auto state = std::make_unique<State>(w, account);
  CAFE_ASSIGN_OR_RETURN(state->record, RecoveryRecord::decode(*bytes));
  if (w.list) state->table.add(*w.list);
  return std::unique_ptr<Recovery>(new Recovery(std::move(state)));
}

absl::StatusOr<std::unique_ptr<Recovery>> Recovery::with_seed(Wallet& wallet,
                                                              const AccountId& account,
                                                              const protocol::Seed& coin_seed) {
  Wallet::State& w = *wallet.state_;
  if (!w.registered()) return not_registered();
  if (account == w.account) {
    return protocol::refused("OWN_ACCOUNT", "This wallet's own account is not lost.");
  }
  RecoveryRecord record;
  const std::string key = record_key(kRecoveryPrefix, account);
  const Bytes* begun = w.store->find(key);
  if (begun != nullptr) {
    CAFE_ASSIGN_OR_RETURN(record, RecoveryRecord::decode(*begun));
  }
  // Another one than before: that was misread.
  if (begun == nullptr || !protocol::equal_ct(record.coin_seed.view(), coin_seed.view())) {
    record.coin_seed = coin_seed;
    CAFE_RETURN_IF_ERROR(w.store->commit(Batch().put(key, record.encode())));
  }
  return resume(wallet, account);
}

absl::StatusOr<std::unique_ptr<Recovery>> Recovery::with_card(Wallet& wallet,
                                                              const BackupCard& card) {
  const Config& config = wallet.state_->config;
  if (card.issuer_id != config.issuer_id) {
    return protocol::invalid("WRONG_ISSUER", "The card is of an account with another issuer.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto account_key, card.account_key(config.anchors));
  CAFE_ASSIGN_OR_RETURN(auto recovery, with_seed(wallet, card.account, card.coin_seed));
  recovery->state_->lost_key = account_key;
  return recovery;
}

absl::StatusOr<std::unique_ptr<Recovery>> Recovery::of_own_payments(Wallet& wallet) {
  Wallet::State& w = *wallet.state_;
  if (!w.registered()) return not_registered();
  auto state = std::make_unique<State>(w, w.account);
  state->record.coin_seed = w.coin_seed;
  for (const auto& [digest, payment] : w.payments) {
    if (payment.kind != PaymentKind::kBill) continue;
    for (const PlannedSpend& spend : payment.plan) state->paid.insert(spend.coin);
  }
  if (w.list) state->table.add(*w.list);
  return std::unique_ptr<Recovery>(new Recovery(std::move(state)));
}

std::vector<AccountId> Recovery::under_way(const Wallet& wallet) {
  std::vector<AccountId> accounts;
  wallet.state_->store->scan(kRecoveryPrefix, [&](std::string_view key, ByteView) {
    const auto id = AccountId::decode(protocol::view_of(key.substr(kRecoveryPrefix.size())));
    if (id.ok()) accounts.push_back(*id);
  });
  return accounts;
}

const AccountId& Recovery::account() const { return state_->account; }

absl::StatusOr<Bytes> Recovery::loss_report(uint64_t now_ms) const {
  const State& s = *state_;
  const protocol::LossReport report{s.w.config.issuer_id, s.account, now_ms};
  return sign_with(s.lost_key, report.encode());
}

absl::StatusOr<SignedReplacement> Recovery::replacement(uint64_t now_ms) const {
  const State& s = *state_;
  const protocol::Replacement replacement{s.w.config.issuer_id, s.account, s.w.account, now_ms};
  const Bytes frame = replacement.encode();
  CAFE_ASSIGN_OR_RETURN(const Bytes document, sign_with(s.lost_key, frame));
  return s.w.with_account(PinUse::kRecovery, [&]() -> absl::StatusOr<SignedReplacement> {
    return SignedReplacement{document, protocol::to_bytes(s.w.identity->account_key.sign(frame))};
  });
}

// Somebody else may have reported the loss before, so it rests on another report than this one's.
absl::Status Recovery::on_loss_recorded(ByteView recorded_bytes, ByteView key_certificate) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(recorded_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto recorded, protocol::LossRecorded::decode(document.frame));
  CAFE_RETURN_IF_ERROR(s.w.check_issuer_signature(document, key_certificate,
                                                  protocol::kPurposeWithdrawal, recorded.time_ms));
  if (recorded.issuer_id != s.w.config.issuer_id || recorded.account != s.account) {
    return statement_mismatch();
  }
  s.record.recorded = {protocol::to_bytes(recorded_bytes), protocol::to_bytes(key_certificate)};
  return s.store();
}

absl::Status Recovery::on_replaced(ByteView replaced_bytes, ByteView key_certificate) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(replaced_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto replaced, protocol::Replaced::decode(document.frame));
  CAFE_RETURN_IF_ERROR(s.w.check_issuer_signature(document, key_certificate,
                                                  protocol::kPurposeWithdrawal, replaced.time_ms));
  if (replaced.issuer_id != s.w.config.issuer_id || replaced.lost != s.account ||
      replaced.successor != s.w.account) {
    return statement_mismatch();
  }
  s.record.replaced = {protocol::to_bytes(replaced_bytes), protocol::to_bytes(key_certificate)};
  return s.store();
}

bool Recovery::loss_recorded() const { return !state_->record.recorded.empty(); }
bool Recovery::replaced() const { return !state_->record.replaced.empty(); }

absl::Status Recovery::finish() {
  State& s = *state_;
  if (s.own()) return absl::OkStatus();
  return s.w.store->commit(Batch().erase(record_key(kRecoveryPrefix, s.account)));
}

}  // namespace cafe::wallet
