// The issuer's services for lost wallets, as far as a wallet meets them, played with the library's
// own functions; and everything that the issuer sees of it, for tests that play one who is curious.
//
//   RecoveryDesk desk(world, issuer);
//   desk.deposit(*till.terminal);                        // spends become known
//   recover(wallet, desk, recovery, {.cheques = true});  // the whole way
//   desk.pass(kDay_ms * 30);                             // claims are credited, then final
#pragma once

#include <set>

#include "device-sim/firmware/testing/device.h"
#include "device-sim/firmware/wallet/claims.h"
#include "device-sim/firmware/wallet/recovery.h"
#include "libs/protocol/claim_value.h"
#include "libs/protocol/loss.h"

namespace cafe::testing {

inline constexpr uint64_t kHolding_ms = 7 * kDay_s * 1000;
inline constexpr uint64_t kSettlement_ms = 7 * kDay_s * 1000;

class RecoveryDesk {
 public:
  // Both outlive it. Its clock begins at the world's now.
  RecoveryDesk(World& world, TestIssuer& issuer) : world_(world), issuer_(issuer) {}

  uint64_t now_ms() const { return now_ms_; }
  // Time passes: claims are credited and become final, payments that came in meanwhile are charged.
  void pass(uint64_t ms);

  // Back to what it was then.
  void forget_all_after(const RecoveryDesk& then);

  // --- Withdrawal ---
  // The same again gets the same. BAD_SIGNATURE, NOT_REPORTED_LOST, REPLACED_BEFORE.
  absl::StatusOr<protocol::Bytes> report_loss(protocol::ByteView report);
  absl::StatusOr<protocol::Bytes> replace(const wallet::SignedReplacement& request);
  // On her identification.
  protocol::Bytes report_loss(const protocol::AccountId& lost);
  protocol::Bytes replace(const protocol::AccountId& lost, const protocol::AccountId& successor);

  // --- Recovery ---
  absl::StatusOr<protocol::Bytes> put_backup(protocol::ByteView backup);
  // Of a signed BackupQuery; NO_BACKUP.
  absl::StatusOr<protocol::Bytes> get_backup(protocol::ByteView query) const;
  // NOT_THE_HOLDER. As many orders as `page` says at most, loads as `loads_page` does.
  absl::StatusOr<wallet::ListedOrders> list_orders(protocol::ByteView query) const;
  // A receipt or a signed refusal (its `refused`). NOT_THE_HOLDER.
  struct Answer {
    bool refused;
    protocol::Bytes document;
  };
  absl::StatusOr<Answer> file_claim(protocol::ByteView signed_claim);
  absl::StatusOr<protocol::Bytes> claim_file(protocol::ByteView query) const;

  // --- The coin store ---
  // PREFIX_TOO_SHORT.
  absl::StatusOr<protocol::Bytes> look_up(const protocol::CoinPrefix& prefix);
  // Hands in what waits at a terminal of the world's.
  void deposit(pos::Terminal& terminal);
  void deposit(const protocol::Payment& payment);

  protocol::Bytes recovery_certificate() const { return world_.recovery_certificate.encode(); }
  protocol::Bytes withdrawal_certificate() const { return world_.withdrawal_certificate.encode(); }
  protocol::Bytes coinstore_certificate() const { return world_.coinstore_certificate.encode(); }

  // --- What the issuer sees ---
  const std::vector<protocol::CoinPrefix>& look_ups() const { return look_ups_; }
  // Those after the first one that it answered: whoever knows the protocol knows that these are of
  // somebody's coins.
  std::vector<protocol::CoinPrefix> own_look_ups() const;
  const std::vector<protocol::Payment>& deposited() const { return deposited_; }
  // Claims that were filed and held, in order.
  std::vector<protocol::Claim> claims() const;
  uint64_t credited(const protocol::AccountId& account) const;

  size_t page = protocol::kMaxOrdersListed;
  size_t loads_page = protocol::kMaxLoadsListed;
  size_t most_slots = protocol::kMaxPrefixSlots;
  // Alter what is answered before it is signed, or say PREFIX_TOO_SHORT: an issuer that lies.
  std::function<void(protocol::OrdersListed&, std::vector<protocol::OrderRecord>&)> tamper_listing;
  std::function<void(protocol::SpentPrefixAnswer&)> tamper_answer;
  std::function<bool(const protocol::CoinPrefix&)> calls_too_short;
  std::function<void(protocol::ClaimReceipt&)> tamper_receipt;
  bool has_an_old_list = false;  // which does not name the denominations that are claimed
  std::function<void(protocol::ClaimStatement&)> tamper_statement;

 private:
  struct Filed {
    protocol::SignedDocument document;
    protocol::Claim claim;
    std::vector<protocol::ClaimedSlot> slots;
    std::vector<protocol::CoinId> ids;
    protocol::ClaimReceipt receipt;
    protocol::SignedDocument signed_receipt;
    std::vector<protocol::SignedDocument> statements;
    std::vector<protocol::Deduction> deductions;
    std::vector<protocol::ClaimTotal> totals;
    protocol::ClaimState state = protocol::ClaimState::kHeld;
  };
  struct Spent {
    size_t payment;  // in deposited_
    uint32_t spend;
  };
  using SlotOfCoin = std::pair<protocol::CoinId, uint32_t>;

  const protocol::Point& key_of(const protocol::AccountId& account) const;
  protocol::AccountId last_successor(protocol::AccountId account) const;
  protocol::SignedDocument sign(const protocol::Bytes& frame) const;
  protocol::Bytes record_loss(const protocol::AccountId& lost, protocol::Authority authority,
                              const protocol::Bytes32& digest);
  protocol::Bytes record_replaced(const protocol::Replaced& replaced);
  absl::StatusOr<protocol::Session> session_of(const protocol::Claim& claim,
                                               const protocol::ClaimedCoin& coin) const;
  // Fills in slots, ids and the receipt's amounts.
  absl::Status judge(Filed& filed, uint32_t& item) const;
  size_t cheques_of(const protocol::AccountId& account) const;
  void advance(Filed& filed);
  void state(Filed& filed, protocol::ClaimState state);

  World& world_;
  TestIssuer& issuer_;
  uint64_t now_ms_ = kWorldNow_ms;
  std::map<protocol::AccountId, protocol::SignedDocument> losses_;
  std::map<protocol::AccountId, protocol::SignedDocument> replaced_;
  std::map<protocol::Point, protocol::SignedDocument> backups_;  // by holder
  std::vector<protocol::CoinPrefix> look_ups_;
  size_t first_answered_ = SIZE_MAX;  // of them
  std::vector<protocol::Payment> deposited_;
  std::map<SlotOfCoin, Spent> spent_;
  std::set<SlotOfCoin> claimed_;
  std::vector<Filed> filed_;
};

// A recovery from its listing to its claims, whose answers the wallet takes: the claims' digests.
absl::StatusOr<std::vector<protocol::Bytes32>> recover(wallet::Wallet& wallet, RecoveryDesk& desk,
                                                       wallet::Recovery& recovery,
                                                       const wallet::Consent& consent);
// Its steps.
absl::Status list_and_rebuild(RecoveryDesk& desk, wallet::Recovery& recovery);
absl::Status look_up_all(RecoveryDesk& desk, wallet::Recovery& recovery);
absl::Status send_claims(wallet::Wallet& wallet, RecoveryDesk& desk);
absl::Status poll_claims(wallet::Wallet& wallet, RecoveryDesk& desk);

}  // namespace cafe::testing
