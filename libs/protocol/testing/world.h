// A small world for tests and benchmarks: a manufacturer, an issuer with its keys, lists and a
// terminal, and wallets with guardians that register and withdraw through the library's own
// functions. The same seed makes the same world.
//
//   World world("deposit");
//   WorldWallet wallet = world.make_wallet();
//   std::vector<WithdrawnCoin> coins = world.withdraw(wallet, {{world.coin.id, 3}});
#pragma once

#include <deque>

#include "libs/protocol/denomination.h"
#include "libs/protocol/guardian.h"
#include "libs/protocol/holder.h"
#include "libs/protocol/order_history.h"
#include "libs/protocol/withdrawal_issuer.h"
#include "libs/protocol/withdrawal_wallet.h"

namespace cafe::testing {

inline constexpr uint64_t kWorldNow_s = 1'765'000'000;  // every date of the world holds then
inline constexpr uint64_t kDay_s = 86400;

// A guardian with the wallet around it, registered.
struct WorldWallet {
  protocol::GuardianKeys guardian;
  protocol::SignedDocument guardian_certificate;
  protocol::Seed identity_seed;
  protocol::Seed coin_seed;
  protocol::WalletIdentity identity;
  protocol::RegistrationFile registration;
  protocol::CheckedRegistration account;
  uint64_t completed_orders = 0;
  std::vector<protocol::OrderRecord> orders = {};  // those completed, by N

  protocol::Scalar guardian_secret(protocol::Kind kind) const;       // o_coin or o_cheque
  const protocol::Point& guardian_point(protocol::Kind kind) const;  // A_O or A_Q
};

// A coin with all that its wallet and guardian know of it.
struct WithdrawnCoin {
  protocol::Coin coin;
  protocol::Denomination denomination;
  protocol::BlindedCoin secrets;              // s, slots, B, ...
  std::vector<protocol::GuardianSlot> slots;  // the guardian's, unused
  std::vector<protocol::Point> B_O;           // its points
  protocol::OpenedLine line;                  // as the issuer opened it
  uint32_t i;                                 // within its line
  protocol::CoinResponse response;            // the issuer's answer
  uint64_t order;                             // N
};

class World {
 public:
  explicit World(std::string_view seed = "world");

  static constexpr std::string_view kIssuer = "issuer-a.example";

  protocol::SeededRng rng;
  protocol::SigningKey manufacturer_key;
  protocol::SigningKey master_key;
  // The certified on-line keys, each with its certificate below.
  protocol::SigningKey withdrawal_key, deposit_key, coinstore_key, enrolment_key;
  protocol::SignedDocument withdrawal_certificate, deposit_certificate, coinstore_certificate,
      enrolment_certificate;
  protocol::TrustAnchors anchors;

  protocol::DenominationKey coin;        // one slot of 5.00 EUR
  protocol::DenominationKey split_coin;  // five slots 4+2+1+1+1 EUR
  protocol::DenominationKey cheque;      // up to 50.00 EUR
  protocol::DenominationList list;       // number 1, with these three
  protocol::SignedDocument signed_list;
  protocol::DenominationTable table;

  protocol::IssuerSecret issuer_secret;
  protocol::Bytes32 lineage;

  // A certified terminal of a payee of this issuer.
  protocol::SigningKey terminal_key;
  protocol::TerminalCertificate terminal;
  protocol::TerminalCredential terminal_credential;

  protocol::SigningKey recovery_key;
  protocol::SignedDocument recovery_certificate;

  WorldWallet make_wallet();
  // The issuer's receipt of a wallet's registration, and what its holder shows with it.
  protocol::RegistrationReceipt receipt_of(const WorldWallet& wallet) const;
  protocol::HolderCredential credential_of(const WorldWallet& wallet) const;

  // An order's documents and secrets at each of its steps.
  protocol::OpenAnswer open(const WorldWallet& wallet, std::span<const protocol::OrderLine> lines,
                            uint64_t time_slot = protocol::time_slot_of(kWorldNow_s));
  // The guardian's slots for one coin.
  std::vector<protocol::GuardianSlot> make_slots(const protocol::Denomination& denomination);
  // A whole order through issuer_open, wallet_blind, issuer_respond and wallet_unblind; the coins
  // of all lines in order. Records the order as completed.
  std::vector<WithdrawnCoin> withdraw(WorldWallet& wallet,
                                      std::span<const protocol::OrderLine> lines);
  std::vector<WithdrawnCoin> withdraw(WorldWallet& wallet,
                                      std::initializer_list<protocol::OrderLine> lines);

  // Another denomination in the list, which is signed anew under the next number.
  const protocol::DenominationKey& add_denomination(protocol::Kind kind,
                                                    std::vector<uint64_t> slot_values);
  const protocol::DenominationKey& key(const protocol::DenomId& id) const;
  std::vector<const protocol::DenominationKey*> keys(
      std::span<const protocol::OrderLine> lines) const;
  // A denomination of this issuer whose dates hold at kWorldNow_s, with a new key.
  protocol::DenominationKey make_denomination(protocol::Kind kind,
                                              std::vector<uint64_t> slot_values);
  // A certificate of `key` for a purpose, under the master key, valid a year around kWorldNow_s.
  protocol::SignedDocument certify(const protocol::SigningKey& key, std::string_view purpose) const;

 private:
  protocol::OrderRecord record(const protocol::Order& order,
                               const protocol::SignedDocument& document,
                               std::span<const protocol::CoinResponse> responses) const;

  std::deque<protocol::DenominationKey> more_;  // added
};

// A signing key drawn from `rng`.
protocol::SigningKey make_key(protocol::Rng& rng);
// o2·G1 of each slot.
std::vector<protocol::Point> points_of_slots(std::span<const protocol::GuardianSlot> slots);

}  // namespace cafe::testing
