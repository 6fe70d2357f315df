#include "services/doublespend/lookups.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>

#include "absl/container/flat_hash_map.h"
#include "libs/protocol/hash.h"

namespace cafe::doublespend {
namespace {

using protocol::ByteView;
using protocol::CoinId;

constexpr size_t kEntrySize = 48;  // u64 as_of_ms ‖ u64 slots ‖ 32 bytes of MAC

std::string cache_key(const CoinId& coin) { return "cafe:spent:" + protocol::to_string(coin); }

}  // namespace

SpentCache::SpentCache(storage::Cache* cache, const protocol::SigningKey& key,
                       std::chrono::milliseconds ttl)
    : cache_(cache),
      mac_key_(protocol::mac(key.secret().bytes(), protocol::Frame("cafe/spent-cache-key"))),
      ttl_(ttl) {}

std::string SpentCache::seal(const CoinId& coin, const SpentSlots& slots) const {
  const auto mac = protocol::mac(
      mac_key_.view(),
      protocol::Frame("cafe/spent-cache").add(coin).add_u64(slots.as_of_ms).add_u64(slots.slots));
  return protocol::to_string(protocol::encode_u64(slots.as_of_ms)) +
         protocol::to_string(protocol::encode_u64(slots.slots)) + protocol::to_string(mac);
}

std::optional<SpentSlots> SpentCache::open(const CoinId& coin,
                                           const std::optional<std::string>& entry,
                                           uint64_t now_ms) const {
  if (!entry.has_value() || entry->size() != kEntrySize) {
    return std::nullopt;
  }
  const ByteView bytes = protocol::view_of(*entry);
  const SpentSlots found{.as_of_ms = protocol::decode_u64(bytes.first<8>()),
                         .slots = protocol::decode_u64(bytes.subspan<8, 8>())};
  const bool ours = protocol::equal_ct(bytes, protocol::view_of(seal(coin, found)));
  if (!ours || found.slots == 0 || found.as_of_ms > now_ms) {
    return std::nullopt;
  }
  return found;
}

std::vector<std::optional<SpentSlots>> SpentCache::get(std::span<const CoinId> coins,
                                                       uint64_t now_ms) {
  std::vector<std::optional<SpentSlots>> found(coins.size());
  if (cache_ == nullptr) {
    return found;
  }
  std::vector<std::string> keys;
  keys.reserve(coins.size());
  for (const CoinId& coin : coins) {
    keys.push_back(cache_key(coin));
  }
  const auto entries = cache_->get_many(keys);
  if (!entries.ok() || entries->size() != coins.size()) {
    return found;
  }
  for (size_t i = 0; i < coins.size(); ++i) {
    found[i] = open(coins[i], (*entries)[i], now_ms);
  }
  return found;
}

void SpentCache::put(std::span<const CoinId> coins, std::span<const SpentSlots> slots) {
  if (cache_ == nullptr) {
    return;
  }
  std::vector<std::pair<std::string, std::string>> items;
  for (size_t i = 0; i < coins.size(); ++i) {
    if (slots[i].slots == 0) {
      continue;
    }
    items.emplace_back(cache_key(coins[i]), seal(coins[i], slots[i]));
  }
  if (!items.empty()) {
    cache_->set_many(items, ttl_).IgnoreError();  // a cache that is down only makes us slower
  }
}

absl::StatusOr<std::vector<SpentSlots>> Lookups::find(std::span<const CoinId> coins,
                                                      uint64_t now_ms) {
  const std::vector<std::optional<SpentSlots>> known = cache_.get(coins, now_ms);
  // A coin that is named many times is read once.
  std::vector<CoinId> to_read;
  absl::flat_hash_map<CoinId, size_t> place;  // in to_read
  for (size_t i = 0; i < coins.size(); ++i) {
    if (known[i].has_value()) continue;
    if (place.try_emplace(coins[i], to_read.size()).second) to_read.push_back(coins[i]);
  }
  std::vector<SpentSlots> fresh;
  if (!to_read.empty()) {
    CAFE_ASSIGN_OR_RETURN(const std::vector<uint64_t> slots, read_(to_read));
    for (const uint64_t bits : slots) fresh.push_back({.as_of_ms = now_ms, .slots = bits});
    cache_.put(to_read, fresh);
  }
  std::vector<SpentSlots> found;
  found.reserve(coins.size());
  for (size_t i = 0; i < coins.size(); ++i) {
    found.push_back(known[i].has_value() ? *known[i] : fresh[place.at(coins[i])]);
  }
  return found;
}

absl::StatusOr<protocol::SignedDocument> Lookups::answer(std::vector<CoinId> coins) {
  std::vector<std::vector<CoinId>> questions;
  questions.push_back(std::move(coins));
  CAFE_ASSIGN_OR_RETURN(std::vector<protocol::SignedDocument> answers,
                        answer_all(std::move(questions)));
  return std::move(answers.front());
}

absl::StatusOr<std::vector<protocol::SignedDocument>> Lookups::answer_all(
    std::vector<std::vector<CoinId>> questions) {
  // Read before the database is: everything committed until then is in the answers.
  const uint64_t now_ms = platform::unix_ms(clock_);
  std::vector<CoinId> coins;
  for (const auto& question : questions) {
    coins.insert(coins.end(), question.begin(), question.end());
  }
  if (coins.empty()) return std::vector<protocol::SignedDocument>();
  CAFE_ASSIGN_OR_RETURN(const std::vector<SpentSlots> found, find(coins, now_ms));

  std::vector<protocol::SignedDocument> answers;
  answers.reserve(questions.size());
  auto next = found.begin();
  for (std::vector<CoinId>& question : questions) {
    protocol::SpentSlotsAnswer answer{
        .issuer_id = issuer_id_, .time_ms = now_ms, .coin_ids = std::move(question), .spent = {}};
    for (uint32_t coin = 0; coin < answer.coin_ids.size(); ++coin, ++next) {
      answer.time_ms = std::min(answer.time_ms, next->as_of_ms);
      for (uint64_t bits = next->slots; bits != 0; bits &= bits - 1) {
        answer.spent.push_back(
            {.coin = coin, .slot = static_cast<uint32_t>(std::countr_zero(bits))});
      }
    }
    answers.push_back(protocol::SignedDocument::sign(answer.encode(), key_.key));
  }
  return answers;
}

std::string rate_key(std::string_view peer) {
  if (peer.starts_with("ipv4:")) {
    return std::string(peer.substr(0, peer.rfind(':')));
  }
  if (!peer.starts_with("ipv6:")) {
    return std::string(peer.substr(0, peer.find(':')));
  }
  std::string address(peer.substr(5));
  // gRPC percent-encodes the brackets: ipv6:%5B::1%5D:4242.
  for (const std::string_view bracket : {"%5B", "%5D", "[", "]"}) {
    if (const size_t at = address.find(bracket); at != std::string::npos) {
      const bool closing = bracket == "%5D" || bracket == "]";
      address = closing ? address.substr(0, at) : address.substr(at + bracket.size());
    }
  }
  address = address.substr(0, address.find('%'));  // a scope
  in6_addr parsed{};
  if (inet_pton(AF_INET6, address.c_str(), &parsed) != 1) {
    return "ipv6";
  }
  return "ipv6:" + protocol::to_hex(ByteView(parsed.s6_addr, 8));
}

}  // namespace cafe::doublespend
