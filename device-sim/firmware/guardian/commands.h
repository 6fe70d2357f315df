// The guardian's commands (ISO 7816-4, CLA 0x80). Integers are big-endian, points 65 bytes,
// scalars 32.
//
//   INS  command          P1 P2      data                    response
//   10   PERSONALIZE      0          serial (16)             A_O ‖ A_Q
//   12   LOCK             0          guardian certificate    -
//   20   GET_CERTIFICATE  offset     -                       the certificate from there on, Le
//   bytes
//                                                            at most; all of it is kCertificateSize
//   30   MAKE_SLOT        kind, 0    -                       u32 handle ‖ B_O (‖ commitment:
//   cheques) 32   ANSWER_COIN      0          u32 handle ‖ d + e      ans 34   FREE_SLOT        0
//   u32 handle              - 36   SLOT_STATUS      0          u32 handle              u8 state ‖
//   u8 kind 38   LIST_SLOTS       0          u16 first slot          (u8 state ‖ u8 kind ‖ u32
//   handle)* of
//                                                            kSlotsPerList slots from there on
//
// Life cycle: blank -PERSONALIZE-> personalized -LOCK-> locked. Slots exist in a locked guardian
// only, keys are drawn in a blank one only. PERSONALIZE and LOCK may be sent again with the same
// data. Instructions 40-4F are kept for loads, cheques and ticks.
//
// Status words: 9000; 6700 wrong length; 6A80 data that is no scalar, kind or certificate of this
// guardian; 6A82 no such slot (freed, or made anew since); 6985 not in this phase, or the slot has
// answered another request; 6A84 no free slot; 6A86 P1 P2; 6B00 offset behind the certificate;
// 6D00; 6E00; 6581 a record is damaged; 6F00.
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
};

inline constexpr size_t kSlots = 512;
inline constexpr size_t kSlotsPerList = 40;
inline constexpr size_t kSlotEntrySize = 6;
// frame("cafe/v1/signed", frame("cafe/v1/guardian", serial, A_O, A_Q), signature).
inline constexpr size_t kCertifiedSize = (4 + 16) + (4 + 16) + 2 * (4 + 65);
inline constexpr size_t kCertificateSize = (4 + 14) + (4 + kCertifiedSize) + (4 + 64);

enum class SlotState : uint8_t {
  kFree = 0,  // holds no secret
  kMade = 1,
  kUsed = 2,     // answered one request, and answers no other
  kDamaged = 3,  // in lists only: the record cannot be read, the slot is out of use
};

}  // namespace cafe::guardian
