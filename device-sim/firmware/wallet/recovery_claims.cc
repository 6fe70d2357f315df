// What there is to claim of a lost wallet, or of payments that came to nothing, and the signed
// claims of it (section 8).
#include <algorithm>
#include <bit>

#include "device-sim/firmware/wallet/recovery_state.h"
#include "libs/protocol/claim_value.h"
#include "libs/protocol/payment_answer.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::Claim;
using protocol::ClaimedCoin;
using protocol::ClaimKind;
using protocol::CoinId;
using protocol::CurrencyAmount;
using protocol::Denomination;
using protocol::SignedDocument;

namespace {

absl::Status not_looked_up() {
  return protocol::refused("NOT_LOOKED_UP",
                           "What is spent already is not known yet: ask the store first.");
}

uint64_t value_of(const Denomination& denomination, uint64_t slots) {
  uint64_t sum = 0;
  for (size_t j = 0; j < denomination.slot_values.size(); ++j) {
    if ((slots >> j & 1) != 0) sum += denomination.slot_values[j];
  }
  return sum;
}

// What the issuer's answer had to do with the moment of the claim, and not with what was claimed.
bool may_be_filed_again(ClaimKind kind, std::string_view reason) {
  // Of a payment, what is no reason now may be one when it cannot be deposited any more.
  if (kind == ClaimKind::kPayments) {
    return reason != "ALREADY_DEPOSITED" && reason != "CLAIMED_BEFORE" &&
           reason != "CLAIM_EXPIRED" && reason != "CLAIM_INVALID" && reason != "NO_SUCH_COIN";
  }
  // A denomination may be newer than the list that the issuer judged by.
  return reason == "CLAIM_STALE" || reason == "NOT_REPORTED_LOST" ||
         reason == "UNKNOWN_DENOMINATION";
}

}  // namespace

uint64_t Recovery::State::LostCoin::all_slots() const {
  const size_t k = denomination->slot_values.size();
  return k >= 64 ? ~uint64_t{0} : (uint64_t{1} << k) - 1;
}

ClaimedCoin Recovery::State::LostCoin::claimed(uint64_t slots) const {
  const protocol::Coin& coin = rebuilt.coin;
  return {order, coin.denom_id, rebuilt.i, coin.A, coin.root, coin.Z, rebuilt.opening, slots};
}

uint64_t Recovery::State::Filed::claimed_of(const CoinId& id) const {
  const auto own = slots.find(id);
  const auto others = gone.find(id);
  return (own == slots.end() ? 0 : own->second) | (others == gone.end() ? 0 : others->second);
}

size_t Recovery::State::Filed::company_of(const CoinId& id) const {
  const auto found = doubts.find(id);
  if (found == doubts.end()) return kCoinsPerClaim;
  // The first time the coin that was named is the only one, as a rule.
  const uint32_t halvings = 2 * std::min(found->second - 1, 8u);
  return std::max<size_t>(1, kCoinsPerClaim >> halvings);
}

void Recovery::State::Filed::note_claimed_before(const Claim& claim, size_t item) {
  for (const ClaimedCoin& coin : claim.coins) ++doubts[coin.id()];
  if (claim.coins.size() == 1) item = 0;
  if (item >= claim.coins.size()) return;
  const ClaimedCoin& named = claim.coins[item];
  if (std::has_single_bit(named.slots)) {
    gone[named.id()] |= named.slots;
  } else {
    apart.insert(named.id());
  }
}

