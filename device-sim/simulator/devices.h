// Devices as the simulator holds them: memories, firmware running on them, and a person or a shop
// around.
#pragma once

#include <mutex>
#include <string>

#include "device-sim/firmware/common/memory_image.h"
#include "device-sim/firmware/face/face.h"
#include "device-sim/firmware/guardian/guardian.h"
#include "device-sim/firmware/pos/terminal.h"
#include "device-sim/firmware/wallet/wallet.h"
#include "device-sim/host/factory.h"
#include "device-sim/host/files.h"

namespace cafe::simulator {

inline constexpr size_t kWalletMemory = 1 << 20;
inline constexpr size_t kTerminalMemory = 32 << 20;

// A person who presses OK at every screen, and knows her PINs and her PUK.
class Person : public face::Face {
 public:
  Person(face::Buttons& buttons, const std::string& seed);

  std::optional<wallet::Pin> enter_pin(const wallet::PinQuestion& question) override {
    if (stranger_) return std::nullopt;
    return pin_of(question.kind);
  }
  std::optional<wallet::Pin> choose_pin(wallet::PinKind kind) override { return pin_of(kind); }
  std::optional<wallet::Pin> enter_puk(uint8_t /*tries_left*/) override { return puk_; }
  bool note_puk(const wallet::Pin& puk) override {
    puk_ = puk;
    return true;
  }
  // From here on it is somebody who knows no PIN.
  void become_stranger() { stranger_ = true; }

 private:
  wallet::Pin pin_of(wallet::PinKind kind) const {
    return kind == wallet::PinKind::kPayment ? payment_pin_ : withdrawal_pin_;
  }
  wallet::Pin withdrawal_pin_, payment_pin_;
  std::optional<wallet::Pin> puk_;
  bool stranger_ = false;
};

// A wallet with its guardian inside.
class WalletDevice {
 public:
  // `seed` fixes all its randomness. The guardian comes from `manufacturer`, for loads of
  // `load_keys`.
  static absl::StatusOr<std::unique_ptr<WalletDevice>> make(
      const std::string& seed, const wallet::Config& config,
      const protocol::SigningKey& manufacturer,
      std::span<const protocol::LoadKeyCertificate> load_keys = {});

  wallet::Wallet& firmware() { return *wallet_; }
  // It is in the hands of somebody who presses OK and knows no PIN.
  void give_to_stranger() { owner_.become_stranger(); }

  // The content of both memories: what somebody who has broken the guardian can copy and put back.
  struct Memories {
    protocol::Bytes guardian;
    protocol::Bytes wallet;
  };
  Memories copy_memories() const {
    return {guardian_memory_.snapshot(), wallet_memory_.snapshot()};
  }
  // Puts them back and restarts both.
  absl::Status put_back(const Memories& memories);
  protocol::Bytes copy_guardian() const { return guardian_memory_.snapshot(); }
  // Puts the guardian's memory back alone. The owner, who can open her own wallet, corrects the
  // wallet's books so that they say again what the guardian's counter says.
  absl::Status put_back_guardian(protocol::ByteView memory, std::string_view currency,
                                 uint64_t counter);

 private:
  WalletDevice(const std::string& seed, const wallet::Config& config)
      : rng_(seed), config_(config), owner_(buttons_, seed) {}
  absl::Status boot();

  protocol::SeededRng rng_;
  wallet::Config config_;
  face::ScriptedButtons buttons_;
  Person owner_;
  firmware::MemoryImage guardian_memory_{guardian::kMemorySize};
  firmware::MemoryImage wallet_memory_{kWalletMemory};
  std::unique_ptr<guardian::Guardian> guardian_;
  std::unique_ptr<wallet::Wallet> wallet_;
};

// A shop's terminal. One customer at a time: hold `mutex` while using it.
class Shop {
 public:
  // `file` as `cafectl terminal enrol` writes it.
  static absl::StatusOr<std::unique_ptr<Shop>> make(const std::string& file,
                                                    const protocol::TrustAnchors& anchors);

  pos::Terminal& terminal() { return *terminal_; }
  const std::string& name() const { return name_; }
  // What the terminal draws from here on is fixed by `seed`: the same for the same encounter,
  // whoever came before.
  void reseed(const std::string& seed) { rng_.rng = protocol::SeededRng(seed); }
  std::mutex mutex;

 private:
  struct ReseedableRng : protocol::Rng {
    protocol::SeededRng rng{"terminal"};
    void fill(protocol::MutableByteView out) override { rng.fill(out); }
  };
  Shop() = default;
  std::string name_;
  ReseedableRng rng_;
  firmware::MemoryImage memory_{kTerminalMemory};
  std::unique_ptr<pos::Terminal> terminal_;
};

}  // namespace cafe::simulator
