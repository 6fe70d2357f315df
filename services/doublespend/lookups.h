// Anonymous look-ups: which slots of these coins are spent, signed.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/platform/clock.h"
#include "libs/protocol/lookup.h"
#include "libs/storage/key_files.h"
#include "libs/storage/redis.h"

namespace cafe::doublespend {

// What is known of one coin's slots: bit i of `slots` is slot i, as of a time.
struct SpentSlots {
  uint64_t as_of_ms = 0;
  uint64_t slots = 0;
  bool operator==(const SpentSlots&) const = default;
};

// A cache of spent coins. Spent never becomes unspent, so an entry only ever says too little, and
// says since when. Coins of which nothing is spent are never cached: that a coin is whole is always
// read from the database. All failures of the cache are misses, and so is an entry that this issuer
// did not write: answers are signed, and whoever can write to Redis must not have them say more.
class SpentCache {
 public:
  // `cache` may be null (never hits) and must outlive this. The entries' MAC key derives from
  // `key`, so that all replicas share it.
  SpentCache(storage::Cache* cache, const protocol::SigningKey& key, std::chrono::milliseconds ttl);

  // One answer for each coin.
  std::vector<std::optional<SpentSlots>> get(std::span<const protocol::CoinId> coins,
                                             uint64_t now_ms);
  void put(std::span<const protocol::CoinId> coins, std::span<const SpentSlots> slots);

 private:
  std::string seal(const protocol::CoinId& coin, const SpentSlots& slots) const;
  std::optional<SpentSlots> open(const protocol::CoinId& coin,
                                 const std::optional<std::string>& entry, uint64_t now_ms) const;

  storage::Cache* const cache_;
  const protocol::SecretArray<32> mac_key_;
  const std::chrono::milliseconds ttl_;
};

class Lookups {
 public:
  // The truth: for each coin a bit for each slot.
  using ReadSlots =
      std::function<absl::StatusOr<std::vector<uint64_t>>(std::span<const protocol::CoinId> coins)>;

  // `key`, `cache` and `clock` must outlive it.
  Lookups(std::string issuer_id, const storage::OnlineKey& key, ReadSlots read, SpentCache& cache,
          const platform::Clock& clock)
      : issuer_id_(std::move(issuer_id)),
        key_(key),
        read_(std::move(read)),
        cache_(cache),
        clock_(clock) {}

  // protocol::SpentSlotsAnswer, signed. Its time is that of the oldest thing it says.
  absl::StatusOr<protocol::SignedDocument> answer(std::vector<protocol::CoinId> coins);

  // Answers questions that came together, one reading of cache and store for all of them.
  absl::StatusOr<std::vector<protocol::SignedDocument>> answer_all(
      std::vector<std::vector<protocol::CoinId>> questions);

  const protocol::SignedDocument& key_certificate() const { return key_.certificate; }

 private:
  // What is known of each coin, from the cache or else the store.
  absl::StatusOr<std::vector<SpentSlots>> find(std::span<const protocol::CoinId> coins,
                                               uint64_t now_ms);

  const std::string issuer_id_;
  const storage::OnlineKey& key_;
  const ReadSlots read_;
  SpentCache& cache_;
  const platform::Clock& clock_;
};

// Whom the limit of look-ups counts: the address in gRPC's name of a peer ("ipv4:10.0.0.7:4242",
// "ipv6:[2001:db8::1]:4242") without its port; of IPv6 the /64 that one subscriber has.
std::string rate_key(std::string_view peer);

}  // namespace cafe::doublespend
