// Withdrawal (section 4): the order under way, from Open to its coins or its void.
#include <algorithm>

#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/amount.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::ByteView;
using protocol::Completion;
using protocol::Denomination;
using protocol::OpenAnswer;
using protocol::OpenRequest;
using protocol::OrderLine;
using protocol::SignedDocument;

namespace {

absl::Status no_order() {
  return protocol::refused("NO_ORDER", "The wallet has no such order under way: start one.");
}

absl::Status order_pending() {
  return protocol::refused("ORDER_PENDING",
                           "Another order is under way: complete it, or have it voided first.");
}

std::string completion_key(uint64_t order) {
  return record_key(kCompletionPrefix, protocol::encode_u64(order));
}

// What one costs. Blank cheques cost nothing: the load that they are paid from does.
uint64_t price_of(const Denomination& denomination) {
  return denomination.kind == protocol::Kind::kCoin ? denomination.value() : 0;
}

// Whether two time slots are one, or next to each other.
bool neighbours(uint64_t a, uint64_t b) { return a <= b + 1 && b <= a + 1; }

}  // namespace

absl::Status Wallet::State::check_can_order() const {
  if (!registered()) return not_registered();
  if (order.phase == OrderPhase::kDisputed) {
    return protocol::refused("ORDER_DISPUTED",
                             "The issuer's answer to the last order was wrong and is kept as "
                             "evidence: settle that first.");
  }
  if (order.phase != OrderPhase::kNone) return order_pending();
  if (store->find(kEquivocationKey) != nullptr) {
    return protocol::refused("LIST_EQUIVOCATION",
                             "The issuer signed two lists of one number: withdraw no more.");
  }
  // [guard] A list that only this user was shown would tag her.
  if (!list || confirmations() < config.list_confirmations) {
    return protocol::refused("LIST_NOT_CONFIRMED",
                             "Too few payees have shown this list of denominations: hold the "
                             "wallet to a terminal.");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Completion::Debit>> Wallet::State::order_sums(
    std::span<const OrderLine> lines, uint64_t now_s) const {
  std::map<std::string, uint64_t> sums;
  for (const OrderLine& line : lines) {
    CAFE_ASSIGN_OR_RETURN(const Denomination* denomination, denomination_of(line.denom_id));
    if (now_s < denomination->withdraw_from || now_s >= denomination->withdraw_until ||
        list->is_compromised(line.denom_id)) {
      return protocol::refused("NOT_OPEN", "The denomination is not open for withdrawal now.");
    }
    CAFE_ASSIGN_OR_RETURN(const uint64_t value,
                          protocol::checked_multiply(price_of(*denomination), line.count));
    uint64_t& sum = sums[denomination->currency];
    CAFE_ASSIGN_OR_RETURN(sum, protocol::checked_add(sum, value));
  }
  std::vector<Completion::Debit> debits;
  for (const auto& [currency, amount] : sums) debits.push_back({currency, amount});
  return debits;
}

OrderPhase Wallet::order_phase() const { return state_->order.phase; }
uint64_t Wallet::completed_orders() const { return state_->chain; }

absl::StatusOr<Bytes> Wallet::start_order(const std::vector<OrderLine>& lines, uint64_t now_s) {
  State& s = *state_;
  CAFE_RETURN_IF_ERROR(s.check_can_order());
  CAFE_RETURN_IF_ERROR(protocol::check_lines(lines));
  CAFE_ASSIGN_OR_RETURN(const auto sums, s.order_sums(lines, now_s));
  if (!s.owner.confirm_order(sums)) {
    return declined("OWNER_DECLINED", "The owner did not confirm the withdrawal.");
  }
  return s.with_account(PinUse::kWithdrawal, [&] { return s.open_order(lines); });
}

absl::StatusOr<Bytes> Wallet::State::open_order(const std::vector<OrderLine>& lines) {
  State& s = *this;
  const OpenRequest request{s.config.issuer_id,        s.account, s.chain + 1, s.list->number,
                            s.list_document->digest(), lines};
  OrderRecord record;
  record.phase = OrderPhase::kOpening;
  record.open = SignedDocument::sign(request.encode(), s.identity->account_key);
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(kOrderKey, record.encode())));
  s.order = std::move(record);
  return s.order.open.encode();
}

absl::Status Wallet::cancel_open() {
  State& s = *state_;
  if (s.order.phase != OrderPhase::kOpening) return no_order();
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().erase(kOrderKey)));
  s.order = {};
  return absl::OkStatus();
}

absl::StatusOr<std::vector<MadeSlot>> Wallet::State::make_slots(const OpenAnswer& answer) {
  std::vector<MadeSlot> slots;
  for (const protocol::OpenedLine& line : answer.lines) {
    CAFE_ASSIGN_OR_RETURN(const Denomination* denomination, denomination_of(line.denom_id));
    const std::vector<uint64_t>& values = denomination->slot_values;
    for (size_t n = 0; n < line.coins.size() * values.size(); ++n) {
      // The issuer knows of each order what it is for; so may the guardian.
      auto slot =
          guardian.make_slot(denomination->kind, denomination->currency, values[n % values.size()]);
      if (!slot.ok()) {
        free_slots(slots);
        return slot.status();
      }
      slots.push_back(*slot);
    }
  }
  return slots;
}

