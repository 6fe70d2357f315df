// What the recovery service asks of others. The implementations over gRPC are in grpc_peers.h.
#pragma once

#include <span>
#include <vector>

#include "absl/time/time.h"
#include "libs/protocol/order_history.h"
#include "libs/protocol/payment.h"

namespace cafe::recovery {

enum class Standing { kOpen, kLost, kConvicted };

// What withdrawal knows of an account, as it says it; open_account (account.h) checks it.
struct AccountAnswer {
  protocol::Bytes registration_file;
  protocol::Bytes receipt;  // signed document: registered
  Standing standing;
  protocol::Bytes loss_recorded;                    // signed document, of a lost one; else empty
  std::vector<protocol::Bytes> replacements;        // signed documents: replaced
  std::vector<protocol::Bytes> successor_receipts;  // signed documents: registered
  uint64_t last_order;
  uint64_t last_load;
  std::vector<protocol::Bytes> key_certificates;  // signed documents: of withdrawal keys
};

inline constexpr uint32_t kMostOrdersAtOnce = 100;

// The issuer's withdrawal service. Errors: the peer's; INTERNAL (PEER_ANSWER) for an answer that
// does not fit the question.
class Withdrawal {
 public:
  virtual ~Withdrawal() = default;
  // The signed list of denominations of this number, 0 the newest.
  virtual absl::StatusOr<protocol::SignedDocument> list(uint32_t number) = 0;
  // NOT_FOUND UNKNOWN_ACCOUNT.
  virtual absl::StatusOr<AccountAnswer> account(const protocol::AccountId& account,
                                                absl::Time no_later_than) = 0;
  // Completed orders after N = `after`, ascending without a gap, at most `limit`.
  virtual absl::StatusOr<std::vector<protocol::OrderRecord>> orders(
      const protocol::AccountId& account, uint64_t after, uint32_t limit,
      absl::Time no_later_than) = 0;
  // The same of loads, by their sequence: signed documents: loaded.
  virtual absl::StatusOr<std::vector<protocol::SignedDocument>> loads(
      const protocol::AccountId& account, uint64_t after, uint32_t limit,
      absl::Time no_later_than) = 0;
};

inline constexpr size_t kMostCoinsAtOnce = 4096;  // in one question to the coin store

// A claimed coin, as the coin store marks it.
struct MarkedCoin {
  protocol::CoinId coin_id;
  uint64_t slots;  // bit j: slot j
  uint64_t deposit_until;
  uint64_t claim_until;
};

// The spend that a slot's money went to: where its payment is archived.
struct LocatedSpend {
  uint32_t coin;  // which of those asked for
  uint32_t slot;
  uint64_t batch;
  uint32_t payment;  // of the batch
  uint32_t spend;    // of the payment
  bool operator==(const LocatedSpend&) const = default;
};

class CoinStore {
 public:
  virtual ~CoinStore() = default;
  // At most kMostCoinsAtOnce. The same again changes nothing.
  virtual absl::Status mark_claimed(uint64_t claim, std::span<const MarkedCoin> coins,
                                    absl::Time no_later_than) = 0;
  // The first spend of every spent slot, ascending by coin and slot; of a call paid by ticks, where
  // the most of them are shown. At most kMostCoinsAtOnce coins.
  virtual absl::StatusOr<std::vector<LocatedSpend>> locate(std::span<const protocol::CoinId> coins,
                                                           absl::Time no_later_than) = 0;
};

// A payment as deposit archives it, with the credential of who signed its terms.
struct ArchivedPayment {
  protocol::Bytes payment;
  protocol::Bytes credential;  // encoded PayeeCredential
};

class Deposit {
 public:
  virtual ~Deposit() = default;
  virtual absl::StatusOr<ArchivedPayment> payment(uint64_t batch, uint32_t payment,
                                                  absl::Time no_later_than) = 0;
  // A payee refused these terms: no payment of them is taken any more. The same again changes
  // nothing. `refusal`: encoded signed document; `credential`: encoded PayeeCredential.
  virtual absl::Status void_terms(protocol::ByteView refusal, protocol::ByteView credential,
                                  absl::Time no_later_than) = 0;
  // As CoinStore::locate, of cheques that were credited: deposit knows them however long ago that
  // was. At most kMostCoinsAtOnce.
  virtual absl::StatusOr<std::vector<LocatedSpend>> locate_cheques(
      std::span<const protocol::CoinId> cheques, absl::Time no_later_than) = 0;
};

}  // namespace cafe::recovery