absl::StatusOr<Recovery::State::Filed> Recovery::State::filed() const {
  Filed out;
  CAFE_ASSIGN_OR_RETURN(const auto records, stored_claims(*w.store));
  size_t cheques = 0;
  each_coin([&](const LostCoin& coin) { cheques += coin.is_coin() ? 0 : 1; });
  for (const auto& [digest, stored] : records) {
    CAFE_ASSIGN_OR_RETURN(const Claim claim, Claim::decode(stored.claim.frame));
    if (claim.account != account) continue;
    if (stored.status != ClaimStatus::kRefused) {
      for (const ClaimedCoin& coin : claim.coins) out.slots[coin.id()] |= coin.slots;
      out.cheques = out.cheques || claim.kind == ClaimKind::kCheques;
      continue;
    }
    CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(stored.refused.document));
    CAFE_ASSIGN_OR_RETURN(const auto refused, protocol::ClaimRefused::decode(document.frame));
    if (may_be_filed_again(claim.kind, refused.reason)) continue;
    if (claim.kind == ClaimKind::kCoins && refused.reason == "CLAIMED_BEFORE") {
      out.note_claimed_before(claim, refused.item);
      continue;
    }
    // Made of the same cheques, it would be refused again.
    if (claim.kind == ClaimKind::kCheques) {
      out.cheques = out.cheques || claim.coins.size() == cheques;
    }
    for (size_t n = 0; n < claim.coins.size(); ++n) {
      const bool named = n == refused.item || claim.kind == ClaimKind::kPayments;
      if (named) out.left_out.insert(claim.coins[n].id());
    }
  }
  return out;
}

std::vector<Found> Recovery::found(uint64_t now_s) const {
  const State& s = *state_;
  const auto filed = s.filed();
  std::map<std::string, Found> by_currency;
  s.each_coin([&](const State::LostCoin& coin) {
    Found& found = by_currency[coin.denomination->currency];
    if (!coin.is_coin()) {
      ++found.cheques;
      return;
    }
    const uint64_t spent = coin.spent.value_or(0) & coin.all_slots();
    uint64_t claimed = 0;
    if (filed.ok()) claimed = filed->claimed_of(coin.id) & ~spent;
    const uint64_t rest = coin.all_slots() & ~spent & ~claimed;
    found.spent += value_of(*coin.denomination, spent);
    found.claimed += value_of(*coin.denomination, claimed);
    if (rest == 0) return;
    const uint64_t value = value_of(*coin.denomination, rest);
    ++found.coins;
    const bool expired = now_s >= coin.denomination->claim_until;
    (expired ? found.expired : spent == 0 ? found.unspent : found.partly_unspent) += value;
  });
  for (const protocol::Load& load : s.loads) by_currency[load.currency].loaded += load.amount;
  const size_t missing_cheques = s.orders_without_cheques();
  std::vector<Found> out;
  for (auto& [currency, found] : by_currency) {
    found.currency = currency;
    if (found.loaded > 0) found.missing_cheques = missing_cheques;
    out.push_back(std::move(found));
  }
  return out;
}

absl::StatusOr<Bytes32> Recovery::State::file(ClaimKind kind, std::vector<ClaimedCoin> coins,
                                              std::vector<CurrencyAmount> claimed, uint64_t now_ms,
                                              std::vector<protocol::VoidPayment> payments) {
  const Claim claim{w.config.issuer_id, account, w.account, kind, now_ms, std::move(coins),
                    std::move(payments)};
  const ClaimRecord stored{ClaimStatus::kFiled,
                           SignedDocument::sign(claim.encode(), w.identity->account_key),
                           std::move(claimed),
                           {},
                           {},
                           {},
                           {}};
  const Bytes32 digest = stored.claim.digest();
  // Before it leaves: the issuer takes a slot once, so these are the bytes to send from now on.
  CAFE_RETURN_IF_ERROR(
      w.store->commit(Batch().put(record_key(kClaimPrefix, digest), stored.encode())));
  return digest;
}