void Wallet::State::free_slots(std::span<const MadeSlot> slots) {
  // What stays behind where this fails is freed at the next start.
  for (const MadeSlot& slot : slots) guardian.free_slot(slot.handle).IgnoreError();
}

absl::StatusOr<std::vector<Wallet::State::OrderedCoin>> Wallet::State::blind(
    const OpenAnswer& answer, std::span<const MadeSlot> slots) const {
  std::vector<OrderedCoin> ordered;
  size_t next = 0;
  for (uint32_t n = 0; n < answer.lines.size(); ++n) {
    CAFE_ASSIGN_OR_RETURN(const Denomination* denomination,
                          denomination_of(answer.lines[n].denom_id));
    const size_t k = denomination->slot_values.size();
    for (uint32_t i = 0; i < answer.lines[n].coins.size(); ++i) {
      if (next + k > slots.size()) {
        return protocol::invalid("SLOT_COUNT", "The order has fewer slots than its coins need.");
      }
      protocol::CoinPlace place{n, i, {}};
      for (size_t j = 0; j < k; ++j) place.B_O.push_back(slots[next + j].B_O);
      CAFE_ASSIGN_OR_RETURN(protocol::BlindedCoin blinded,
                            protocol::wallet_blind(coin_seed, answer, place, *denomination,
                                                   identity_point(denomination->kind),
                                                   guardian_point(denomination->kind)));
      ordered.push_back({std::move(blinded), denomination, n, i, next});
      next += k;
    }
  }
  return ordered;
}

absl::StatusOr<Bytes> Wallet::on_open_answer(ByteView answer_bytes, uint64_t now_s) {
  State& s = *state_;
  if (s.order.phase == OrderPhase::kOrdered &&
      std::equal(answer_bytes.begin(), answer_bytes.end(), s.order.answer.begin(),
                 s.order.answer.end())) {
    return s.order.document.encode();
  }
  if (s.order.phase == OrderPhase::kNone) return no_order();
  // [guard] Never a second answer under the same N: the signed order stands.
  if (s.order.phase != OrderPhase::kOpening) return order_pending();
  CAFE_ASSIGN_OR_RETURN(const OpenRequest request, OpenRequest::decode(s.order.open.frame));
  CAFE_ASSIGN_OR_RETURN(const OpenAnswer answer, OpenAnswer::decode(answer_bytes));
  CAFE_RETURN_IF_ERROR(protocol::check_open_answer(request, answer));
  if (!neighbours(answer.time_slot, protocol::time_slot_of(now_s))) {
    return protocol::refused("STALE_ANSWER", "The issuer's answer is too old: open again.");
  }

  return s.with_account(PinUse::kWithdrawal, [&] { return s.order_coins(answer_bytes, answer); });
}

absl::StatusOr<Bytes> Wallet::State::order_coins(ByteView answer_bytes, const OpenAnswer& answer) {
  State& s = *this;
  CAFE_ASSIGN_OR_RETURN(const std::vector<MadeSlot> slots, s.make_slots(answer));
  const auto ordered = s.blind(answer, slots);
  if (!ordered.ok()) {
    s.free_slots(slots);
    return ordered.status();
  }
  protocol::Order order{answer, {}, {}};
  for (const State::OrderedCoin& coin : *ordered) {
    order.challenges.push_back(coin.blinded.challenges());
  }
  std::vector<protocol::Point> B_O;
  for (const MadeSlot& slot : slots) B_O.push_back(slot.B_O);
  order.attachment = protocol::seal_attachment(s.coin_seed, answer, B_O, s.rng);

  OrderRecord record{OrderPhase::kOrdered, s.order.open, protocol::to_bytes(answer_bytes), slots,
                     SignedDocument::sign(order.encode(), s.identity->account_key)};
  // Stored before the order leaves: from here on only these challenges are ever sent.
  const absl::Status stored = s.store->commit(Batch().put(kOrderKey, record.encode()));
  if (!stored.ok()) {
    s.free_slots(slots);
    return stored;
  }
  s.order = std::move(record);
  return s.order.document.encode();
}

absl::StatusOr<Bytes> Wallet::pending_open_bytes() const {
  if (state_->order.phase != OrderPhase::kOpening) return no_order();
  return state_->order.open.encode();
}

absl::StatusOr<Bytes> Wallet::pending_order_bytes() const {
  if (state_->order.phase != OrderPhase::kOrdered) return no_order();
  return state_->order.document.encode();
}

