// The desk's claims: judged, held, credited and charged as section 8 says.
#include <algorithm>

#include "device-sim/firmware/testing/recovery_desk.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/rebuild.h"
#include "libs/protocol/withdrawal_issuer.h"

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: it speaks of little else

namespace {

const std::string kIssuerId{World::kIssuer};

constexpr uint64_t kStale_ms = 10 * 60 * 1000;

}  // namespace

absl::StatusOr<Session> RecoveryDesk::session_of(const Claim& claim,
                                                 const ClaimedCoin& coin) const {
  const std::vector<OrderRecord> orders = issuer_.orders_of(claim.account);
  if (coin.order == 0 || coin.order > orders.size()) return refused("NO_SUCH_COIN", "No order.");
  const OrderRecord& record = orders[coin.order - 1];
  CAFE_ASSIGN_OR_RETURN(const Order order, Order::decode(record.order.frame));
  CAFE_ASSIGN_OR_RETURN(const Completion completion, Completion::decode(record.completion.frame));
  return protocol::session_of(
      order, completion, coin.denom_id, coin.i,
      m_for(world_.table.find(coin.denom_id)->kind, issuer_.account(claim.account).checked.points));
}

size_t RecoveryDesk::cheques_of(const AccountId& account) const {
  size_t cheques = 0;
  for (const OrderRecord& record : issuer_.orders_of(account)) {
    const Order order = Order::decode(record.order.frame).value();
    for (const OpenedLine& line : order.opened.lines) {
      const bool cheque = world_.table.find(line.denom_id)->kind == Kind::kCheque;
      if (cheque) cheques += line.coins.size();
    }
  }
  return cheques;
}

absl::Status RecoveryDesk::judge(Filed& filed, uint32_t& item) const {
  const Claim& claim = filed.claim;
  item = ClaimRefused::kWholeClaim;
  if (claim.time_ms > now_ms_ + kStale_ms || now_ms_ > claim.time_ms + kStale_ms) {
    return refused("CLAIM_STALE", "Of another time.");
  }
  if (claim.kind != ClaimKind::kPayments && !losses_.contains(claim.account)) {
    return refused("NOT_REPORTED_LOST", "Report the loss first.");
  }
  const auto find = [&](const DenomId& id) { return world_.table.find(id); };
  std::vector<CheckedVoidPayment> payments;
  for (item = 0; item < claim.payments.size(); ++item) {
    CAFE_ASSIGN_OR_RETURN(CheckedVoidPayment checked,
                          check_void_payment(claim.payments[item], find, world_.anchors));
    const bool due = now_ms_ >= checked.deposit_until * 1000 + kSettlement_ms;
    if (!checked.refused && !due) return refused("NOT_DUE", "It can still be deposited.");
    payments.push_back(std::move(checked));
  }
  CAFE_ASSIGN_OR_RETURN(filed.slots, claimed_slots(claim, find, payments));
  for (item = 0; item < claim.coins.size(); ++item) {
    const ClaimedCoin& coin = claim.coins[item];
    if (has_an_old_list) return refused("UNKNOWN_DENOMINATION", "No list names it.");
    // What cheques paid is kept for good.
    if (claim.kind != ClaimKind::kCheques &&
        now_ms_ / 1000 >= world_.table.find(coin.denom_id)->claim_until) {
      return refused("CLAIM_EXPIRED", "Too late.");
    }
    CAFE_ASSIGN_OR_RETURN(const Session session, session_of(claim, coin));
    CAFE_RETURN_IF_ERROR(open_claimed_coin(coin, session).status());
    filed.ids.push_back(coin.id());
    for (uint32_t slot = 0; slot < kMaxSlots; ++slot) {
      if ((coin.slots >> slot & 1) != 0 && claimed_.contains({coin.id(), slot})) {
        return refused("CLAIMED_BEFORE", "Once for each slot.");
      }
    }
  }
  item = ClaimRefused::kWholeClaim;
  if (claim.kind != ClaimKind::kCheques) {
    CAFE_ASSIGN_OR_RETURN(filed.receipt.claimed, claimed_amounts(filed.slots));
    return absl::OkStatus();
  }
  if (claim.coins.size() != cheques_of(claim.account)) return refused("CHEQUES_MISSING", "All.");
  std::vector<Load> loads;
  for (const SignedDocument& document : issuer_.loads_of(claim.account)) {
    loads.push_back(Load::decode(Loaded::decode(document.frame)->load).value());
  }
  CAFE_ASSIGN_OR_RETURN(filed.receipt.claimed, loaded_amounts(loads));
  return absl::OkStatus();
}

