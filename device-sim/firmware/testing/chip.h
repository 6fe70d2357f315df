// A guardian chip for tests: its memory, its contact, and a helper for each of its commands.
//
//   Chip chip("seed");
//   chip.manufacture(manufacturer, serial, {{"issuer-a.example", load_key.public_der}});
//   chip.load({serial, "issuer-a.example", "EUR", 5000, 1}, load_key.private_der);
//   const Response made = chip.make_slot(Kind::kCheque);
//   const Response answer = chip.answer_cheque(handle_of(made), request);    // ρ ‖ ans
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "device-sim/firmware/common/memory_image.h"
#include "device-sim/firmware/guardian/guardian.h"
#include "libs/protocol/credentials.h"

namespace cafe::testing {

inline constexpr std::string_view kWithdrawalPin = "2580";
inline constexpr std::string_view kPaymentPin = "1379";

struct Response {
  uint16_t word;
  protocol::Bytes data;
  bool operator==(const Response&) const = default;
};

// The handle, the point and (cheques) the salt commitment that MAKE_SLOT answered.
protocol::Bytes handle_of(const Response& made);
protocol::Point point_of(const Response& made);
protocol::Bytes32 commitment_of(const Response& made);

// A load key for the manufacturer to install.
struct InstalledLoadKey {
  std::string issuer_id;
  protocol::Bytes public_der;
};

// What LIST_COUNTERS says of one issuer.
struct IssuerCounters {
  std::string issuer_id;
  protocol::Bytes32 key_digest;  // SHA-256 of the load key's DER
  uint64_t last_sequence;
  std::map<std::string, uint64_t> amounts;  // by currency
  bool operator==(const IssuerCounters&) const = default;
};

class Chip : public firmware::ApduPort {
 public:
  explicit Chip(std::string_view seed) : rng_(seed) { restart(); }

  // Takes the power away and gives it back: a new guardian on the same memory.
  void restart();
  // Draws from the beginning of another stream from now on: a run repeated from the same memory
  // draws the same.
  void reseed(std::string_view seed) { rng_ = protocol::SeededRng(seed); }
  // Sends a command; throws PowerLost where the memory's power is cut in the middle.
  Response send(guardian::Ins ins, uint16_t p1p2, protocol::ByteView data, size_t expected);
  size_t transmit(protocol::ByteView command, protocol::MutableByteView response) override;

  Response personalize(const protocol::Serial& serial);
  Response lock(const protocol::SignedDocument& certificate);
  // A coin's slot pays `value` euros' cents.
  Response make_slot(protocol::Kind kind = protocol::Kind::kCoin, uint64_t value = 100);
  Response answer(protocol::ByteView handle, const protocol::Scalar& d_plus_e);
  Response free_slot(protocol::ByteView handle);
  Response status(protocol::ByteView handle);

  Response install_load_key(const InstalledLoadKey& key);
  Response load(const protocol::Load& load, protocol::ByteView private_key_der);
  Response load(protocol::ByteView frame, protocol::ByteView signature);
  // All of them.
  std::vector<IssuerCounters> counters();
  // 0 where there is no such counter.
  uint64_t amount(std::string_view issuer_id, std::string_view currency);

  Response answer_cheque(protocol::ByteView handle, const protocol::ChequeRequest& request);
  Response draw_ticks(protocol::ByteView handle, uint32_t count);
  // All points of the ticks drawn.
  std::vector<protocol::Point> tick_points(protocol::ByteView handle);
  Response answer_ticks(protocol::ByteView handle, const protocol::TickRequest& request);
  Response release_tick(protocol::ByteView handle, uint32_t i);

  Response draw_puk();
  Response set_up_pin(std::string_view pin);
  Response verify(guardian::PinKind kind, std::string_view pin);
  Response forget_pins();
  Response change_pin(guardian::PinKind kind, std::string_view pin);
  Response unblock(guardian::PinKind kind, std::string_view puk, std::string_view pin);
  // What is left of its tries; of the PUK without a kind.
  uint8_t tries(std::optional<guardian::PinKind> kind);
  Response unlock(std::string_view currency, uint64_t amount);
  Response set_limit(std::string_view currency, uint64_t amount);
  Response lock_payments();
  // (limit, left) by currency.
  std::map<std::string, std::pair<uint64_t, uint64_t>> allowances();
  // Sets the chip up with kWithdrawalPin, and enters that now and after each restart, for tests of
  // other things than PINs. Returns the PUK.
  std::string use_pin();
  // No more.
  void take_pin_away() { pin_entered_ = false; }

  // Personalizes, installs load keys, certifies under the manufacturer's key, locks.
  protocol::GuardianCertificate manufacture(const protocol::SigningKey& manufacturer,
                                            const protocol::Serial& serial,
                                            const std::vector<InstalledLoadKey>& load_keys = {});

  firmware::MemoryImage& memory() { return memory_; }
  // A reset by itself: where its power fails in a command, the chip starts again while the wallet
  // has power, and the wallet hears nothing of that command. Without it, PowerLost goes on to
  // whoever holds the whole device.
  bool resets_alone = false;
  // Answers bytes of its own instead of the guardian's where set: a guardian that lies.
  std::function<void(protocol::ByteView command, protocol::MutableByteView response)> tamper;

 private:
  Response send_with_handle(guardian::Ins ins, protocol::ByteView handle, protocol::ByteView rest,
                            size_t expected);
  Response send_sum(guardian::Ins ins, std::string_view currency, uint64_t amount);
  bool pin_entered_ = false;
  firmware::MemoryImage memory_{guardian::kMemorySize};
  protocol::SeededRng rng_;
  std::unique_ptr<guardian::Guardian> guardian_;
};

}  // namespace cafe::testing