absl::StatusOr<Withdrawn> Wallet::on_completion(ByteView completion_bytes) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(completion_bytes));
  CAFE_RETURN_IF_ERROR(s.check_withdrawal_signature(document));
  CAFE_ASSIGN_OR_RETURN(const Completion completion, Completion::decode(document.frame));
  if (const Bytes* earlier = s.store->find(completion_key(completion.order));
      earlier != nullptr && s.order.phase != OrderPhase::kDisputed &&
      std::equal(earlier->begin(), earlier->end(), completion_bytes.begin(),
                 completion_bytes.end())) {
    return Withdrawn{completion.order, 0, true};  // came twice
  }
  if (s.order.phase != OrderPhase::kOrdered) return no_order();
  CAFE_ASSIGN_OR_RETURN(const OpenAnswer answer, OpenAnswer::decode(s.order.answer));
  if (completion.issuer_id != answer.issuer_id || completion.account != answer.account ||
      completion.order != answer.order || completion.time_slot != answer.time_slot ||
      completion.order_digest != s.order.document.digest()) {
    return protocol::invalid("ANSWER_MISMATCH", "The completion is not of this wallet's order.");
  }

  CAFE_ASSIGN_OR_RETURN(const auto ordered, s.blind(answer, s.order.slots));
  std::vector<HeldCoin> fresh;
  absl::Status wrong;
  if (completion.responses.size() != ordered.size()) {
    wrong = protocol::invalid("WRONG_ANSWER", "The completion answers another number of coins.");
  }
  for (size_t n = 0; wrong.ok() && n < ordered.size(); ++n) {
    const State::OrderedCoin& of = ordered[n];
    auto coin = protocol::wallet_unblind(of.blinded, *of.denomination,
                                         s.identity_point(of.denomination->kind),
                                         answer.lines[of.line], of.i, completion.responses[n]);
    if (!coin.ok()) {
      wrong = coin.status();
      break;
    }
    HeldCoin held{*std::move(coin), of.blinded.context, {}};
    for (size_t j = 0; j < of.blinded.B.size(); ++j) {
      const MadeSlot& made = s.order.slots[of.first_slot + j];
      held.slots.push_back({made.handle, made.B_O, made.commitment, of.blinded.B[j], {}});
    }
    fresh.push_back(std::move(held));
  }
  Batch batch;
  batch.put(completion_key(completion.order), completion_bytes);
  if (!wrong.ok()) {
    // Signed by the issuer, and wrong: evidence.
    OrderRecord disputed = s.order;
    disputed.phase = OrderPhase::kDisputed;
    CAFE_RETURN_IF_ERROR(s.store->commit(batch.put(kOrderKey, disputed.encode())));
    s.order = std::move(disputed);
    return wrong;
  }
  for (const HeldCoin& held : fresh) {
    batch.put(record_key(kCoinPrefix, held.coin.id()), held.encode());
  }
  batch.put(kChainKey, protocol::encode_u64(completion.order)).erase(kOrderKey);

  std::map<std::string, uint64_t> sums;
  for (const State::OrderedCoin& of : ordered) {
    const uint64_t price = price_of(*of.denomination);
    if (price > 0) sums[of.denomination->currency] += price;
  }
  std::vector<Completion::Debit> expected;
  for (const auto& [currency, amount] : sums) expected.push_back({currency, amount});

  CAFE_RETURN_IF_ERROR(s.store->commit(batch));
  for (HeldCoin& held : fresh) {
    const protocol::CoinId id = held.coin.id();
    s.coins.emplace(id, std::move(held));
  }
  s.chain = completion.order;
  s.order = {};
  return Withdrawn{completion.order, fresh.size(), completion.debits == expected};
}

absl::StatusOr<Bytes> Wallet::void_request() const {
  State& s = *state_;
  if (s.order.phase != OrderPhase::kOrdered) return no_order();
  CAFE_ASSIGN_OR_RETURN(const OpenAnswer answer, OpenAnswer::decode(s.order.answer));
  const protocol::VoidedOrder voided{answer.issuer_id, answer.account, answer.order,
                                     answer.time_slot};
  return s.with_account(PinUse::kWithdrawal, [&]() -> absl::StatusOr<Bytes> {
    return SignedDocument::sign(voided.encode_request(), s.identity->account_key).encode();
  });
}

absl::Status Wallet::on_void_statement(ByteView statement) {
  State& s = *state_;
  if (s.order.phase != OrderPhase::kOrdered) return no_order();
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(statement));
  CAFE_RETURN_IF_ERROR(s.check_withdrawal_signature(document));
  CAFE_ASSIGN_OR_RETURN(const auto voided, protocol::VoidedOrder::decode_statement(document.frame));
  CAFE_ASSIGN_OR_RETURN(const OpenAnswer answer, OpenAnswer::decode(s.order.answer));
  if (voided !=
      protocol::VoidedOrder{answer.issuer_id, answer.account, answer.order, answer.time_slot}) {
    return protocol::invalid("ANSWER_MISMATCH", "The void is not of this wallet's order.");
  }
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().erase(kOrderKey)));
  s.free_slots(s.order.slots);
  s.order = {};
  return absl::OkStatus();
}

}  // namespace cafe::wallet
