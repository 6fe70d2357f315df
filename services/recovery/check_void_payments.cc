#include "services/recovery/check_void_payments.h"

namespace cafe::recovery {
namespace {

using protocol::CheckedVoidPayment;

absl::Status check_end(const CheckedVoidPayment& payment, const PaymentFacts& facts) {
  if (payment.refused && payment.terms.acquirer_id != facts.issuer_id) {
    return protocol::refused("WRONG_ACQUIRER",
                             "Only the payee's acquirer can void these terms: claim the payment "
                             "when its deadline has passed.");
  }
  if (!payment.refused && facts.now_ms < settled_ms(payment.deposit_until, facts.periods)) {
    return protocol::refused("NOT_DUE", "The payment may still be deposited.");
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<ClaimFault> check_void_payments(const protocol::Claim& claim,
                                              const PaymentFacts& facts,
                                              std::vector<CheckedVoidPayment>& checked) {
  const auto find = [&](const protocol::DenomId& id) { return facts.denominations.find(id); };
  for (size_t i = 0; i < claim.payments.size(); ++i) {
    absl::StatusOr<CheckedVoidPayment> payment =
        check_void_payment(claim.payments[i], find, facts.anchors);
    if (!payment.ok()) return fault_of(payment.status(), i);
    if (const absl::Status status = check_end(*payment, facts); !status.ok()) {
      return fault_of(status, i);
    }
    checked.push_back(*std::move(payment));
  }
  return std::nullopt;
}

}  // namespace cafe::recovery
