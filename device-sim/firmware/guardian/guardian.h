// The guardian: the issuer's watchman inside the wallet (sections 0, 3, 5 and 6). A chip card with
// a fixed amount of state, no heap of its own, no clock and no files; it speaks APDUs (commands.h)
// to the wallet and to nobody else.
//
// It upholds four rules. A slot answers one request, ever: the used mark, with a digest of the
// request, is durable before the answer leaves. What a cheque or a tick pays leaves its counter in
// the same atomic write that marks the slot or counts the tick. A load is taken once, in its turn.
// Without her PINs, whoever holds the wallet gets no slots and no loads, and spends no more than
// its owner allowed.
// Whatever byte the power fails at, a command has happened whole or not at all, and the same
// request gets the same answer afterwards.
#pragma once

#include <bitset>
#include <optional>

#include "device-sim/firmware/common/apdu.h"
#include "device-sim/firmware/guardian/records.h"
#include "libs/protocol/rng.h"

namespace cafe::guardian {

inline constexpr size_t kHandleSize = 4;

class Guardian : public firmware::ApduPort {
 public:
  // Starts on a memory of at least kMemorySize bytes, blank or used, and finishes what a power cut
  // interrupted.
  Guardian(firmware::NonVolatileMemory& memory, protocol::Rng& rng);

  // Carries out one command; writes response data ‖ SW1 SW2 and returns the length. `response`
  // holds at least kMaxResponse bytes.
  size_t process(protocol::ByteView command, protocol::MutableByteView response);
  size_t transmit(protocol::ByteView command, protocol::MutableByteView response) override {
    return process(command, response);
  }

 private:
  enum class Phase : uint8_t { kBlank = 0, kPersonalized = 1, kLocked = 2, kDead = 0xFF };

  // RAM copy of the keys record.
  struct Identity {
    protocol::Serial serial;
    protocol::GuardianKeys keys;
    std::array<uint8_t, 65> A_O, A_Q;
    std::array<uint8_t, kCertificateSize> certificate;
  };
  // Where a handler writes its response data.
  struct Output {
    protocol::MutableByteView buffer;
    size_t size = 0;
    void add(protocol::ByteView bytes);
  };
  // A slot that a command names.
  struct FoundSlot {
    size_t index;
    Slot slot;
  };
  // The counter of an issuer and currency, with the record that it lies in.
  struct FoundCounter {
    size_t issuer;
    LoadKey key;
    Purse purse;
    size_t index;  // in the purse

    protocol::GuardianCounter counter() const;
    const Currency& currency() const { return purse.counters[index].currency; }
    void set_amount(uint64_t amount) { purse.counters[index].amount = amount; }
  };
  // The ticks of a slot.
  struct FoundCall {
    size_t index;
    Call call;
  };
  // What a payment leaves of the allowances.
  struct Charge {
    bool limited = false;  // nothing changes unless so
    Allowances after;
  };

  firmware::StatusWord dispatch(const firmware::Command& command, Output& out);

  // life_cycle.cc
  void start_identity();
  void store_identity(Phase phase);
  firmware::StatusWord personalize(const firmware::Command& command, Output& out);
  firmware::StatusWord install_load_key(const firmware::Command& command);
  firmware::StatusWord lock(const firmware::Command& command);
  firmware::StatusWord get_certificate(const firmware::Command& command, Output& out) const;

  // slots.cc
  void start_slots();
  void store_slot(size_t index, const Slot& slot);
  firmware::StatusWord find_slot(protocol::ByteView handle, FoundSlot& found) const;
  firmware::StatusWord make_slot(const firmware::Command& command, Output& out);
  firmware::StatusWord answer_coin(const firmware::Command& command, Output& out);
  firmware::StatusWord free_slot(const firmware::Command& command);
  firmware::StatusWord slot_status(const firmware::Command& command, Output& out) const;
  firmware::StatusWord list_slots(const firmware::Command& command, Output& out) const;

  // counters.cc
  firmware::StatusWord find_load_key(std::string_view issuer_id, size_t& issuer,
                                     LoadKey& key) const;
  firmware::StatusWord find_counter(std::string_view issuer_id, std::string_view currency,
                                    FoundCounter& found) const;
  firmware::StatusWord find_in_purse(std::string_view currency, FoundCounter& found) const;
  firmware::StatusWord load(const firmware::Command& command);
  firmware::StatusWord list_counters(const firmware::Command& command, Output& out) const;
  firmware::StatusWord answer_cheque(const firmware::Command& command, Output& out);

  // ticks.cc
  bool find_call(uint32_t handle, FoundCall& found) const;
  firmware::StatusWord draw_ticks(const firmware::Command& command);
  firmware::StatusWord tick_points(const firmware::Command& command, Output& out) const;
  firmware::StatusWord answer_ticks(const firmware::Command& command, Output& out);
  firmware::StatusWord release_tick(const firmware::Command& command, Output& out);

  // pins.cc
  firmware::StatusWord check_verified(size_t which) const;
  firmware::StatusWord check_all_verified() const;
  firmware::StatusWord try_pin(size_t which, protocol::ByteView digits, Pin& pin);
  Pin new_pin(protocol::ByteView digits, uint8_t tries);
  firmware::StatusWord draw_puk(Output& out);
  firmware::StatusWord set_up_pin(const firmware::Command& command);
  firmware::StatusWord verify_pin(const firmware::Command& command);
  firmware::StatusWord forget_pins();
  firmware::StatusWord change_pin(const firmware::Command& command);
  firmware::StatusWord unblock_pin(const firmware::Command& command);
  firmware::StatusWord pin_status(Output& out) const;
  firmware::StatusWord wallet_key(Output& out) const;

  // allowances.cc
  firmware::StatusWord charge(const Currency& currency, uint64_t value, Charge& charge) const;
  firmware::StatusWord find_allowance(const Currency& currency, Allowances& allowances,
                                      Allowances::Entry*& entry) const;
  firmware::StatusWord unlock(const firmware::Command& command);
  firmware::StatusWord set_limit(const firmware::Command& command);
  firmware::StatusWord lock_payments();
  firmware::StatusWord list_allowances(Output& out) const;

  Records records_;
  firmware::NonVolatileMemory& memory_;
  protocol::Rng& rng_;
  Phase phase_ = Phase::kBlank;
  Identity identity_;
  std::bitset<kSlots> taken_;  // not free, or damaged
  // Since power came on.
  std::array<bool, 2> verified_{};  // withdrawal PIN, payment PIN
  protocol::SecretArray<kPukDigits> puk_;
  bool puk_drawn_ = false;
};

// Reads currency ‖ u64 amount; false where that is no currency code.
bool read_sum(protocol::ByteView data, Currency& currency, uint64_t& amount);
// The status word for what a transition of libs/protocol/guardian.h refuses.
firmware::StatusWord word_of(const absl::Status& refusal);

}  // namespace cafe::guardian
