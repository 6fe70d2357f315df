// The inside of a recovery, shared by recovery.cc (begin, loss, new device), recovery_orders.cc
// (listing, rebuilding), recovery_lookup.cc (what is spent) and recovery_claims.cc.
#pragma once

#include <map>
#include <set>

#include "device-sim/firmware/wallet/recovery.h"
#include "device-sim/firmware/wallet/recovery_records.h"
#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/rebuild.h"

namespace cafe::wallet {

struct Recovery::State {
  // A coin or cheque of the account's.
  struct LostCoin {
    uint64_t order;  // N
    const protocol::Denomination* denomination;
    protocol::RebuiltCoin rebuilt;
    protocol::CoinId id;
    bool wanted;                    // whether the store is asked for it
    std::optional<uint64_t> spent;  // slots; nothing before the store has told

    bool is_coin() const { return denomination->kind == protocol::Kind::kCoin; }
    uint64_t all_slots() const;
    protocol::ClaimedCoin claimed(uint64_t slots) const;
  };
  struct ListedOrder {
    protocol::Order order;
    protocol::Completion completion;
    std::vector<LostCoin> coins;
    bool rebuilt = false;
    absl::Status failed;  // why its coins could not be rebuilt
  };

  State(Wallet::State& its_wallet, const protocol::AccountId& the_account)
      : w(its_wallet), account(the_account) {}

  Wallet::State& w;  // the new wallet's
  protocol::AccountId account;
  RecoveryRecord record;
  // Of the lost account, from its card: [guard] in no memory of the new device, from which it could
  // be stolen once more.
  std::optional<protocol::SigningKey> lost_key;
  protocol::DenominationTable table;

  // --- recovery_orders.cc ---
  std::optional<protocol::OrdersQuery> query;  // the last one
  std::optional<uint64_t> last_order;          // as the last listing says
  uint64_t last_load = 0;                      // the same
  std::set<protocol::CoinId> paid;             // what the own account's bills were paid with
  std::optional<protocol::CheckedRegistration> registration;
  std::vector<protocol::Load> loads;
  std::vector<ListedOrder> orders;

  // --- recovery_lookup.cc ---
  std::optional<uint8_t> bits;                // of a prefix that is long enough
  uint8_t probe_bits = 0;                     // of the next random one
  std::optional<protocol::CoinPrefix> probe;  // asked for now
  std::set<protocol::CoinPrefix> too_short;   // of coins
  absl::Status refused;                       // why nothing more is asked

  bool own() const { return account == w.account; }
  absl::Status store() const;
  template <typename Visit>
  void each_coin(Visit visit) {
    for (ListedOrder& listed : orders) {
      for (LostCoin& coin : listed.coins) visit(coin);
    }
  }
  template <typename Visit>
  void each_coin(Visit visit) const {
    for (const ListedOrder& listed : orders) {
      for (const LostCoin& coin : listed.coins) visit(coin);
    }
  }

  // A certificate of the issuer's, opened; only those of the purpose that is asked for count.
  struct Keys {
    std::vector<protocol::KeyCertificate> recovery, withdrawal;
  };
  absl::StatusOr<Keys> open_keys(std::span<const protocol::Bytes> certificates) const;
  absl::Status check_registration(const ListedOrders& answer, const Keys& keys);
  // Those of one answer, which follow the ones before.
  absl::StatusOr<std::vector<protocol::Load>> read_loads(const ListedOrders& answer,
                                                         const Keys& keys) const;
  absl::Status check_against_loss(const protocol::OrdersListed& listed) const;
  absl::StatusOr<std::vector<LostCoin>> rebuild(const ListedOrder& listed) const;

  bool is_wanted(const protocol::CoinId& id, protocol::Kind kind) const;
  protocol::CoinPrefix prefix_of(const protocol::CoinId& id) const;

  // What the claims stored so far say: which slots they name, by coin, and what refusals say.
  struct Filed {
    std::map<protocol::CoinId, uint64_t> slots;
    std::set<protocol::CoinId> left_out;
    bool cheques = false;
    // Where the issuer knows an earlier claim (of a payment that came to nothing, by the wallet
    // that is lost) it names the first coin that it is of, and not the slots.
    std::map<protocol::CoinId, uint64_t> gone;    // slots that were refused alone
    std::set<protocol::CoinId> apart;             // named: their slots are claimed one by one
    std::map<protocol::CoinId, uint32_t> doubts;  // how many of such claims a coin was in

    uint64_t claimed_of(const protocol::CoinId& id) const;  // slots, in whatever claim
    // How many coins a claim has at most that this one is in. It shrinks, so that a few rounds find
    // what was claimed, however many coins that is of.
    size_t company_of(const protocol::CoinId& id) const;
    void note_claimed_before(const protocol::Claim& claim, size_t item);
  };
  absl::StatusOr<Filed> filed() const;
  // Signs and stores one.
  absl::StatusOr<protocol::Bytes32> file(protocol::ClaimKind kind,
                                         std::vector<protocol::ClaimedCoin> coins,
                                         std::vector<protocol::CurrencyAmount> claimed,
                                         uint64_t now_ms,
                                         std::vector<protocol::VoidPayment> payments = {});
  absl::Status file_coins(const Consent& consent, const Filed& earlier, uint64_t now_ms,
                          std::vector<protocol::Bytes32>& out);
  // Coins, or slots of one, that go into a claim of at most so many.
  struct Portion {
    const LostCoin* coin;
    uint64_t slots;
    size_t company;
  };
  std::vector<Portion> portions(const Filed& earlier, bool partly, uint64_t now_s) const;
  // How many listed orders have cheques, or may have, and yielded none.
  size_t orders_without_cheques() const;
  absl::Status file_cheques(uint64_t now_ms, std::vector<protocol::Bytes32>& out);
  // `earlier` gets what it claims.
  absl::Status file_payment(const PaymentRecord& record, Filed& earlier, uint64_t now_ms,
                            std::vector<protocol::Bytes32>& out);
  bool is_void(const PaymentRecord& record) const;
  bool came_to_nothing(const PaymentRecord& record, uint64_t now_s) const;
};

}  // namespace cafe::wallet
