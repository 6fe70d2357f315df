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
//   30   MAKE_SLOT          kind, 0    -
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
//   48   DRAW_TICKS         0          handle ‖ u32 count
//   4A   TICK_POINTS        0          handle ‖ u32 first
//          -> P_first, … : at most kTickPointsPerList, fewer where Le or the call ends
//   4C   ANSWER_TICKS       0          handle ‖ frame("cafe/v1/tick-request", …)
//          -> ρ ‖ tick root ‖ ans
//   4E   RELEASE_TICK       0          handle ‖ u32 i
//          -> t_i
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
// A slot whose ticks were drawn still answers ANSWER_CHEQUE, which forgets them. At most kCalls
// slots have ticks at a time; FREE_SLOT frees the ticks too.
//
// Loads are taken in the order of their sequence numbers, each once: LOAD of a load taken before is
// 6985, so after an interruption LIST_COUNTERS tells whether it was taken.
//
// Status words: 9000; 6700 wrong length; 6A80 data that is no scalar, kind, certificate of this
// guardian, load key, load or request, a value or amount of 0, too many ticks; 6982 a load's
// signature is wrong; 6A82 no such slot (freed, or made anew since), ticks behind the last, no such
// load key; 6A88 no load key of this issuer, or no counter of this issuer and currency; 6985 not in
// this phase, the slot has answered another request or is of the other kind, no ticks drawn, drawn
// again after the answer, a tick out of order, a load out of sequence or for another guardian,
// another load key of one issuer; 6A84 no free slot, or no room for another load key, counter or
// call; 9850 the counter does not hold the amount, or would grow beyond 2^63 - 1; 6A86 P1 P2; 6B00
// offset behind the certificate; 6D00; 6E00; 6581 a record is damaged; 6F00.
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

enum class SlotState : uint8_t {
  kFree = 0,  // holds no secret
  kMade = 1,
  kUsed = 2,     // answered one request, and answers no other
  kDamaged = 3,  // in lists only: the record cannot be read, the slot is out of use
};

}  // namespace cafe::guardian
