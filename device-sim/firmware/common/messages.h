// What wallet and terminal say to each other, one message of the link each:
//
//   terminal                              wallet
//   list notice  or  offer         -->
//                                  <--    payment (libs/protocol/payment.h)
//   acceptance  or  refusal        -->
//
// and where ticks are paid (section 6):
//
//   call offer                     -->
//                                  <--    payment: the tick spend, without a tick
//   acceptance  or  refusal        -->    the call is open, or not
//   tick demand                    -->
//                                  <--    tick                      ... and so on, until
//                                  <--    hang-up                   (or the terminal ends the call)
//   call end                       -->
//
// Each is a frame "cafe/v1/..."; what has legal weight is a signed document inside. Acceptance and
// refusal, which others than the two devices read too, are in libs/protocol/payment_answer.h.
#pragma once

#include "libs/protocol/payment.h"
#include "libs/protocol/payment_answer.h"

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

// frame("cafe/v1/payment-answer", u8 accepted, signed document): acceptance or refusal on the link.
struct PaymentAnswer {
  bool accepted;
  protocol::SignedDocument document;

  protocol::Bytes encode() const;
  static absl::StatusOr<PaymentAnswer> decode(protocol::ByteView bytes);
  bool operator==(const PaymentAnswer&) const = default;
};

// What a call costs: frame("cafe/v1/tariff", terms digest, u64 tick_value, u32 tick_count, text
// unit), signed with the terminal's key. BAD_TARIFF where value or count is 0, the count is above
// protocol::kMaxTicks, or their product above 2^63 - 1.
struct Tariff {
  protocol::Bytes32 terms_digest;  // of the call's terms, whose amount is 0
  uint64_t tick_value;             // minor units of the terms' currency
  uint32_t tick_count;             // the most ticks that the call takes; a payment may bring fewer
  std::string unit;                // what one tick buys, for the owner's eyes: "10 s"

  protocol::Bytes encode() const;
  static absl::StatusOr<Tariff> decode(protocol::ByteView bytes);
  bool operator==(const Tariff&) const = default;
};

// frame("cafe/v1/call-offer", terminal credential, signed list notice, signed terms, signed
// tariff).
struct CallOffer {
  protocol::TerminalCredential credential;
  protocol::SignedDocument notice;
  protocol::SignedDocument terms;
  protocol::SignedDocument tariff;

  protocol::Bytes encode() const;
  static absl::StatusOr<CallOffer> decode(protocol::ByteView bytes);
};

// frame("cafe/v1/tick-demand", terms digest, u32 index): pay the tick of that index. One that was
// released before is sent again, at no cost.
struct TickDemand {
  protocol::Bytes32 terms_digest;
  uint32_t index;

  protocol::Bytes encode() const;
  static absl::StatusOr<TickDemand> decode(protocol::ByteView bytes);
  bool operator==(const TickDemand&) const = default;
};

// frame("cafe/v1/tick", terms digest, tick reveal)
struct Tick {
  protocol::Bytes32 terms_digest;
  protocol::TickReveal reveal;

  protocol::Bytes encode() const;
  static absl::StatusOr<Tick> decode(protocol::ByteView bytes);
  bool operator==(const Tick&) const = default;
};

// frame("cafe/v1/hang-up", terms digest): the wallet pays no more ticks of this call.
struct HangUp {
  protocol::Bytes32 terms_digest;

  protocol::Bytes encode() const;
  static absl::StatusOr<HangUp> decode(protocol::ByteView bytes);
  bool operator==(const HangUp&) const = default;
};

// frame("cafe/v1/call-end", acquirer id, payee id, terminal id, terms digest, u32 ticks, u64
// time_ms), signed with the terminal's key: the call is over, and its payee takes that many ticks
// for it and never another. On the link it is the encoded signed document itself (message_label
// tells it).
struct CallEnd {
  std::string acquirer_id;
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  protocol::Bytes32 terms_digest;
  uint32_t ticks;  // taken: of indices 0 .. ticks - 1
  uint64_t time_ms;

  protocol::Bytes encode() const;
  static absl::StatusOr<CallEnd> decode(protocol::ByteView bytes);
  bool operator==(const CallEnd&) const = default;
};

// The label of a frame, to tell messages apart; "" where there is none.
std::string_view label_of(protocol::ByteView frame);
// The same for a message of the link: of a signed document, the label of what is signed.
std::string message_label(protocol::ByteView message);

}  // namespace cafe::firmware
