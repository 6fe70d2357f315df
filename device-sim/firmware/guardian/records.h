// The guardian's records as its handlers see them, and how some of them change together.
//
//   Slot slot;                                   // a slot and its counter, or neither
//   if (!records.load(index, slot)) return StatusWord::kMemoryFailure;
//   ...
//   records.store(Change(index, slot), Change(issuer, purse));
//
// One record changes by itself, as MirroredRecord says. Two or three are written to the journal
// first, which makes it happen, then to their places, then the journal is erased. Starting finishes
// what the journal holds. Whatever byte the power fails at, all of them are old or all are new.
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>

#include "device-sim/firmware/guardian/memory_map.h"
#include "libs/protocol/guardian.h"

namespace cafe::guardian {

using Currency = std::array<uint8_t, 3>;  // zeros: none
inline std::string_view text_of(const Currency& currency) {
  return {reinterpret_cast<const char*>(currency.data()), currency.size()};
}

struct Slot {
  SlotState state = SlotState::kFree;
  uint16_t generation = 0;
  protocol::GuardianSlot secret{};
  Currency currency{};  // coins: what the slot takes from the allowance when it pays
  uint64_t value = 0;
};

// A load key and the issuer to which the manufacturer bound it.
struct LoadKey {
  uint8_t issuer_id_size = 0;  // 0: none is installed here
  uint16_t der_size = 0;
  std::array<uint8_t, kMaxIssuerIdSize> issuer_id_bytes{};
  std::array<uint8_t, kMaxLoadKeySize> der_bytes{};

  std::string_view issuer_id() const {
    return {reinterpret_cast<const char*>(issuer_id_bytes.data()), issuer_id_size};
  }
  protocol::ByteView der() const { return protocol::ByteView(der_bytes).first(der_size); }
};

// The counters of one issuer, with the sequence of its last load: a load changes one record.
struct Purse {
  struct Counter {
    Currency currency{};
    uint64_t amount = 0;
  };
  uint64_t last_sequence = 0;
  std::array<Counter, kCurrencies> counters{};
};

enum class CallState : uint8_t {
  kFree = 0,
  kDrawn = 1,   // points may be out, y_seed is not in: may be drawn anew
  kOpened = 2,  // bound to the slot's request
};

// The ticks of one slot.
struct Call {
  CallState state = CallState::kFree;
  uint32_t handle = 0;
  uint32_t count = 0;
  uint32_t next_index = 0;
  protocol::Seed seed;
  uint8_t issuer = 0;  // the number of the load key; from here on where opened
  Currency currency{};
  uint64_t tick_value = 0;
};

// Where the PINs' records are.
inline constexpr size_t kWithdrawalIndex = 0;
inline constexpr size_t kPaymentIndex = 1;
inline constexpr size_t kPukIndex = 2;

struct Pin {
  bool set = false;
  uint8_t tries = 0;  // that are left
  protocol::Bytes16 salt{};
  protocol::Bytes32 digest{};
};

using WalletKey = protocol::SecretArray<kWalletKeySize>;

// What can be paid without the payment PIN.
struct Allowances {
  struct Entry {
    Currency currency{};  // zeros: none
    uint64_t limit = 0;   // what a right payment PIN fills it up to
    uint64_t left = 0;
  };
  std::array<Entry, kAllowances> entries{};
};

// What a record is to hold from now on.
class Change {
 public:
  Change(size_t index, const Slot& slot);
  Change(size_t issuer, const Purse& purse);
  Change(size_t index, const Call& call);
  Change(size_t which, const Pin& pin);
  explicit Change(const WalletKey& key);
  explicit Change(const Allowances& allowances);
  ~Change() { protocol::wipe(payload_); }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

 private:
  friend class Records;
  uint32_t tag_;
  std::array<uint8_t, kMaxChange> payload_{};
};

class Records {
 public:
  explicit Records(firmware::NonVolatileMemory& memory) : memory_(memory) {}

  // At each start, before anything else: finishes what a power cut interrupted. False where the
  // journal is damaged, which no power cut does: nobody knows then what it held.
  bool recover();

  // False where the record is damaged. One that was never written is free, or empty.
  bool load(size_t index, Slot& slot) const;
  bool load(size_t issuer, LoadKey& key) const;
  bool load(size_t issuer, Purse& purse) const;
  bool load(size_t index, Call& call) const;
  bool load(size_t which, Pin& pin) const;
  bool load(WalletKey& key) const;
  bool load(Allowances& allowances) const;

  // Durable when they return.
  void store(const Change& change) { apply(change.tag_, change.payload_); }
  // All or none.
  void store(const Change& first, const Change& second) { store_all({&first, &second}); }
  void store(const Change& first, const Change& second, const Change& third) {
    store_all({&first, &second, &third});
  }
  void store(size_t issuer, const LoadKey& key);

 private:
  // At most kJournaled.
  void store_all(std::initializer_list<const Change*> changes);
  void apply(uint32_t tag, protocol::ByteView payload);
  JournalRecord journal() const { return {memory_, kJournalOffset, kJournalTag}; }

  firmware::NonVolatileMemory& memory_;
};

}  // namespace cafe::guardian
