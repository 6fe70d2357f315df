// Withdrawal (section 4): the documents of Open and Complete and what is common to both sides. The
// issuer's half is in withdrawal_issuer.h, the wallet's in withdrawal_wallet.h.
#pragma once

#include "libs/protocol/coin.h"
#include "libs/protocol/registration.h"

namespace cafe::protocol {

inline constexpr uint32_t kMaxCoinsPerLine = 7;  // [guard] of one denomination in an order
inline constexpr size_t kMaxLines = 32;          // of an order
inline constexpr uint64_t kTimeSlot_s = 60;
inline constexpr size_t kMaxAttachment = size_t{64} * 1024;

inline uint64_t time_slot_of(uint64_t unix_s) { return unix_s / kTimeSlot_s; }

struct OrderLine {
  DenomId denom_id;
  uint32_t count;
  bool operator==(const OrderLine&) const = default;
};

// 1..kMaxLines lines of one coin or more (BAD_ORDER), [guard] at most 7 (TOO_MANY_COINS), [guard]
// each denomination once (DENOMINATION_TWICE). Every decoder of an order's documents checks this.
absl::Status check_lines(std::span<const OrderLine> lines);

// frame("cafe/v1/open", issuer id, account id, u64 N, u32 list number, list digest, lines:
// (denom_id ‖ u32 count)*), signed with the account key.
struct OpenRequest {
  std::string issuer_id;
  AccountId account;
  uint64_t order;  // N, from 1
  uint32_t list_number;
  Bytes32 list_digest;  // of the list's frame: both sides withdraw from the same list
  std::vector<OrderLine> lines;

  Bytes encode() const;
  static absl::StatusOr<OpenRequest> decode(ByteView bytes);
};

// The commitments of one clause: a = w·G, b = w·m.
struct Clause {
  Point a;
  Point b;
  bool operator==(const Clause&) const = default;
};
using ClausePair = std::array<Clause, 2>;

struct OpenedLine {
  DenomId denom_id;
  Point z;  // x·m
  std::vector<ClausePair> coins;
  bool operator==(const OpenedLine&) const = default;
};

// frame("cafe/v1/opened", issuer id, account id, u64 N, u64 time slot, u32 lines, (denom_id, z,
// (a_0 ‖ b_0 ‖ a_1 ‖ b_1)*) of each, mac). The mac is
// the issuer's alone: it shows the issuer later that this is its own answer, and under which
// lineage it was given.
struct OpenAnswer {
  std::string issuer_id;
  AccountId account;
  uint64_t order;
  uint64_t time_slot;
  std::vector<OpenedLine> lines;
  Bytes32 mac;

  Bytes encode() const;
  static absl::StatusOr<OpenAnswer> decode(ByteView bytes);
};

using ChallengePair = std::array<Scalar, 2>;  // c_0, c_1

// frame("cafe/v1/order", open answer, challenges: (c_0 ‖ c_1)* for all coins of all lines in order,
// attachment), signed with the account key: the order to debit the account.
struct Order {
  OpenAnswer opened;
  std::vector<ChallengePair> challenges;  // one for each coin, in the order of opened.lines
  Bytes attachment;  // the B_O points, encrypted by the wallet for itself (section 8)

  Bytes encode() const;
  // COUNT_MISMATCH where challenges do not fit the coins, ATTACHMENT_TOO_LONG.
  static absl::StatusOr<Order> decode(ByteView bytes);
};

struct CoinResponse {
  uint8_t beta;  // the answered clause
  Scalar r;
};

// frame("cafe/v1/completed", issuer id, account id, u64 N, u64 time slot, order digest, u32 debits,
// (currency, u64 amount) of each, responses: (u8 β ‖ r)*), signed with the withdrawal key.
struct Completion {
  std::string issuer_id;
  AccountId account;
  uint64_t order;
  uint64_t time_slot;
  Bytes32 order_digest;  // of the signed order's frame
  struct Debit {
    std::string currency;
    uint64_t amount;
    bool operator==(const Debit&) const = default;
  };
  std::vector<Debit> debits;  // by currency, ascending
  std::vector<CoinResponse> responses;

  Bytes encode() const;
  static absl::StatusOr<Completion> decode(ByteView bytes);
};

// frame("cafe/v1/void-request", ...), signed with the account key; frame("cafe/v1/void", ...),
// signed with the withdrawal key: order N opened in that time slot will never complete.
struct VoidedOrder {
  std::string issuer_id;
  AccountId account;
  uint64_t order;
  uint64_t time_slot;

  Bytes encode_request() const;
  Bytes encode_statement() const;
  static absl::StatusOr<VoidedOrder> decode_request(ByteView bytes);
  static absl::StatusOr<VoidedOrder> decode_statement(ByteView bytes);
  bool operator==(const VoidedOrder&) const = default;
};

}  // namespace cafe::protocol
