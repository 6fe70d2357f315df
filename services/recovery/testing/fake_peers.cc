#include "services/recovery/testing/fake_peers.h"

#include "libs/protocol/payment_answer.h"

namespace cafe::recovery::testing {

using protocol::AccountId;
using protocol::Bytes;
using protocol::CoinId;
using protocol::OrderRecord;
using protocol::SignedDocument;

namespace {

absl::Status is_down() {
  return protocol::make_error(absl::StatusCode::kUnavailable, "PEER_DOWN", "Nobody answers.");
}

template <class T>
std::vector<T> page(const std::vector<T>& all, uint64_t after, uint32_t limit) {
  std::vector<T> out;
  for (size_t i = after; i < all.size() && out.size() < limit; ++i) out.push_back(all[i]);
  return out;
}

}  // namespace

void FakeWithdrawal::lose(const WorldWallet& wallet) {
  Record& record = records_.at(wallet.account.account);
  record.standing = Standing::kLost;
  record.loss = market_.loss(wallet, record.loads.size());
}

void FakeWithdrawal::convict(const WorldWallet& wallet) {
  records_.at(wallet.account.account).standing = Standing::kConvicted;
}

void FakeWithdrawal::replace(const WorldWallet& lost, const WorldWallet& successor) {
  Record& record = records_.at(lost.account.account);
  record.successor = successor.account.account;
  record.replaced = market_.replaced(lost, successor);
}

void FakeWithdrawal::load(const WorldWallet& wallet, uint64_t amount) {
  std::vector<SignedDocument>& loads = records_.at(wallet.account.account).loads;
  loads.push_back(market_.load(wallet, amount, loads.size() + 1));
}

absl::StatusOr<SignedDocument> FakeWithdrawal::list(uint32_t number) {
  if (down) return is_down();
  if (number > market_.list.number) {
    return protocol::make_error(absl::StatusCode::kNotFound, "NO_SUCH_LIST", "There is none.");
  }
  const auto older = older_lists.find(number);
  return older == older_lists.end() ? market_.signed_list : older->second;
}

absl::StatusOr<AccountAnswer> FakeWithdrawal::account(const AccountId& account, absl::Time) {
  if (down) return is_down();
  const auto found = records_.find(account);
  if (found == records_.end()) {
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_ACCOUNT", "There is none.");
  }
  const Record* record = &found->second;
  AccountAnswer answer{.registration_file = record->wallet->registration.encode(),
                       .receipt = market_.receipt(*record->wallet).encode(),
                       .standing = record->standing,
                       .loss_recorded = record->loss ? record->loss->encode() : Bytes(),
                       .replacements = {},
                       .successor_receipts = {},
                       .last_order = record->wallet->completed_orders,
                       .last_load = record->loads.size(),
                       .key_certificates = {market_.withdrawal_certificate.encode()}};
  while (record->successor) {
    answer.replacements.push_back(record->replaced->encode());
    record = &records_.at(*record->successor);
    answer.successor_receipts.push_back(market_.receipt(*record->wallet).encode());
  }
  return answer;
}

absl::StatusOr<std::vector<OrderRecord>> FakeWithdrawal::orders(const AccountId& account,
                                                                uint64_t after, uint32_t limit,
                                                                absl::Time) {
  if (down) return is_down();
  return page(records_.at(account).wallet->orders, after, limit);
}

absl::StatusOr<std::vector<SignedDocument>> FakeWithdrawal::loads(const AccountId& account,
                                                                  uint64_t after, uint32_t limit,
                                                                  absl::Time) {
  if (down) return is_down();
  return page(records_.at(account).loads, after, limit);
}

absl::Status FakeCoinStore::mark_claimed(uint64_t claim, std::span<const MarkedCoin> coins,
                                         absl::Time) {
  if (down) return is_down();
  const std::lock_guard lock(mutex_);
  for (const MarkedCoin& coin : coins) {
    if (coin.deposit_until < dropped_before_s_) {
      return protocol::refused("RETENTION_OVER", "The month was dropped.");
    }
  }
  for (const MarkedCoin& coin : coins) {
    for (uint32_t slot = 0; slot < protocol::kMaxSlots; ++slot) {
      if ((coin.slots >> slot & 1) == 0) continue;
      const auto [by, is_new] = marked_by_.try_emplace({coin.coin_id, slot}, claim);
      if (!is_new && by->second != claim) {
        return protocol::refused("CLAIMED_BEFORE", "Another claim has this slot.");
      }
    }
    marked[coin.coin_id] |= coin.slots;
    kept_until[coin.coin_id] = std::max(kept_until[coin.coin_id], coin.claim_until);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LocatedSpend>> FakeCoinStore::locate(std::span<const CoinId> coins,
                                                                absl::Time) {
  if (down) return is_down();
  std::vector<LocatedSpend> out;
  for (uint32_t i = 0; i < coins.size(); ++i) {
    for (uint32_t slot = 0; slot < protocol::kMaxSlots; ++slot) {
      const auto at = spent_.find({coins[i], slot});
      if (at == spent_.end()) continue;
      out.push_back({i, slot, at->second.batch, 0, at->second.spend});
    }
  }
  return out;
}

std::vector<uint64_t> FakeCoinStore::record(const protocol::Payment& payment, uint64_t batch) {
  std::vector<uint64_t> earned;
  for (uint32_t n = 0; n < payment.spends.size(); ++n) {
    const protocol::Spend& spend = payment.spends[n];
    const uint32_t ticks = spend.tick ? spend.tick->index + 1 : 0;
    const auto [at, is_new] =
        spent_.try_emplace({payment.coins[spend.coin].id(), spend.slot}, Spend{batch, n, ticks});
    if (is_new) {
      earned.push_back(worth_of(spend));
      continue;
    }
    earned.push_back(ticks > at->second.ticks ? (ticks - at->second.ticks) * spend.tick_value : 0);
    if (ticks > at->second.ticks) at->second = {batch, n, ticks};
  }
  return earned;
}

void FakeCoinStore::drop_all(uint64_t before_s) {
  spent_.clear();
  dropped_before_s_ = before_s;
}

absl::StatusOr<std::vector<LocatedSpend>> FakeDeposit::locate_cheques(
    std::span<const CoinId> cheques, absl::Time) {
  if (down) return is_down();
  std::vector<LocatedSpend> out;
  for (uint32_t i = 0; i < cheques.size(); ++i) {
    const auto at = cheques_.find(cheques[i]);
    if (at == cheques_.end()) continue;
    const auto& [batch, spend] = at->second;
    out.push_back({i, 0, batch, 0, spend});
  }
  return out;
}

absl::StatusOr<ArchivedPayment> FakeDeposit::payment(uint64_t batch, uint32_t payment, absl::Time) {
  if (down) return is_down();
  if (batch < 1 || batch > archive.size() || payment != 0) {
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_BATCH", "There is none.");
  }
  return archive[batch - 1];
}

absl::Status FakeDeposit::void_terms(protocol::ByteView refusal, protocol::ByteView, absl::Time) {
  if (down) return is_down();
  if (refuses) return *refuses;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(refusal));
  CAFE_ASSIGN_OR_RETURN(const auto opened, protocol::Refusal::decode(document.frame));
  voided.insert(opened.terms_digest);
  return absl::OkStatus();
}

}  // namespace cafe::recovery::testing
