// Which slots are spent (section 8), asked so that the store learns neither who asks nor for which
// coins.
#include <algorithm>

#include "device-sim/firmware/wallet/recovery_state.h"

namespace cafe::wallet {

using protocol::Bytes;
using protocol::ByteView;
using protocol::CoinId;
using protocol::CoinPrefix;
using protocol::SignedDocument;

namespace {

constexpr uint8_t kStep_bits = 2;

absl::Status crowd_too_small() {
  return protocol::refused("CROWD_TOO_SMALL",
                           "The store of spent coins wants to know more exactly than many coins "
                           "would share: nothing more is asked. Try again later, or complain.");
}

// Uniform below `bound`, which is not 0, up to a bias that nothing here minds.
uint64_t below(protocol::Rng& rng, uint64_t bound) {
  return protocol::decode_u64(rng.array<8>()) % bound;
}

}  // namespace

// Coins, and of own payments what paid them. Cheques of a lost wallet are claimed all together,
// whatever they spent: asking for them would only say something.
bool Recovery::State::is_wanted(const CoinId& id, protocol::Kind kind) const {
  return own() ? paid.contains(id) : kind == protocol::Kind::kCoin;
}

CoinPrefix Recovery::State::prefix_of(const CoinId& id) const {
  const CoinPrefix prefix = CoinPrefix::of(id, *bits);
  if (!too_short.contains(prefix)) return prefix;
  return CoinPrefix::of(id, static_cast<uint8_t>(*bits + kStep_bits));
}

absl::StatusOr<std::vector<CoinPrefix>> Recovery::to_ask() {
  State& s = *state_;
  if (!rebuilt()) {
    return protocol::refused("NOT_REBUILT",
                             "Which coins there are is not known yet: rebuild them.");
  }
  if (looked_up()) return std::vector<CoinPrefix>();
  CAFE_RETURN_IF_ERROR(s.refused);
  if (!s.bits) {
    // [guard] Of a random id: which length is long enough is no question of this wallet's coins.
    if (!s.probe) s.probe = CoinPrefix::of(CoinId{s.w.rng.array<32>()}, s.probe_bits);
    return std::vector{*s.probe};
  }
  std::set<CoinPrefix> distinct;
  s.each_coin([&](const State::LostCoin& coin) {
    if (coin.wanted && !coin.spent) distinct.insert(s.prefix_of(coin.id));
  });
  // [guard] In no order that the wallet, or the issuer's numbers, would give away.
  std::vector<CoinPrefix> prefixes(distinct.begin(), distinct.end());
  for (size_t n = prefixes.size(); n > 1; --n) {
    std::swap(prefixes[n - 1], prefixes[below(s.w.rng, n)]);
  }
  return prefixes;
}

absl::Status Recovery::on_too_short(const CoinPrefix& asked) {
  State& s = *state_;
  const bool probing = !s.bits;
  const uint8_t longer = static_cast<uint8_t>(asked.bits + kStep_bits);
  const bool may_grow =
      longer <= protocol::kMaxPrefixBits && (probing ? s.probe == asked : asked.bits == *s.bits);
  if (!may_grow) {
    s.refused = crowd_too_small();
    return s.refused;
  }
  if (probing) {
    s.probe_bits = longer;
    s.probe.reset();
  } else {
    s.too_short.insert(asked);
  }
  return absl::OkStatus();
}

absl::Status Recovery::on_spent(const CoinPrefix& asked, ByteView answer_bytes,
                                ByteView key_certificate, uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(answer_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto answer, protocol::SpentPrefixAnswer::decode(document.frame));
  CAFE_RETURN_IF_ERROR(s.w.check_issuer_signature(document, key_certificate,
                                                  protocol::kPurposeCoinstore, answer.time_ms));
  if (answer.issuer_id != s.w.config.issuer_id || answer.prefix != asked) {
    return protocol::invalid("ANSWER_MISMATCH", "The store answers another question.");
  }
  if (answer.time_ms > now_ms + kClockTolerance_ms ||
      now_ms > answer.time_ms + kClockTolerance_ms) {
    return protocol::refused("ANSWER_STALE", "The store's answer is not of now: ask again.");
  }
  if (s.probe == asked && !s.bits) {
    // [guard] A store that called shorter ones too short would have been answering for four times
    // as many coins each time: few coins here give the lie to it.
    if (asked.bits > 0 && answer.spent.size() < kLeastCrowd) {
      s.refused = crowd_too_small();
      return s.refused;
    }
    s.bits = asked.bits;
    s.probe.reset();
  }
  s.each_coin([&](State::LostCoin& coin) {
    if (coin.wanted && !coin.spent && asked.covers(coin.id)) {
      coin.spent = answer.slots_of(coin.id);
    }
  });
  return absl::OkStatus();
}

bool Recovery::looked_up() const {
  if (!rebuilt()) return false;
  bool all = true;
  state_->each_coin([&](const State::LostCoin& coin) {
    if (coin.wanted && !coin.spent) all = false;
  });
  return all;
}

}  // namespace cafe::wallet