absl::StatusOr<RecoveryDesk::Answer> RecoveryDesk::file_claim(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(Claim claim, Claim::decode(document.frame));
  if (claim.by != last_successor(claim.account)) {
    return refused("NOT_THE_HOLDER", "The account itself, or its last successor, claims.");
  }
  CAFE_RETURN_IF_ERROR(document.check(key_of(claim.by)));
  for (const Filed& earlier : filed_) {
    if (earlier.document.digest() == document.digest()) {
      return Answer{false, earlier.signed_receipt.encode()};
    }
  }
  Filed filed{document, std::move(claim), {}, {}, {}, {}, {}, {}, {}};
  uint32_t item = 0;
  if (const absl::Status wrong = judge(filed, item); !wrong.ok()) {
    const ClaimRefused refused{
        kIssuerId, filed.claim.account, document.digest(), reason_of(wrong), item, now_ms_};
    return Answer{true, sign(refused.encode()).encode()};
  }
  uint64_t last_s = 0;
  uint64_t first_s = UINT64_MAX;
  for (const ClaimedSlot& slot : filed.slots) {
    last_s = std::max(last_s, slot.denomination->deposit_until);
    first_s = std::min(first_s, slot.denomination->deposit_until);
  }
  ClaimReceipt& receipt = filed.receipt;
  receipt.issuer_id = kIssuerId;
  receipt.account = filed.claim.account;
  receipt.number = filed_.size() + 1;
  receipt.claim_digest = document.digest();
  receipt.time_ms = now_ms_;
  receipt.final_at_ms = std::max(now_ms_, last_s * 1000 + kSettlement_ms);
  receipt.held_until_ms = filed.claim.kind == ClaimKind::kCheques
                              ? receipt.final_at_ms
                              : std::max(now_ms_, std::min(now_ms_ + kHolding_ms, first_s * 1000));
  if (tamper_receipt) tamper_receipt(receipt);
  filed.signed_receipt = sign(receipt.encode());
  for (const ClaimedSlot& slot : filed.slots) claimed_.insert({filed.ids[slot.coin], slot.slot});
  filed_.push_back(std::move(filed));
  return Answer{false, filed_.back().signed_receipt.encode()};
}

void RecoveryDesk::state(Filed& filed, ClaimState state) {
  filed.state = state;
  filed.totals = claim_totals(filed.receipt.claimed, filed.slots, filed.deductions).value();
  ClaimStatement statement{kIssuerId,
                           filed.claim.account,
                           filed.receipt.number,
                           filed.document.digest(),
                           static_cast<uint32_t>(filed.statements.size() + 1),
                           now_ms_,
                           state,
                           filed.deductions,
                           filed.totals};
  if (tamper_statement) tamper_statement(statement);
  filed.statements.push_back(sign(statement.encode()));
}

void RecoveryDesk::advance(Filed& filed) {
  if (filed.state == ClaimState::kFinal || now_ms_ < filed.receipt.held_until_ms) return;
  const bool credited = filed.state == ClaimState::kCredited;
  bool more = false;
  for (const ClaimedSlot& slot : filed.slots) {
    const auto where = spent_.find({filed.ids[slot.coin], slot.slot});
    const bool known =
        std::any_of(filed.deductions.begin(), filed.deductions.end(),
                    [&](const Deduction& d) { return d.coin == slot.coin && d.slot == slot.slot; });
    if (where == spent_.end() || known) continue;
    const Payment& payment = deposited_[where->second.payment];
    const Terms terms = Terms::decode(payment.terms.frame).value();
    filed.deductions.push_back(
        {slot.coin, slot.slot, deduction_code(filed.claim, terms), credited,
         deducted_value(filed.claim.kind, slot, payment.spends[where->second.spend]),
         sha256(payment.encode())});
    more = true;
  }
  std::sort(filed.deductions.begin(), filed.deductions.end(),
            [](const Deduction& a, const Deduction& b) {
              return std::pair(a.coin, a.slot) < std::pair(b.coin, b.slot);
            });
  const bool last = now_ms_ >= filed.receipt.final_at_ms;
  if (last || more || !credited) state(filed, last ? ClaimState::kFinal : ClaimState::kCredited);
}

void RecoveryDesk::pass(uint64_t ms) {
  now_ms_ += ms;
  for (Filed& filed : filed_) advance(filed);
}

uint64_t RecoveryDesk::credited(const AccountId& account) const {
  uint64_t sum = 0;
  for (const Filed& filed : filed_) {
    if (filed.claim.by != account) continue;
    for (const ClaimTotal& total : filed.totals) sum += total.credited - total.charged;
  }
  return sum;
}

