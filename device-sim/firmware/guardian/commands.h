// The guardian's commands (ISO 7816-4, CLA 0x80). Integers are big-endian, points 65 bytes,
// scalars 32, currencies 3 letters. "Handle" is the u32 that names a slot.
//
//   INS  command            P1 P2      data
//          -> response
//   10   PERSONALIZE        0          serial (16)
//          -> A_O ‖ A_Q
//   12   LOCK               0          guardian certificate
//   20   GET_CERTIFICATE    offset     -
//          -> the certificate from there on, at most Le bytes; all of it is kCertificateSize
//   30   MAKE_SLOT          kind, 0    coins: currency ‖ u64 value; cheques: -
//          -> handle ‖ B_O, for cheques also ‖ commitment to ρ
//   32   ANSWER_COIN        0          handle ‖ d + e
//          -> ans
//   34   FREE_SLOT          0          handle
//   36   SLOT_STATUS        0          handle
//          -> u8 state ‖ u8 kind
//   38   LIST_SLOTS         0          u16 first slot
//          -> (u8 state ‖ u8 kind ‖ handle)* of kSlotsPerList slots from there on
//   40   INSTALL_LOAD_KEY   0          u8 length ‖ issuer id ‖ RSA-3072 SubjectPublicKeyInfo, DER
//   42   LOAD               0          frame("cafe/v1/load", …) ‖ signature (384)
//   44   LIST_COUNTERS      n, 0       -
//          -> of the n-th load key, from 0 (6A82 behind the last): u8 length ‖ issuer id ‖ SHA-256
//             of the key's DER ‖ u64 last sequence ‖ u8 count ‖ (currency ‖ u64 amount)*
//   46   ANSWER_CHEQUE      0          handle ‖ frame("cafe/v1/cheque-request", …)
//          -> ρ ‖ ans
//   48   DRAW_TICKS         0          handle ‖ u32 count (0: forget those drawn)
//   4A   TICK_POINTS        0          handle ‖ u32 first
//          -> P_first, … : at most kTickPointsPerList, fewer where Le or the call ends
//   4C   ANSWER_TICKS       0          handle ‖ frame("cafe/v1/tick-request", …)
//          -> ρ ‖ tick root ‖ ans
//   4E   RELEASE_TICK       0          handle ‖ u32 i
//          -> t_i
//   50   DRAW_PUK           0          -
//          -> 8 digits
//   52   SET_UP_PIN         0          withdrawal PIN
//   54   VERIFY_PIN         pin, 0     PIN
//   56   FORGET_PINS        0          -
//   58   CHANGE_PIN         pin, 0     new PIN; the payment PIN: or nothing, to switch it off
//   5A   UNBLOCK_PIN        pin, 0     PUK (8) ‖ new PIN
//   5C   PIN_STATUS         0          -
//          -> of withdrawal PIN, payment PIN, PUK: u8 set ‖ u8 tries left ‖ u8 verified
//   5E   WALLET_KEY         0          -
//          -> 32 bytes
//   60   UNLOCK             0          currency ‖ u64 amount
//   62   LOCK_PAYMENTS      0          -
//   64   SET_LIMIT          0          currency ‖ u64 amount
//   66   LIST_ALLOWANCES    0          -
//          -> (currency ‖ u64 limit ‖ u64 left)*
//
// Life cycle: blank -PERSONALIZE-> personalized -LOCK-> locked. Keys are drawn in a blank guardian
// only, load keys are installed in a personalized one only, slots and counters exist in a locked
// one only. PERSONALIZE, INSTALL_LOAD_KEY and LOCK may be sent again with the same data.
//
// Cheques and ticks (sections 5 and 6). The frames are protocol::ChequeRequest and TickRequest as
// the wallet stored them. A cheque's slot answers either: the same request again, and only that,
// gets the same answer and takes nothing more. A call: DRAW_TICKS (again as often as one likes, for
// new points, until ANSWER_TICKS was answered, never after), TICK_POINTS (at any time),
// ANSWER_TICKS, RELEASE_TICK 0, 1, 2, … (a released one again at any time, for nothing), FREE_SLOT.
// A slot whose ticks were drawn still answers ANSWER_CHEQUE, which forgets them; so does DRAW_TICKS
// with a count of 0, for a wallet that was interrupted before it used them. At most kCalls
// slots have ticks at a time; FREE_SLOT frees the ticks too.
//
// Loads are taken in the order of their sequence numbers, each once: LOAD of a load taken before is
// 6985, so after an interruption LIST_COUNTERS tells whether it was taken.
//
// PINs: ASCII digits, the withdrawal PIN (pin 1), the payment PIN (pin 2, optional), and the PUK
// that unblocks them. A locked guardian is set up once: DRAW_PUK (again as often as one likes, kept
// in RAM only), then SET_UP_PIN, which makes PIN, PUK and wallet key durable together. VERIFY_PIN
// takes a try, durably, *before* it compares, and gives all tries back where the PIN is right; at 0
// the PIN is blocked. UNBLOCK_PIN does the same with the PUK's own tries, at 0 for good. That a PIN
// is verified is kept in RAM: a reset or FORGET_PINS ends it, and so does a wrong one. What needs
//   the withdrawal PIN: MAKE_SLOT, LOAD, WALLET_KEY;
//   the payment PIN: UNLOCK, SET_LIMIT; each entry of it serves one of them;
//   every PIN that is set: CHANGE_PIN, since it refuses equal PINs, and would tell one of them to
//   whoever knows the other. It forgets both.
// WALLET_KEY answers the same 32 random bytes for life; the wallet seals with them what it must not
// lose with itself to a thief.
//
// Allowances: what can be paid without the payment PIN, by currency, while one is set. ANSWER_COIN
// takes the value that its slot was made with, ANSWER_CHEQUE the cheque's, RELEASE_TICK the tick's,
// in the atomic write that marks or counts; what was answered before is answered again for nothing.
// A right payment PIN fills each up to its limit, UNLOCK adds to what is left, SET_LIMIT sets both
// limit and what is left, LOCK_PAYMENTS (for which nobody needs a PIN) leaves 0. A payment PIN that
// is new begins with limits of 0; without one there are no limits.
//
// Status words: 9000; 6700 wrong length; 6A80 data that is no scalar, kind, certificate of this
// guardian, load key, load, request, currency or PIN, a value or amount of 0, too many ticks, equal
// PINs; 6982 a load's signature is wrong; 6983 the PIN or the PUK is blocked; 63Cn wrong PIN or
// PUK, n tries left (0: blocked now); 9804 a PIN is needed: not verified, or the allowance does not
// suffice; 6A82 no such slot (freed, or made anew since), ticks behind the last, no such load key;
// 6A88 no load key of this issuer, no counter of this issuer and currency, no such PIN set; 6985
// not in this phase, the slot has answered another request or is of the other kind, no ticks drawn,
// drawn again after the answer, a tick out of order, a load out of sequence or for another
// guardian, another load key of one issuer, set up before, no PUK drawn; 6A84 no free slot, or no
// room for another load key, counter, call or allowance; 9850 the counter does not hold the amount,
// or it or the allowance would grow beyond 2^63 - 1; 6A86 P1 P2; 6B00 offset behind the
// certificate; 6D00; 6E00; 6581 a record is damaged; 6F00.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cafe::guardian {

