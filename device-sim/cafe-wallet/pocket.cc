#include "device-sim/cafe-wallet/pocket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "device-sim/firmware/common/memory_image.h"
#include "device-sim/host/factory.h"

namespace cafe::cafe_wallet {

namespace {

constexpr size_t kWalletMemory = size_t{4} << 20;

// The chip is made in memory: its file appears with a guardian that is certified and locked.
absl::Status make_guardian(const std::string& path, const Maker& maker, protocol::Rng& rng) {
  firmware::MemoryImage memory(guardian::kMemorySize);
  guardian::Guardian chip(memory, rng);
  CAFE_RETURN_IF_ERROR(
      host::make_guardian(chip, protocol::Serial{rng.array<16>()}, maker.key, maker.load_keys));
  return host::FileMemory::create(path, memory.snapshot());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Pocket>> Pocket::open(const std::string& folder,
                                                     const wallet::Config& config,
                                                     const Maker& maker, wallet::Owner& owner) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  chmod(folder.c_str(), 0700);  // what lies in it is money
  std::unique_ptr<Pocket> pocket(new Pocket);
  pocket->lock_ = ::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (pocket->lock_ < 0) {
    return protocol::refused("FILE_UNUSABLE", absl::StrCat("Cannot use the folder ", folder, "."));
  }
  if (flock(pocket->lock_, LOCK_EX | LOCK_NB) != 0) {
    return protocol::refused("FOLDER_IN_USE", absl::StrCat("Another program has the wallet in ",
                                                           folder, " open: close it first."));
  }
  const std::string chip = folder + "/guardian.mem";
  if (!std::filesystem::exists(chip)) {
    CAFE_RETURN_IF_ERROR(make_guardian(chip, maker, pocket->rng_));
  }
  CAFE_ASSIGN_OR_RETURN(pocket->guardian_memory_,
                        host::FileMemory::open(chip, guardian::kMemorySize));
  CAFE_ASSIGN_OR_RETURN(pocket->wallet_memory_,
                        host::FileMemory::open(folder + "/wallet.mem", kWalletMemory));
  pocket->guardian_ = std::make_unique<guardian::Guardian>(*pocket->guardian_memory_, pocket->rng_);
  CAFE_ASSIGN_OR_RETURN(pocket->wallet_,
                        wallet::Wallet::boot(*pocket->wallet_memory_, *pocket->guardian_,
                                             pocket->rng_, owner, config));
  return pocket;
}

Pocket::~Pocket() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace cafe::cafe_wallet
