#include "device-sim/firmware/testing/recovery_desk.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "libs/protocol/backup.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/rebuild.h"
#include "libs/protocol/successor_consent.h"
#include "libs/protocol/withdrawal_issuer.h"

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: it speaks of little else

namespace {

absl::Status not_the_holder() {
  return refused("NOT_THE_HOLDER", "The key of the account, or of its last successor, asks.");
}

const std::string kIssuerId{World::kIssuer};

}  // namespace

const Point& RecoveryDesk::key_of(const AccountId& account) const {
  return issuer_.account(account).checked.registration.K;
}

AccountId RecoveryDesk::last_successor(AccountId account) const {
  for (auto at = replaced_.find(account); at != replaced_.end(); at = replaced_.find(account)) {
    account = Replaced::decode(at->second.frame)->successor;
  }
  return account;
}

SignedDocument RecoveryDesk::sign(const Bytes& frame) const {
  return SignedDocument::sign(frame, world_.recovery_key);
}

void RecoveryDesk::forget_all_after(const RecoveryDesk& then) {
  now_ms_ = then.now_ms_;
  losses_ = then.losses_;
  replaced_ = then.replaced_;
  backups_ = then.backups_;
  look_ups_ = then.look_ups_;
  first_answered_ = then.first_answered_;
  deposited_ = then.deposited_;
  spent_ = then.spent_;
  claimed_ = then.claimed_;
  filed_ = then.filed_;
}

Bytes RecoveryDesk::record_loss(const AccountId& lost, Authority authority, const Bytes32& digest) {
  const LossRecorded recorded{kIssuerId,
                              lost,
                              authority,
                              digest,
                              now_ms_,
                              issuer_.orders_of(lost).size(),
                              issuer_.loads_of(lost).size()};
  const auto made =
      losses_.try_emplace(lost, SignedDocument::sign(recorded.encode(), world_.withdrawal_key));
  return made.first->second.encode();
}

Bytes RecoveryDesk::report_loss(const AccountId& lost) {
  return record_loss(lost, Authority::kOperator, {});
}

absl::StatusOr<Bytes> RecoveryDesk::report_loss(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto report, LossReport::decode(document.frame));
  CAFE_RETURN_IF_ERROR(document.check(key_of(report.account)));
  return record_loss(report.account, Authority::kAccountKey, document.digest());
}

Bytes RecoveryDesk::record_replaced(const Replaced& replaced) {
  const auto made = replaced_.try_emplace(
      replaced.lost, SignedDocument::sign(replaced.encode(), world_.withdrawal_key));
  return made.first->second.encode();
}

Bytes RecoveryDesk::replace(const AccountId& lost, const AccountId& successor) {
  return record_replaced({kIssuerId, lost, successor, Authority::kOperator, {}, now_ms_});
}

absl::StatusOr<Bytes> RecoveryDesk::replace(const wallet::SignedReplacement& request) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(request.document));
  CAFE_ASSIGN_OR_RETURN(const auto asked, Replacement::decode(document.frame));
  CAFE_RETURN_IF_ERROR(document.check(key_of(asked.lost)));
  CAFE_RETURN_IF_ERROR(check_consent(document, request.consent, key_of(asked.successor)));
  if (!losses_.contains(asked.lost)) return refused("NOT_REPORTED_LOST", "Report the loss first.");
  const auto before = replaced_.find(asked.lost);
  if (before != replaced_.end() &&
      Replaced::decode(before->second.frame)->successor != asked.successor) {
    return refused("REPLACED_BEFORE", "Another account took its place.");
  }
  return record_replaced(
      {kIssuerId, asked.lost, asked.successor, Authority::kAccountKey, document.digest(), now_ms_});
}

absl::StatusOr<Bytes> RecoveryDesk::put_backup(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto backup, Backup::decode(document.frame));
  CAFE_RETURN_IF_ERROR(document.check(key_of(backup.account)));
  backups_.insert_or_assign(backup.holder, document);
  return sign(BackupKept{kIssuerId, backup.account, document.digest(), now_ms_}.encode()).encode();
}

absl::StatusOr<Bytes> RecoveryDesk::get_backup(ByteView bytes) const {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto query, BackupQuery::decode(document.frame));
  CAFE_RETURN_IF_ERROR(document.check(query.holder));
  const auto found = backups_.find(query.holder);
  if (found == backups_.end()) return refused("NO_BACKUP", "There is no backup of these words.");
  return found->second.encode();
}