std::vector<Recovery::State::Portion> Recovery::State::portions(const Filed& earlier, bool partly,
                                                                uint64_t now_s) const {
  std::vector<Portion> out;
  each_coin([&](const LostCoin& coin) {
    if (!coin.is_coin() || (*coin.spent != 0) != partly || earlier.left_out.contains(coin.id) ||
        now_s >= coin.denomination->claim_until) {
      return;
    }
    const uint64_t slots = coin.all_slots() & ~*coin.spent & ~earlier.claimed_of(coin.id);
    if (slots == 0) return;
    if (!earlier.apart.contains(coin.id)) {
      out.push_back({&coin, slots, earlier.company_of(coin.id)});
      return;
    }
    for (uint64_t rest = slots; rest != 0; rest &= rest - 1) {
      out.push_back({&coin, rest & (~rest + 1), 1});
    }
  });
  std::stable_sort(out.begin(), out.end(),
                   [](const Portion& a, const Portion& b) { return a.company > b.company; });
  return out;
}

absl::Status Recovery::State::file_coins(const Consent& consent, const Filed& earlier,
                                         uint64_t now_ms, std::vector<Bytes32>& out) {
  // Coins of which nothing is spent apart from those that show what they paid.
  for (const bool partly : {false, true}) {
    if (partly && !consent.partly_spent) break;
    const std::vector<Portion> chosen = portions(earlier, partly, now_ms / 1000);
    for (size_t n = 0; n < chosen.size();) {
      std::vector<ClaimedCoin> coins;
      std::map<std::string, uint64_t> sums;
      for (; n < chosen.size() && coins.size() < chosen[n].company; ++n) {
        const auto& [coin, slots, company] = chosen[n];
        coins.push_back(coin->claimed(slots));
        sums[coin->denomination->currency] += value_of(*coin->denomination, slots);
      }
      std::vector<CurrencyAmount> claimed;
      for (const auto& [currency, amount] : sums) claimed.push_back({currency, amount});
      CAFE_ASSIGN_OR_RETURN(out.emplace_back(),
                            file(ClaimKind::kCoins, std::move(coins), std::move(claimed), now_ms));
    }
  }
  return absl::OkStatus();
}

// What an order of an unknown denomination made, nobody here can tell.
size_t Recovery::State::orders_without_cheques() const {
  return static_cast<size_t>(
      std::count_if(orders.begin(), orders.end(), [&](const ListedOrder& listed) {
        const auto& lines = listed.order.opened.lines;
        return !listed.failed.ok() &&
               std::any_of(lines.begin(), lines.end(), [&](const protocol::OpenedLine& line) {
                 const Denomination* denomination = table.find(line.denom_id);
                 return denomination == nullptr || denomination->kind == protocol::Kind::kCheque;
               });
      }));
}

