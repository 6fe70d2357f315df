// A signed question about an order on its way to its answer: what opening and completing have in
// common.
#pragma once

#include <memory>
#include <span>

#include "services/withdrawal/orders.h"

namespace cafe::withdrawal {

struct AskedOrder {
  explicit AskedOrder(OrderQuestion asked) : question(std::move(asked)) {}

  void finish(absl::StatusOr<protocol::Bytes> answer) {
    done = true;
    question.answer(std::move(answer));
  }

  OrderQuestion question;
  bool done = false;  // answered

  // Set by whoever decodes the document.
  protocol::AccountId account{};
  protocol::Bytes32 digest{};  // of the document's frame
  protocol::Signature signature{};

  // Set by authenticate.
  std::shared_ptr<const AccountKeys> keys;
};

// Finds the accounts of all that are not answered yet, and checks their signatures together. What
// fails is answered: NOT_FOUND UNKNOWN_ACCOUNT, UNAUTHENTICATED BAD_SIGNATURE.
void authenticate(Issuer& issuer, std::span<AskedOrder* const> asked);

}  // namespace cafe::withdrawal
