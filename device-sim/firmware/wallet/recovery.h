// Getting back what was in a lost wallet (section 8). A new wallet does it, registered with an
// account of its own, which takes the place of the lost one.
//
//   auto recovery = *Recovery::with_card(wallet, card);              // or with_seed, resume
//   (what the new account's key signs asks for the withdrawal PIN: Wallet::with_one_pin)
//   recovery->loss_report(now_ms)        -> ReportLoss      -> on_loss_recorded
//   recovery->replacement(now_ms)        -> ReplaceAccount  -> on_replaced
//   while (!recovery->listed()) recovery->orders_query(now_ms) -> ListOrders -> on_orders
//   recovery->rebuild(0, recovery->orders());
//   for each prefix of recovery->to_ask(), until there is none:
//                                prefix  -> LookupPrefix    -> on_spent, or on_too_short
//   show(recovery->found(now_ms / 1000));
//   recovery->claim({.partly_spent = false, .cheques = true}, now_ms);
//   Claims(wallet)                       -> FileClaim, GetClaim (claims.h)
//
// Rebuilt coins are claimed and never spent: they stay in here, and the wallet's own money is
// untouched. What must not be forgotten is in the wallet's memory before the bytes that depend on
// it are returned: the seed, what the issuer signed of the loss, and every claim. What can be asked
// for again (orders, look-ups) is not; after a restart, `resume` and go through the steps anew.
//
// The same serves a wallet that is not lost, for payments of its own that came to nothing:
//
//   auto recovery = *Recovery::of_own_payments(wallet);
//   ... orders_query, on_orders, rebuild, to_ask, on_spent as above ...
//   recovery->claim_payments(now_ms);
#pragma once

#include <memory>

#include "device-sim/firmware/wallet/backup_card.h"
#include "device-sim/firmware/wallet/wallet.h"
#include "libs/protocol/backup.h"
#include "libs/protocol/claim_documents.h"
#include "libs/protocol/order_history.h"
#include "libs/protocol/prefix_lookup.h"

namespace cafe::wallet {

// A ListOrders answer, as bytes.
struct ListedOrders {
  struct Order {
    protocol::Bytes order;
    protocol::Bytes completion;
  };
  protocol::Bytes listing;
  std::vector<Order> orders;
  std::vector<protocol::Bytes> key_certificates;
  protocol::Bytes registration_file;
  protocol::Bytes receipt;
  std::vector<protocol::Bytes> loads;
};

// What is left of a lost wallet, in one currency, minor units.
struct Found {
  std::string currency;
  uint64_t unspent = 0;         // coins of which nothing is spent
  uint64_t partly_unspent = 0;  // what is unspent of coins that paid already: claiming it shows the
                                // issuer whose payments those were
  uint64_t spent = 0;           // of coins, as far as it was deposited
  uint64_t expired = 0;         // unspent, but too old to be claimed
  uint64_t claimed = 0;         // in a claim already
  size_t coins = 0;             // of which something is unspent
  size_t cheques = 0;           // all of them, written out or not
  uint64_t loaded = 0;          // what all cheques could be written out for when nothing was spent
  // Orders that made cheques, as far as can be told, and yielded none (failed_orders). The issuer
  // takes a claim of all cheques or none: while there are such orders, cheques are not claimed.
  size_t missing_cheques = 0;
};

struct FailedOrder {
  uint64_t order;  // N
  absl::Status why;
};

// What the owner agrees to show for her money.
struct Consent {
  bool partly_spent = false;
  bool cheques = false;  // [guard] opens all of them, those that paid included
};

// One frame that two accounts sign.
struct SignedReplacement {
  protocol::Bytes document;  // signed with the lost account's key
  protocol::Bytes consent;   // 64 bytes: the signature of this wallet's own
};

inline constexpr size_t kCoinsPerClaim = 512;
inline constexpr uint64_t kSettlement_s = uint64_t{7} * 86400;

// [guard] With how many spent coins at least every coin that is asked for shares its prefix, where
// the store answers no shorter one.
inline constexpr size_t kLeastCrowd = 8;

class Recovery {
 public:
  // Begins, durably. NOT_REGISTERED, WRONG_ISSUER, OWN_ACCOUNT (nothing of this wallet is lost),
  // CARD_MISMATCH. The same again goes on.
  static absl::StatusOr<std::unique_ptr<Recovery>> with_card(Wallet& wallet,
                                                             const BackupCard& card);
  // With the coin seed alone, of an opened backup: somebody else reported the loss and had the
  // account replaced.
  static absl::StatusOr<std::unique_ptr<Recovery>> with_seed(Wallet& wallet,
                                                             const protocol::AccountId& account,
                                                             const protocol::Seed& coin_seed);
  // What was begun and not finished.
  static std::vector<protocol::AccountId> under_way(const Wallet& wallet);
  static absl::StatusOr<std::unique_ptr<Recovery>> resume(Wallet& wallet,
                                                          const protocol::AccountId& account);
  // Of the wallet's own account, for claim_payments alone. Nothing of it is stored.
  static absl::StatusOr<std::unique_ptr<Recovery>> of_own_payments(Wallet& wallet);
  ~Recovery();