absl::StatusOr<Bytes> RecoveryDesk::claim_file(ByteView bytes) const {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto query, ClaimQuery::decode(document.frame));
  CAFE_RETURN_IF_ERROR(document.check(key_of(query.by)));
  const auto found = std::find_if(filed_.begin(), filed_.end(), [&](const Filed& filed) {
    return filed.document.digest() == query.claim_digest;
  });
  if (found == filed_.end()) return refused("UNKNOWN_CLAIM", "It was never filed.");
  const Claim& claim = found->claim;
  const auto& account = issuer_.account(claim.account);
  ClaimFile file{.key_certificates = {world_.withdrawal_certificate, world_.recovery_certificate},
                 .registration = account.file,
                 .receipt = account.receipt,
                 .replacements = {},
                 .successor_receipts = {},
                 .loss = std::nullopt,
                 .lists = {world_.signed_list},
                 .orders = {},
                 .loads = {},
                 .claim = found->document,
                 .claim_receipt = found->signed_receipt,
                 .statements = found->statements,
                 .payments = {}};
  for (auto at = replaced_.find(claim.account); at != replaced_.end();) {
    file.replacements.push_back(at->second);
    const AccountId successor = Replaced::decode(at->second.frame)->successor;
    file.successor_receipts.push_back(issuer_.account(successor).receipt);
    at = replaced_.find(successor);
  }
  if (claim.kind != ClaimKind::kPayments) file.loss = losses_.at(claim.account);
  if (claim.kind == ClaimKind::kCheques) file.loads = issuer_.loads_of(claim.account);
  std::set<uint64_t> numbers;
  for (const ClaimedCoin& coin : claim.coins) numbers.insert(coin.order);
  const std::vector<OrderRecord> orders = issuer_.orders_of(claim.account);
  for (const uint64_t n : numbers) file.orders.push_back(orders[n - 1]);
  std::set<size_t> named;
  for (const Deduction& deduction : found->deductions) {
    const Spent& where = spent_.at({found->ids[deduction.coin], deduction.slot});
    if (!named.insert(where.payment).second) continue;
    file.payments.push_back(
        {deposited_[where.payment], where.spend, PayeeCredential(world_.terminal_credential)});
  }
  return file.encode();
}

absl::Status look_up_all(RecoveryDesk& desk, wallet::Recovery& recovery) {
  while (!recovery.looked_up()) {
    CAFE_ASSIGN_OR_RETURN(const auto prefixes, recovery.to_ask());
    for (const CoinPrefix& prefix : prefixes) {
      const auto answer = desk.look_up(prefix);
      if (answer.ok()) {
        CAFE_RETURN_IF_ERROR(
            recovery.on_spent(prefix, *answer, desk.coinstore_certificate(), desk.now_ms()));
      } else {
        CAFE_RETURN_IF_ERROR(recovery.on_too_short(prefix));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status send_claims(wallet::Wallet& wallet, RecoveryDesk& desk) {
  wallet::Claims claims(wallet);
  for (const wallet::ClaimView& view : claims.all()) {
    if (view.status != wallet::ClaimStatus::kFiled) continue;
    CAFE_ASSIGN_OR_RETURN(const Bytes bytes, claims.bytes(view.digest));
    CAFE_ASSIGN_OR_RETURN(const auto answer, desk.file_claim(bytes));
    CAFE_RETURN_IF_ERROR(answer.refused
                             ? claims.on_refusal(answer.document, desk.recovery_certificate())
                             : claims.on_receipt(answer.document, desk.recovery_certificate()));
  }
  return absl::OkStatus();
}

absl::Status poll_claims(wallet::Wallet& wallet, RecoveryDesk& desk) {
  wallet::Claims claims(wallet);
  for (const wallet::ClaimView& view : claims.all()) {
    if (view.status < wallet::ClaimStatus::kHeld) continue;
    CAFE_ASSIGN_OR_RETURN(const Bytes query, claims.query(view.digest, desk.now_ms()));
    CAFE_ASSIGN_OR_RETURN(const Bytes file, desk.claim_file(query));
    CAFE_RETURN_IF_ERROR(claims.on_claim_file(file));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Bytes32>> recover(wallet::Wallet& wallet, RecoveryDesk& desk,
                                             wallet::Recovery& recovery,
                                             const wallet::Consent& consent) {
  CAFE_RETURN_IF_ERROR(list_and_rebuild(desk, recovery));
  CAFE_RETURN_IF_ERROR(look_up_all(desk, recovery));
  CAFE_ASSIGN_OR_RETURN(auto digests, recovery.claim(consent, desk.now_ms()));
  CAFE_RETURN_IF_ERROR(send_claims(wallet, desk));
  return digests;
}

}  // namespace cafe::testing
