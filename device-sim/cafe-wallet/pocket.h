// A person's wallet with the guardian inside, its memories in files of one folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device-sim/firmware/guardian/guardian.h"
#include "device-sim/firmware/wallet/wallet.h"
#include "device-sim/host/file_memory.h"
#include "libs/protocol/load_order.h"

namespace cafe::cafe_wallet {

// Who made the guardian: asked once, for a folder without one.
struct Maker {
  protocol::SigningKey key;
  std::vector<protocol::LoadKeyCertificate> load_keys;
};

class Pocket {
 public:
  // Opens the folder, or makes it with a wallet that is new. FOLDER_IN_USE where another process
  // has it open, FILE_UNUSABLE, and Wallet::boot's reasons. `owner` outlives the pocket.
  static absl::StatusOr<std::unique_ptr<Pocket>> open(const std::string& folder,
                                                      const wallet::Config& config,
                                                      const Maker& maker, wallet::Owner& owner);
  ~Pocket();

  wallet::Wallet& wallet() { return *wallet_; }

 private:
  Pocket() = default;
  int lock_ = -1;
  protocol::SystemRng rng_;
  std::unique_ptr<host::FileMemory> guardian_memory_;
  std::unique_ptr<host::FileMemory> wallet_memory_;
  std::unique_ptr<guardian::Guardian> guardian_;
  std::unique_ptr<wallet::Wallet> wallet_;
};

}  // namespace cafe::cafe_wallet