absl::StatusOr<wallet::ListedOrders> RecoveryDesk::list_orders(ByteView bytes) const {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto query, OrdersQuery::decode(document.frame));
  if (query.by != last_successor(query.account)) return not_the_holder();
  CAFE_RETURN_IF_ERROR(document.check(key_of(query.by)));
  const std::vector<OrderRecord> all = issuer_.orders_of(query.account);
  OrdersListed listed{kIssuerId,
                      query.account,
                      document.digest(),
                      all.size(),
                      issuer_.loads_of(query.account).size(),
                      now_ms_,
                      {}};
  std::vector<OrderRecord> records;
  for (size_t n = query.after; n < all.size() && records.size() < page; ++n) {
    listed.orders.push_back({n + 1, all[n].order.digest(), all[n].completion.digest()});
    records.push_back(all[n]);
  }
  if (tamper_listing) tamper_listing(listed, records);
  const auto& account = issuer_.account(query.account);
  wallet::ListedOrders out;
  out.listing = sign(listed.encode()).encode();
  for (const OrderRecord& each : records) {
    out.orders.push_back({each.order.encode(), each.completion.encode()});
  }
  out.key_certificates = {world_.recovery_certificate.encode(),
                          world_.withdrawal_certificate.encode()};
  out.registration_file = account.file.encode();
  out.receipt = account.receipt.encode();
  const std::vector<SignedDocument> loads = issuer_.loads_of(query.account);
  for (size_t n = query.after_load; n < loads.size() && out.loads.size() < loads_page; ++n) {
    out.loads.push_back(loads[n].encode());
  }
  return out;
}

absl::StatusOr<Bytes> RecoveryDesk::look_up(const CoinPrefix& prefix) {
  look_ups_.push_back(prefix);
  SpentPrefixAnswer answer{kIssuerId, now_ms_, prefix, {}};
  size_t slots = 0;
  for (const auto& [place, where] : spent_) {
    const auto& [id, slot] = place;
    if (!prefix.covers(id)) continue;
    ++slots;
    if (answer.spent.empty() || answer.spent.back().coin_id != id) answer.spent.push_back({id, 0});
    answer.spent.back().slots |= uint64_t{1} << slot;
  }
  if (slots > most_slots || (calls_too_short && calls_too_short(prefix))) {
    return refused("PREFIX_TOO_SHORT", "Ask with more bits.");
  }
  first_answered_ = std::min(first_answered_, look_ups_.size() - 1);
  if (tamper_answer) tamper_answer(answer);
  return SignedDocument::sign(answer.encode(), world_.coinstore_key).encode();
}

void RecoveryDesk::deposit(const Payment& payment) {
  for (uint32_t n = 0; n < payment.spends.size(); ++n) {
    const Spend& spend = payment.spends[n];
    spent_.try_emplace({payment.coins[spend.coin].id(), spend.slot}, Spent{deposited_.size(), n});
  }
  deposited_.push_back(payment);
}

void RecoveryDesk::deposit(pos::Terminal& terminal) {
  while (const auto batch = terminal.next_deposit().value()) {
    const auto document = SignedDocument::decode(batch->order).value();
    const auto order = DepositOrder::decode(document.frame).value();
    Receipt receipt{order.acquirer_id,
                    order.payee_id,
                    order.idempotency_key,
                    document.digest(),
                    deposited_.size() + 1,
                    now_ms_,
                    {}};
    for (const Bytes& bytes : batch->payments) {
      const Payment payment = Payment::decode(bytes).value();
      deposit(payment);
      PaymentVerdict verdict{VerdictCode::kAccepted, "", 0, "EUR", {}};
      for (const Spend& spend : payment.spends) {
        verdict.slots.push_back({VerdictCode::kAccepted, worth_of(spend), 0});
        verdict.credited += worth_of(spend);
      }
      receipt.verdicts.push_back(std::move(verdict));
    }
    const auto settled =
        terminal.on_receipt(SignedDocument::sign(receipt.encode(), world_.deposit_key).encode(),
                            world_.deposit_certificate.encode());
    if (!settled.ok()) std::abort();
  }
}

std::vector<CoinPrefix> RecoveryDesk::own_look_ups() const {
  if (first_answered_ >= look_ups_.size()) return {};
  return {look_ups_.begin() + static_cast<ptrdiff_t>(first_answered_) + 1, look_ups_.end()};
}

std::vector<Claim> RecoveryDesk::claims() const {
  std::vector<Claim> out;
  for (const Filed& filed : filed_) out.push_back(filed.claim);
  return out;
}

absl::Status list_and_rebuild(RecoveryDesk& desk, wallet::Recovery& recovery) {
  while (!recovery.listed()) {
    CAFE_ASSIGN_OR_RETURN(const Bytes query, recovery.orders_query(desk.now_ms()));
    CAFE_ASSIGN_OR_RETURN(const auto page, desk.list_orders(query));
    CAFE_RETURN_IF_ERROR(recovery.on_orders(page));
  }
  recovery.rebuild(0, recovery.orders());
  return absl::OkStatus();
}

}  // namespace cafe::testing
