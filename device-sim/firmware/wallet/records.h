// The wallet's records as they stand in its memory. Each is one frame under a key of its own:
//
//   seeds                      identity seed, sealed with the guardian's wallet key ‖ u1 ‖ coin
//   seed allowances                 frame(u8 payment PIN is set, (currency ‖ u64 limit ‖ u64
//   left)*) registration               frame(nonce, registration file); receipt: the issuer's
//   answer list                       the newest signed list equivocation               evidence:
//   two signed lists of one number differs/<u32 number>       a terminal's notice that shows
//   another list of that number shown/<payee id>           u32 number ‖ digest of the list that
//   this payee showed last key/<digest>               certificates of the issuer's withdrawal keys
//   chain                      u64 N of the last completed order
//   order                      the one order under way
//   completion/<u64 N>         the issuer's signed completions
//   coin/<coin id>             a coin or cheque with its slots
//   payment/<terms digest>     a payment, from the promise of its slots on
//   terminal/<digest>          credentials of the terminals that were paid, and the holder's own
//   call/<terms digest>        what a payment by ticks has besides
//   tick/<terms digest>        how many ticks of a call were released, and the last one
//   asked/<terms digest>       u32: the last tick of a call that the guardian was asked for
//   load-key                   the certificate of the key that signs loads
//   loads                      u64 sequence of the last load that the guardian took
//   load                       the one load under way
//   load-given-up/<digest>     a signed load order that was given up
//   loaded/<u64 sequence>      the issuer's answers to the loads that were taken
//   wrong-load                 evidence: a signed answer whose load is wrong
//   counter/<currency>         u64: what was loaded, less what payments and open calls may take
//   pay-back                   the one pay-back under way
//   paid-back/<key>            frame(receipt, certificate of its key) of a pay-back
#pragma once

#include "device-sim/firmware/wallet/wallet.h"

namespace cafe::wallet {

inline constexpr std::string_view kSeedsKey = "seeds";
inline constexpr std::string_view kAllowancesKey = "allowances";
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
inline constexpr std::string_view kCallPrefix = "call/";
inline constexpr std::string_view kTickPrefix = "tick/";
inline constexpr std::string_view kAskedPrefix = "asked/";
inline constexpr std::string_view kLoadKeyKey = "load-key";
inline constexpr std::string_view kLoadsKey = "loads";
inline constexpr std::string_view kLoadKey = "load";
inline constexpr std::string_view kGivenUpPrefix = "load-given-up/";
inline constexpr std::string_view kLoadedPrefix = "loaded/";
inline constexpr std::string_view kWrongLoadKey = "wrong-load";
inline constexpr std::string_view kCounterPrefix = "counter/";
inline constexpr std::string_view kPayBackKey = "pay-back";
inline constexpr std::string_view kPaidBackPrefix = "paid-back/";

std::string record_key(std::string_view prefix, protocol::ByteView id);
std::string counter_key(std::string_view currency);

// The wallet's own books of what can be paid without the payment PIN: what the guardian says of it
// decides nothing. They are taken from when a payment or a tick is stored; what is promised until
// then is reserved (State::reserved). So they never let more be promised than the guardian allows,
// wherever an interruption came.
struct AllowancesRecord {
  struct Entry {
    uint64_t limit = 0;
    uint64_t left = 0;
  };
  bool limited = false;  // a payment PIN is set
  std::map<std::string, Entry, std::less<>> entries;

  uint64_t left(std::string_view currency) const;
  void take(std::string_view currency, uint64_t amount);
  void fill_up();
  protocol::Bytes encode() const;
  static absl::StatusOr<AllowancesRecord> decode(protocol::ByteView bytes);
};

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
  Handle handle;                 // the guardian's
  protocol::Point B_O;           // its point
  protocol::Bytes32 commitment;  // to the salt; zero for coins
  protocol::Point B;             // in the coin
  // The whole request, once promised to a payment: a coin's d, a cheque's encoded ChequeRequest or
  // TickRequest.
  protocol::WalletSlot bound;
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
  uint64_t value;  // 0 where it pays ticks
};

struct PaymentRecord {
  uint64_t number;  // order of making
  PaymentKind kind;
  PaymentState state;
  bool identified;               // it names its payer
  protocol::Bytes32 credential;  // digest of the terminal's, under terminal/
  protocol::SignedDocument terms;
  std::vector<PlannedSpend> plan;
  protocol::Bytes payment;  // encoded; from kReady on
  protocol::Bytes answer;   // encoded PaymentAnswer, once there is one

  protocol::Bytes encode() const;
  static absl::StatusOr<PaymentRecord> decode(protocol::ByteView bytes);
};

// A payment by ticks, until it has ended.
struct CallRecord {
  protocol::SignedDocument tariff;  // firmware::Tariff
  uint32_t tick_count;              // of the spend: at most the tariff's
  protocol::Bytes32 root;           // over the blinded points, computed before y_seed was given
  protocol::Bytes end;              // encoded signed CallEnd, once there is one

  protocol::Bytes encode() const;
  static absl::StatusOr<CallRecord> decode(protocol::ByteView bytes);
};

struct TickRecord {
  uint32_t released = 0;  // ticks 0 .. released - 1
  protocol::Bytes last;   // encoded firmware::Tick of the last one

  protocol::Bytes encode() const;
  static absl::StatusOr<TickRecord> decode(protocol::ByteView bytes);
};

struct LoadRecord {
  protocol::SignedDocument order;
  protocol::Bytes loaded;  // the issuer's answer, checked; from then on the guardian may have it

  protocol::Bytes encode() const;
  static absl::StatusOr<LoadRecord> decode(protocol::ByteView bytes);
};

struct PayBackRecord {
  protocol::Bytes16 idempotency_key;
  std::vector<protocol::Bytes32> terms;  // digests, one for each payment
  protocol::Bytes order;                 // the signed deposit order, once all of them are there

  protocol::Bytes encode() const;
  static absl::StatusOr<PayBackRecord> decode(protocol::ByteView bytes);
};

}  // namespace cafe::wallet