absl::Status Recovery::State::file_cheques(uint64_t now_ms, std::vector<Bytes32>& out) {
  if (orders_without_cheques() > 0) return absl::OkStatus();  // it would be refused for good
  std::vector<ClaimedCoin> cheques;
  each_coin([&](const LostCoin& coin) {
    if (!coin.is_coin()) cheques.push_back(coin.claimed(1));
  });
  CAFE_ASSIGN_OR_RETURN(auto loaded, protocol::loaded_amounts(loads));
  // Without both there is nothing to get for what the claim would show.
  if (cheques.empty() || loaded.empty()) return absl::OkStatus();
  if (cheques.size() > protocol::kMaxClaimedCoins) {
    return protocol::refused("CLAIM_TOO_LARGE", "There are more cheques than one claim takes.");
  }
  CAFE_ASSIGN_OR_RETURN(out.emplace_back(),
                        file(ClaimKind::kCheques, std::move(cheques), std::move(loaded), now_ms));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Bytes32>> Recovery::claim(const Consent& consent, uint64_t now_ms) {
  State& s = *state_;
  if (!looked_up()) return not_looked_up();
  std::vector<Bytes32> out;
  if (s.own()) return out;
  CAFE_ASSIGN_OR_RETURN(const State::Filed earlier, s.filed());
  CAFE_RETURN_IF_ERROR(s.w.with_account(PinUse::kRecovery, [&]() -> absl::Status {
    CAFE_RETURN_IF_ERROR(s.file_coins(consent, earlier, now_ms, out));
    if (!consent.cheques || earlier.cheques) return absl::OkStatus();
    return s.file_cheques(now_ms, out);
  }));
  return out;
}

// The payee's refusal counts where the issuer is its acquirer: it takes the payment no more. Of
// another acquirer's, the issuer knows when its time is over.
bool Recovery::State::is_void(const PaymentRecord& payment) const {
  const auto terms = protocol::Terms::decode(payment.terms.frame);
  return payment.state == PaymentState::kRefused && terms.ok() &&
         terms->acquirer_id == w.config.issuer_id;
}

// Refused by its payee, or too old to be deposited.
bool Recovery::State::came_to_nothing(const PaymentRecord& payment, uint64_t now_s) const {
  if (payment.kind != PaymentKind::kBill || payment.payment.empty()) return false;
  if (is_void(payment)) return true;
  uint64_t due_s = 0;
  const auto decoded = protocol::Payment::decode(payment.payment);
  if (!decoded.ok()) return false;
  for (const protocol::Coin& coin : decoded->coins) {
    const Denomination* denomination = table.find(coin.denom_id);
    if (denomination == nullptr) return false;
    due_s = std::max(due_s, denomination->deposit_until + kSettlement_s);
  }
  return now_s >= due_s;
}

absl::Status Recovery::State::file_payment(const PaymentRecord& payment, Filed& earlier,
                                           uint64_t now_ms, std::vector<Bytes32>& out) {
  CAFE_ASSIGN_OR_RETURN(const auto decoded, protocol::Payment::decode(payment.payment));
  CAFE_ASSIGN_OR_RETURN(const auto terms, protocol::Terms::decode(payment.terms.frame));
  std::map<CoinId, uint64_t> slots;
  for (const protocol::Spend& spend : decoded.spends) {
    slots[decoded.coins[spend.coin].id()] |= uint64_t{1} << spend.slot;
  }
  std::vector<ClaimedCoin> coins;
  bool open = true;  // nothing of it is spent, claimed or too old
  each_coin([&](const LostCoin& coin) {
    const auto used = slots.find(coin.id);
    if (used == slots.end()) return;
    const auto before = earlier.slots.find(coin.id);
    const uint64_t gone =
        coin.spent.value_or(~uint64_t{0}) | (before == earlier.slots.end() ? 0 : before->second);
    open = open && (used->second & gone) == 0 && !earlier.left_out.contains(coin.id) &&
           now_ms / 1000 < coin.denomination->claim_until;
    coins.push_back(coin.claimed(used->second));
  });
  if (!open || coins.size() != slots.size()) return absl::OkStatus();

  const Bytes* credential = w.store->find(record_key(kTerminalPrefix, payment.credential));
  if (credential == nullptr) return damaged();
  protocol::VoidPayment named{payment.payment, *credential, {}};
  if (is_void(payment)) {
    CAFE_ASSIGN_OR_RETURN(const auto answer, firmware::PaymentAnswer::decode(payment.answer));
    named.refusal = answer.document.encode();
  }
  CAFE_ASSIGN_OR_RETURN(out.emplace_back(),
                        file(ClaimKind::kPayments, std::move(coins),
                             {{terms.currency, terms.amount}}, now_ms, {std::move(named)}));
  for (const auto& [id, used] : slots) earlier.slots[id] |= used;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Bytes32>> Recovery::claim_payments(uint64_t now_ms) {
  State& s = *state_;
  if (!looked_up()) return not_looked_up();
  std::vector<Bytes32> out;
  if (!s.own()) return out;
  CAFE_ASSIGN_OR_RETURN(State::Filed earlier, s.filed());
  CAFE_RETURN_IF_ERROR(s.w.with_account(PinUse::kRecovery, [&]() -> absl::Status {
    for (const auto& [digest, payment] : s.w.payments) {
      if (!s.came_to_nothing(payment, now_ms / 1000)) continue;
      CAFE_RETURN_IF_ERROR(s.file_payment(payment, earlier, now_ms, out));
    }
    return absl::OkStatus();
  }));
  return out;
}

}  // namespace cafe::wallet
