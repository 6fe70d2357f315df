#include "device-sim/cafe-wallet/town.h"

#include "absl/strings/str_cat.h"
#include "device-sim/host/files.h"

namespace cafe::cafe_wallet {

namespace {
constexpr size_t kTerminalMemory = size_t{8} << 20;
}  // namespace

absl::StatusOr<std::unique_ptr<Shop>> Shop::open(const std::string& folder,
                                                 const std::string& terminal_file,
                                                 const protocol::TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(host::TerminalFile file, host::read_terminal(terminal_file));
  CAFE_ASSIGN_OR_RETURN(const auto certificate,
                        protocol::TerminalCertificate::decode(file.credential.terminal.frame));
  std::unique_ptr<Shop> shop(new Shop);
  shop->name_ = certificate.payee_name;
  const std::string path =
      absl::StrCat(folder, "/terminal-", protocol::to_hex(certificate.terminal_id), ".mem");
  CAFE_ASSIGN_OR_RETURN(shop->memory_, host::FileMemory::open(path, kTerminalMemory));
  CAFE_ASSIGN_OR_RETURN(shop->terminal_, pos::Terminal::boot(*shop->memory_, shop->rng_,
                                                             {file.key, file.credential, anchors}));
  return shop;
}

absl::StatusOr<Shop::Deposited> Shop::deposit(host::Backend& backend) {
  CAFE_ASSIGN_OR_RETURN(const auto receipts,
                        host::deposit(*terminal_, backend, 1, protocol::kMaxBatch));
  Deposited deposited;
  for (const protocol::Receipt& receipt : receipts) {
    deposited.payments += receipt.verdicts.size();
    for (const auto& verdict : receipt.verdicts) deposited.credited += verdict.credited;
  }
  return deposited;
}

}  // namespace cafe::cafe_wallet
