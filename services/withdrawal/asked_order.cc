#include "services/withdrawal/asked_order.h"

namespace cafe::withdrawal {
namespace {

absl::Status bad_signature() {
  return protocol::make_error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
                              "A document's signature does not verify under its signer's key.");
}

}  // namespace

void authenticate(Issuer& issuer, std::span<AskedOrder* const> asked) {
  std::vector<AskedOrder*> open;
  std::vector<protocol::AccountId> accounts;
  for (AskedOrder* order : asked) {
    if (order->done) continue;
    open.push_back(order);
    accounts.push_back(order->account);
  }
  const auto keys = issuer.accounts.keys_of(accounts);
  std::vector<protocol::SignatureCheck> checks;
  std::vector<AskedOrder*> checked;
  for (size_t i = 0; i < open.size(); ++i) {
    if (!keys[i].ok()) {
      open[i]->finish(keys[i].status());
      continue;
    }
    open[i]->keys = *keys[i];
    checks.push_back({&open[i]->keys->K, open[i]->digest, open[i]->signature});
    checked.push_back(open[i]);
  }
  const std::vector<bool> valid = protocol::check_signatures_var(checks);
  for (size_t i = 0; i < checked.size(); ++i) {
    if (!valid[i]) checked[i]->finish(bad_signature());
  }
}

}  // namespace cafe::withdrawal
