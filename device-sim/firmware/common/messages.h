// What wallet and terminal say to each other, one message of the link each:
//
//   terminal                              wallet
//   list notice  or  offer         -->
//                                  <--    payment (libs/protocol/payment.h)
//   acceptance  or  refusal        -->
//
// Each is a frame "cafe/v1/..."; what has legal weight is a signed document inside.
#pragma once

#include "libs/protocol/payment.h"

namespace cafe::firmware {

// One issuer's list of denominations as a terminal knows it.
struct ShownList {
  std::string issuer_id;
  uint32_t number;
  protocol::Bytes32 digest;  // of the signed list's frame
  bool operator==(const ShownList&) const = default;
};

inline constexpr size_t kMaxShownLists = 64;

// frame("cafe/v1/list-notice", acquirer id, payee id, terminal id, u64 time_ms, u32 count, (issuer
// id, u32 number, digest)*), signed with the terminal's key. [guard] of section 2: wallets withdraw
// only from a list that terminals show too.
struct ListNotice {
  std::string acquirer_id;
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  uint64_t time_ms;
  std::vector<ShownList> lists;

  protocol::Bytes encode() const;
  static absl::StatusOr<ListNotice> decode(protocol::ByteView bytes);
  bool operator==(const ListNotice&) const = default;
};

// frame("cafe/v1/notice", terminal credential, signed list notice): what a terminal shows to a
// wallet that pays nothing.
struct NoticeMessage {
  protocol::TerminalCredential credential;
  protocol::SignedDocument notice;

  protocol::Bytes encode() const;
  static absl::StatusOr<NoticeMessage> decode(protocol::ByteView bytes);
};

// frame("cafe/v1/offer", terminal credential, signed list notice, signed terms): a bill.
struct Offer {
  protocol::TerminalCredential credential;
  protocol::SignedDocument notice;
  protocol::SignedDocument terms;

  protocol::Bytes encode() const;
  static absl::StatusOr<Offer> decode(protocol::ByteView bytes);
};

// frame("cafe/v1/acceptance", acquirer id, payee id, terminal id, terms digest, payment digest, u64
// time_ms), signed with the terminal's key: the bill is paid.
struct Acceptance {
  std::string acquirer_id;
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  protocol::Bytes32 terms_digest;
  protocol::Bytes32 payment_digest;  // SHA-256 of the encoded payment
  uint64_t time_ms;

  protocol::Bytes encode() const;
  static absl::StatusOr<Acceptance> decode(protocol::ByteView bytes);
  bool operator==(const Acceptance&) const = default;
};

// frame("cafe/v1/refusal", acquirer id, payee id, terminal id, terms digest, payment digest or
// nothing, reason, u64 time_ms), signed with the terminal's key: the terms are void (section 8);
// whoever holds a payment of them can claim its value. Without a payment digest the payee withdrew
// its bill.
struct Refusal {
  std::string acquirer_id;
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  protocol::Bytes32 terms_digest;
  std::optional<protocol::Bytes32> payment_digest;
  std::string reason;  // UPPER_SNAKE
  uint64_t time_ms;

  protocol::Bytes encode() const;
  static absl::StatusOr<Refusal> decode(protocol::ByteView bytes);
  bool operator==(const Refusal&) const = default;
};

// frame("cafe/v1/payment-answer", u8 accepted, signed document): acceptance or refusal on the link.
struct PaymentAnswer {
  bool accepted;
  protocol::SignedDocument document;

  protocol::Bytes encode() const;
  static absl::StatusOr<PaymentAnswer> decode(protocol::ByteView bytes);
  bool operator==(const PaymentAnswer&) const = default;
};

// The label of a frame, to tell messages apart; "" where there is none.
std::string_view label_of(protocol::ByteView frame);

}  // namespace cafe::firmware
