#include "device-sim/simulator/devices.h"

#include "device-sim/firmware/wallet/records.h"

namespace cafe::simulator {

namespace {

// Four digits, the first of which is one of four.
wallet::Pin four_digits(const std::string& seed, uint64_t first) {
  protocol::SeededRng rng(seed);
  return *wallet::Pin::of(std::to_string((first + rng.below(4)) * 1000 + rng.below(1000)));
}

}  // namespace

// [guard] The two differ, or the guardian refuses them.
Person::Person(face::Buttons& buttons, const std::string& seed)
    : Face(buttons),
      withdrawal_pin_(four_digits(seed + "/withdrawal PIN", 1)),
      payment_pin_(four_digits(seed + "/payment PIN", 5)) {}

absl::Status WalletDevice::boot() {
  wallet_.reset();
  guardian_ = std::make_unique<guardian::Guardian>(guardian_memory_, rng_);
  CAFE_ASSIGN_OR_RETURN(wallet_,
                        wallet::Wallet::boot(wallet_memory_, *guardian_, rng_, owner_, config_));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<WalletDevice>> WalletDevice::make(
    const std::string& seed, const wallet::Config& config, const protocol::SigningKey& manufacturer,
    std::span<const protocol::LoadKeyCertificate> load_keys) {
  std::unique_ptr<WalletDevice> device(new WalletDevice(seed, config));
  guardian::Guardian chip(device->guardian_memory_, device->rng_);
  CAFE_RETURN_IF_ERROR(host::make_guardian(chip, protocol::Serial{device->rng_.array<16>()},
                                           manufacturer, load_keys));
  CAFE_RETURN_IF_ERROR(device->boot());
  return device;
}

absl::Status WalletDevice::put_back(const Memories& memories) {
  guardian_memory_.restore(memories.guardian);
  wallet_memory_.restore(memories.wallet);
  return boot();
}

absl::Status WalletDevice::put_back_guardian(protocol::ByteView memory, std::string_view currency,
                                             uint64_t counter) {
  guardian_memory_.restore(memory);
  wallet_.reset();
  {
    CAFE_ASSIGN_OR_RETURN(const auto books, firmware::RecordStore::open(wallet_memory_));
    CAFE_RETURN_IF_ERROR(books->commit(
        firmware::Batch().put(wallet::counter_key(currency), protocol::encode_u64(counter))));
  }
  return boot();
}

absl::StatusOr<std::unique_ptr<Shop>> Shop::make(const std::string& path,
                                                 const protocol::TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(host::TerminalFile file, host::read_terminal(path));
  std::unique_ptr<Shop> shop(new Shop);
  shop->name_ = std::move(file.payee_name);
  CAFE_ASSIGN_OR_RETURN(shop->terminal_, pos::Terminal::boot(shop->memory_, shop->rng_,
                                                             {file.key, file.credential, anchors}));
  return shop;
}

}  // namespace cafe::simulator