  const protocol::AccountId& account() const;

  // --- The loss and the new device ---
  // NO_CARD where only the coin seed is known, and after a restart before the card was shown again:
  // the new device keeps nothing that speaks for the lost account. Without a card the operator does
  // both. The replacement asks for the withdrawal PIN: with its own key, the new account agrees to
  // answer for the lost one's claims.
  absl::StatusOr<protocol::Bytes> loss_report(uint64_t now_ms) const;
  absl::StatusOr<SignedReplacement> replacement(uint64_t now_ms) const;
  // The issuer's statements, with the certificate of its withdrawal key; both are kept.
  // BAD_SIGNATURE, WRONG_PURPOSE, KEY_EXPIRED, STATEMENT_MISMATCH (of another account).
  absl::Status on_loss_recorded(protocol::ByteView recorded, protocol::ByteView key_certificate);
  absl::Status on_replaced(protocol::ByteView replaced, protocol::ByteView key_certificate);
  bool loss_recorded() const;
  bool replaced() const;

  // --- Orders ---
  // The signed query for what follows the orders and loads listed so far.
  absl::StatusOr<protocol::Bytes> orders_query(uint64_t now_ms);
  // The answer to the last query: listing, orders, completions, registration and loads, every
  // signature, and that nothing is missing (LISTING_MISMATCH, LISTING_GAP; also against the loss
  // recorded). Nothing is taken on an error. Others: BAD_SIGNATURE, STATEMENT_MISMATCH, and those
  // of the parts.
  absl::Status on_orders(const ListedOrders& answer);
  bool listed() const;
  size_t orders() const;  // listed so far
  // Of denominations in them that neither the wallet's list has nor one of accept_list.
  std::vector<protocol::DenomId> unknown_denominations() const;
  // An older list of the issuer's.
  absl::Status accept_list(protocol::ByteView signed_list);

  // --- Coins ---
  // Rebuilds the coins of the orders [from, to) (rebuild.h). The one function here that several
  // threads may run at once, on orders apart.
  void rebuild(size_t from, size_t to);
  // It ran over all of them.
  bool rebuilt() const;
  // Orders of which it made nothing, and why: of a denomination that nobody knows any more, or made
  // with another seed (then all of them fail), or wrongly answered by the issuer, which is
  // evidence.
  std::vector<FailedOrder> failed_orders() const;

  // --- Which slots are spent ---
  // The prefixes to ask for now, in random order, each on a connection of its own that tells
  // nothing of who asks. First one at a time, random ones, until the store says that one is long
  // enough; then those of the coins. None: all is known. NOT_REBUILT. CROWD_TOO_SMALL [guard]: the
  // store refuses short prefixes although few coins share the long ones; nothing of the coins was
  // asked.
  absl::StatusOr<std::vector<protocol::CoinPrefix>> to_ask();
  // The signed answer, with the certificate of the store's key. BAD_SIGNATURE, WRONG_PURPOSE,
  // KEY_EXPIRED, ANSWER_MISMATCH (of another prefix), ANSWER_STALE.
  absl::Status on_spent(const protocol::CoinPrefix& asked, protocol::ByteView answer,
                        protocol::ByteView key_certificate, uint64_t now_ms);
  // The store says PREFIX_TOO_SHORT. [guard] A coin's own prefix grows once and no more
  // (CROWD_TOO_SMALL): each time it is asked for with fewer others.
  absl::Status on_too_short(const protocol::CoinPrefix& asked);
  bool looked_up() const;

  // --- Claims ---
  // What there is, by currency. Needs rebuilt(); nothing is known spent before looked_up().
  std::vector<Found> found(uint64_t now_s) const;
  // Signs and stores claims of everything that the owner agrees to and that no claim names yet,
  // whole coins first; their digests, none where nothing is left to claim. A claim that the issuer
  // refused does not count, but the coin that it was refused for is left out from then on; where it
  // was refused as claimed before, its slots are claimed one by one, and only those that are
  // refused again are left out. No cheques are claimed while Found::missing_cheques. NOT_LOOKED_UP,
  // STORE_FULL.
  absl::StatusOr<std::vector<protocol::Bytes32>> claim(const Consent& consent, uint64_t now_ms);
  // The same of the wallet's own payments that came to nothing, a claim for each: refused by the
  // payee, or not deposited a settlement period (kSettlement_s) after the last day for that. What
  // the store knows as spent was deposited all the same, and is left alone. NOT_LOOKED_UP.
  absl::StatusOr<std::vector<protocol::Bytes32>> claim_payments(uint64_t now_ms);
  // Forgets the lost wallet's seed. Claims stay.
  absl::Status finish();

 private:
  struct State;
  explicit Recovery(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cafe::wallet