inline constexpr uint8_t kCla = 0x80;

enum class Ins : uint8_t {
  kPersonalize = 0x10,
  kLock = 0x12,
  kGetCertificate = 0x20,
  kMakeSlot = 0x30,
  kAnswerCoin = 0x32,
  kFreeSlot = 0x34,
  kSlotStatus = 0x36,
  kListSlots = 0x38,
  kInstallLoadKey = 0x40,
  kLoad = 0x42,
  kListCounters = 0x44,
  kAnswerCheque = 0x46,
  kDrawTicks = 0x48,
  kTickPoints = 0x4A,
  kAnswerTicks = 0x4C,
  kReleaseTick = 0x4E,
  kDrawPuk = 0x50,
  kSetUpPin = 0x52,
  kVerifyPin = 0x54,
  kForgetPins = 0x56,
  kChangePin = 0x58,
  kUnblockPin = 0x5A,
  kPinStatus = 0x5C,
  kWalletKey = 0x5E,
  kUnlock = 0x60,
  kLockPayments = 0x62,
  kSetLimit = 0x64,
  kListAllowances = 0x66,
};

inline constexpr size_t kSlots = 512;
inline constexpr size_t kSlotsPerList = 40;
inline constexpr size_t kSlotEntrySize = 6;
// frame("cafe/v1/signed", frame("cafe/v1/guardian", serial, A_O, A_Q), signature).
inline constexpr size_t kCertifiedSize = (4 + 16) + (4 + 16) + 2 * (4 + 65);
inline constexpr size_t kCertificateSize = (4 + 14) + (4 + kCertifiedSize) + (4 + 64);

inline constexpr size_t kLoadKeys = 8;           // issuers
inline constexpr size_t kCurrencies = 8;         // counters of each issuer
inline constexpr size_t kMaxIssuerIdSize = 128;  // bytes
inline constexpr size_t kMaxLoadKeySize = 422;   // DER, with an exponent of at most 3 bytes
inline constexpr size_t kLoadSignatureSize = 384;
inline constexpr size_t kMaxLoadFrameSize =
    (4 + 12) + (4 + 16) + (4 + kMaxIssuerIdSize) + (4 + 3) + (4 + 8) + (4 + 8);
inline constexpr size_t kCounterEntrySize = 3 + 8;
// The longest response of LIST_COUNTERS, which Le must allow.
inline constexpr size_t kMaxCountersSize =
    1 + kMaxIssuerIdSize + 32 + 8 + 1 + kCurrencies * kCounterEntrySize;

inline constexpr size_t kCalls = 8;                  // slots that may have ticks at a time
inline constexpr uint32_t kMaxTicksOfCall = 10'000;  // each costs the opening of a call some 20 µs
inline constexpr size_t kTickPointsPerList = 15;

// P1 of the commands that name a PIN.
enum class PinKind : uint8_t {
  kWithdrawal = 1,
  kPayment = 2,
};
inline constexpr size_t kMinPinDigits = 4;
inline constexpr size_t kMaxPinDigits = 12;
inline constexpr size_t kPukDigits = 8;
inline constexpr uint8_t kPinTries = 3;
inline constexpr uint8_t kPukTries = 10;
inline constexpr size_t kWalletKeySize = 32;
inline constexpr size_t kPinStatusSize = 3 * 3;
inline constexpr size_t kAllowances = 8;  // currencies
inline constexpr size_t kAllowanceEntrySize = 3 + 8 + 8;
inline constexpr size_t kSumSize = 3 + 8;  // currency ‖ u64 amount

enum class SlotState : uint8_t {
  kFree = 0,  // holds no secret
  kMade = 1,
  kUsed = 2,     // answered one request, and answers no other
  kDamaged = 3,  // in lists only: the record cannot be read, the slot is out of use
  kDrawn = 4,    // in lists only: made, and ticks are drawn for it
};

}  // namespace cafe::guardian
