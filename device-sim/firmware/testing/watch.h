// What may never happen, however often a device loses its power and its messages, noted as it goes
// by: for tests that interrupt whole runs.
//
// - A slot of the guardian's answers one request. What has answered is never unanswered again, and
//   what was freed stays dead.
// - A slot of a coin pays one set of terms, and a payment that was put together stays as it is.
// - No secret of the wallet's is used under two sets of nonces. Each coin of each order that leaves
//   is blinded again from its context, to know which secrets it used: each of them belongs to one
//   set of the issuer's nonces, and each set to one pair of challenges. No proof of knowledge in a
//   registration shares its nonce with another.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "device-sim/firmware/common/memory_image.h"
#include "device-sim/firmware/wallet/wallet.h"
#include "libs/protocol/testing/world.h"

namespace cafe::testing {

class Watch {
 public:
  explicit Watch(const World& world) : world_(&world) {}

  // A command that the guardian got, and its response with the status word.
  void guardian_answered(protocol::ByteView command, protocol::ByteView response);
  // After each start: that its memory still knows what it said.
  void guardian_started(firmware::MemoryImage& memory);
  // A registration file on its way to the issuer.
  void registration_sent(protocol::ByteView file);
  // A signed order on its way to the issuer, of a wallet with this memory.
  void order_sent(protocol::ByteView signed_order, const firmware::MemoryImage& wallet_memory);
  // The payments that the wallet has put together.
  void payments_held(const wallet::Wallet& wallet);

  const std::vector<std::string>& violations() const { return violations_; }
  // Of orders that left, each coin once: how many pairs of challenges were seen.
  size_t blindings() const { return challenged_.size(); }
  size_t answered_slots() const { return answered_.size(); }

 private:
  using Text = std::string;  // bytes as a key
  void require(bool holds, std::string_view what);
  // `value` is what `key` had before, where it had one.
  void require_same(std::map<Text, Text>& seen, const Text& key, const Text& value,
                    std::string_view what);
  void coin_sent(const protocol::Seed& coin_seed, const protocol::Order& order,
                 const protocol::CoinPlace& place, const protocol::ChallengePair& challenges);

  const World* world_;
  std::optional<protocol::Registration> registration_;  // the last one sent
  std::map<Text, Text> answered_;                       // handle -> the one request answered
  std::map<Text, Text> freed_;                          // handles
  std::map<Text, Text> proofs_;                         // R -> the registration it stands in
  std::map<Text, Text> used_under_;                     // secret -> nonces
  std::map<Text, Text> challenged_;                     // nonces -> challenges
  std::map<Text, Text> payments_;                       // terms digest -> payment
  std::map<Text, Text> pays_;                           // coin and slot -> terms digest
  std::vector<std::string> violations_;
};

}  // namespace cafe::testing
