// The shops and telephones where a wallet pays: terminals of payees that the issuer has enrolled,
// their memories in files.
#pragma once

#include <memory>
#include <string>

#include "device-sim/firmware/pos/terminal.h"
#include "device-sim/host/errands.h"
#include "device-sim/host/file_memory.h"

namespace cafe::cafe_wallet {

class Shop {
 public:
  // `terminal_file` as `cafectl terminal enrol` writes it; the memory lies in `folder`.
  static absl::StatusOr<std::unique_ptr<Shop>> open(const std::string& folder,
                                                    const std::string& terminal_file,
                                                    const protocol::TrustAnchors& anchors);

  pos::Terminal& terminal() { return *terminal_; }
  const std::string& name() const { return name_; }

  // What a shop did with what it took.
  struct Deposited {
    size_t payments = 0;
    uint64_t credited = 0;  // minor units
  };
  // Hands in all that waits.
  absl::StatusOr<Deposited> deposit(host::Backend& backend);

 private:
  Shop() = default;
  std::string name_;
  protocol::SystemRng rng_;
  std::unique_ptr<host::FileMemory> memory_;
  std::unique_ptr<pos::Terminal> terminal_;
};

}  // namespace cafe::cafe_wallet
