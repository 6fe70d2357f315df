// The wallet's records as they stand in its memory. Each is one frame under a key of its own:
//
//   seeds                      identity seed ‖ coin seed
//   registration               frame(nonce, registration file); receipt: the issuer's answer
//   list                       the newest signed list
//   equivocation               evidence: two signed lists of one number
//   differs/<u32 number>       a terminal's notice that shows another list of that number
//   shown/<payee id>           u32 number ‖ digest of the list that this payee showed last
//   key/<digest>               certificates of the issuer's withdrawal keys
//   chain                      u64 N of the last completed order
//   order                      the one order under way
//   completion/<u64 N>         the issuer's signed completions
//   coin/<coin id>             a coin with its slots
//   payment/<terms digest>     a payment, from the promise of its slots on
//   terminal/<digest>          credentials of the terminals that were paid
#pragma once

#include "device-sim/firmware/wallet/wallet.h"

namespace cafe::wallet {

inline constexpr std::string_view kSeedsKey = "seeds";
inline constexpr std::string_view kRegistrationKey = "registration";
inline constexpr std::string_view kReceiptKey = "receipt";
inline constexpr std::string_view kListKey = "list";
inline constexpr std::string_view kEquivocationKey = "equivocation";
inline constexpr std::string_view kDiffersPrefix = "differs/";
inline constexpr std::string_view kShownPrefix = "shown/";
inline constexpr std::string_view kKeyPrefix = "key/";
inline constexpr std::string_view kChainKey = "chain";
inline constexpr std::string_view kOrderKey = "order";
inline constexpr std::string_view kCompletionPrefix = "completion/";
inline constexpr std::string_view kCoinPrefix = "coin/";
inline constexpr std::string_view kPaymentPrefix = "payment/";
inline constexpr std::string_view kTerminalPrefix = "terminal/";

std::string record_key(std::string_view prefix, protocol::ByteView id);

struct OrderRecord {
  OrderPhase phase = OrderPhase::kNone;
  protocol::SignedDocument open;      // signed Open
  protocol::Bytes answer;             // from kOrdered on: the issuer's answer to it
  std::vector<MadeSlot> slots;        // of all coins of all lines, in order
  protocol::SignedDocument document;  // the signed order

  protocol::Bytes encode() const;
  static absl::StatusOr<OrderRecord> decode(protocol::ByteView bytes);
};

struct HeldSlot {
  Handle handle;               // the guardian's
  protocol::Point B_O;         // its point
  protocol::Point B;           // in the coin
  protocol::WalletSlot bound;  // d, once promised to a payment
};

struct HeldCoin {
  protocol::Coin coin;
  protocol::Bytes32 context;  // with the coin seed: every secret of the coin
  std::vector<HeldSlot> slots;

  bool spent() const;  // every slot is bound to a payment
  protocol::Bytes encode() const;
  static absl::StatusOr<HeldCoin> decode(protocol::ByteView bytes);
};

struct PlannedSpend {
  protocol::CoinId coin;
  uint32_t slot;
};

struct PaymentRecord {
  uint64_t number;  // order of making
  PaymentState state;
  protocol::Bytes32 credential;  // digest of the terminal's, under terminal/
  protocol::SignedDocument terms;
  std::vector<PlannedSpend> plan;
  protocol::Bytes payment;  // encoded; from kReady on
  protocol::Bytes answer;   // encoded PaymentAnswer, once there is one

  protocol::Bytes encode() const;
  static absl::StatusOr<PaymentRecord> decode(protocol::ByteView bytes);
};

}  // namespace cafe::wallet
