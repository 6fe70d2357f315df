// A person with a wallet: withdraws what she may need, pays bills, talks by the tick, and pays
// back what is left.
#pragma once

#include <memory>

#include "device-sim/host/encounter.h"
#include "device-sim/host/errands.h"
#include "device-sim/simulator/devices.h"
#include "device-sim/simulator/fates.h"
#include "device-sim/simulator/options.h"
#include "device-sim/simulator/totals.h"

namespace cafe::simulator {

// How devices are made.
struct Workshop {
  wallet::Config config;
  protocol::SigningKey manufacturer;
  std::vector<protocol::LoadKeyCertificate> load_keys;
  host::IssuerInfo issuer;

  // A wallet with its guardian, that knows its issuer.
  absl::StatusOr<std::unique_ptr<WalletDevice>> make(const std::string& seed) const;
};

// What all customers share.
struct Street {
  const SimulationOptions& options;
  host::Backend& backend;
  std::vector<std::unique_ptr<Shop>> shops;
  std::optional<Workshop> workshop;
  Tally tally;

  // Hands in what waits at a shop, once a batch is full; all of it where `all`.
  absl::Status deposit(Shop& shop, bool all);
};

class Customer {
 public:
  // `payments` errands in all.
  Customer(Street& street, uint32_t index, Life life, uint32_t payments,
           std::unique_ptr<WalletDevice> device);

  const protocol::AccountId& account() const { return account_; }
  Role role() const { return life_.role; }
  uint32_t index() const { return index_; }

  // Gets an account and sees a shop's lists.
  absl::Status join();
  // Goes on her errands.
  absl::Status trade();
  // Pays everything that is left into her own account.
  absl::Status close();
  // Both memories are copied before a payment and put back after it, so that the same slots pay a
  // second shop.
  absl::Status spend_twice();
  // The guardian's memory alone is copied before its counter is paid out, and put back after it, so
  // that other cheques pay the same sum again.
  absl::Status overdraw();
  // Asks what became of her claims; whether nothing of them is left to wait for.
  absl::StatusOr<bool> ask_for_claims();
  // What she lost, as far as it is known now; nothing where she kept her wallet.
  std::optional<Loss> loss();

 private:
  wallet::Wallet& wallet() { return device_->firmware(); }
  std::string seed_of(std::string_view what) const;
  Shop& any_shop(protocol::SeededRng& rng) {
    return *street_.shops[rng.below(street_.shops.size())];
  }
  wallet::Holdings holdings();
  absl::Status see_lists();

  // Withdraws what it takes to pay any amount up to `most` with what belongs in such a purse.
  absl::Status fill(uint64_t most, Purse purse);
  absl::Status order(const std::vector<protocol::OrderLine>& lines);
  absl::Status order_split_coins();
  absl::Status load(uint64_t amount);
  // Pays, and fills such a purse first where the amount cannot be paid; the shop took it.
  absl::Status pay(Shop& shop, uint64_t amount, const std::string& seed, Purse purse);
  absl::Status pay_above_limits();
  absl::StatusOr<host::EncounterResult> pay_at(Shop& shop, uint64_t amount,
                                               const std::string& seed);
  absl::Status talk(Shop& shop, protocol::SeededRng& rng, const std::string& seed);
  absl::Status pay_back(uint64_t amount);
  void count_payment(protocol::ByteView payment, uint32_t ticks);

  // --- loss.cc ---
  // What she keeps elsewhere, for the day when her wallet is gone.
  absl::Status prepare_for_loss();
  // That day: the wallet goes its way, and she gets another one that claims its money.
  absl::Status lose_wallet();
  // Whoever took it pays with it until it asks for a PIN.
  absl::Status be_robbed();
  absl::Status recover();
  // What is in the wallet, by its own books.
  uint64_t worth();

  Street& street_;
  const uint32_t index_;
  const Life life_;
  const uint32_t payments_;
  std::unique_ptr<WalletDevice> device_;
  const Purse purse_;
  protocol::AccountId account_{};
  protocol::Bytes card_;  // either of them, of wallets that will be lost
  std::string words_;
  std::optional<Loss> loss_;
  uint64_t unheard_ = 0;  // ticks that left the guardian and no payphone heard
};

}  // namespace cafe::simulator
