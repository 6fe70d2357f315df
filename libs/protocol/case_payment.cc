#include "libs/protocol/case_payment.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kLabel = "cafe/v1/case-payment";

}  // namespace

Bytes CasePayment::encode() const {
  return Frame(kLabel).add(payment.encode()).add_u32(spend).add(terminal.encode()).take();
}

absl::StatusOr<CasePayment> CasePayment::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView payment_bytes, in.field());
  CAFE_ASSIGN_OR_RETURN(Payment payment, Payment::decode(payment_bytes));
  CAFE_ASSIGN_OR_RETURN(uint32_t spend, in.u32());
  CAFE_ASSIGN_OR_RETURN(ByteView terminal_bytes, in.field());
  CAFE_ASSIGN_OR_RETURN(PayeeCredential terminal, PayeeCredential::decode(terminal_bytes));
  CAFE_RETURN_IF_ERROR(in.finish());
  return CasePayment{std::move(payment), spend, std::move(terminal)};
}

absl::StatusOr<Terms> open_terms(const Payment& payment, const PayeeCredential& payee,
                                 const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(const TerminalCertificate terminal, payee.open(anchors, std::nullopt));
  CAFE_RETURN_IF_ERROR(payment.terms.check(terminal.key));
  CAFE_ASSIGN_OR_RETURN(Terms terms, Terms::decode(payment.terms.frame));
  if (terms.acquirer_id != terminal.acquirer_id || terms.payee_id != terminal.payee_id ||
      terms.terminal_id != terminal.terminal_id) {
    return invalid("WRONG_TERMINAL", "The terms are not those of the terminal that signed them.");
  }
  return terms;
}

absl::StatusOr<Terms> check_evidence_payment(const Payment& payment, const PayeeCredential& payee,
                                             FindDenomination find, const TrustAnchors& anchors) {
  CAFE_RETURN_IF_ERROR(check_form(payment));
  CAFE_ASSIGN_OR_RETURN(Terms terms, open_terms(payment, payee, anchors));
  const Bytes32 terms_digest = payment.terms.digest();
  std::vector<SpendCheck> checks;
  for (const Spend& spend : payment.spends) {
    const Coin& coin = payment.coins[spend.coin];
    const Denomination* denomination = find(coin.denom_id);
    if (denomination == nullptr) continue;
    CAFE_RETURN_IF_ERROR(check_spend_dates(*denomination, terms));
    checks.push_back({denomination, &coin, &spend, terms_digest});
  }
  for (const absl::Status& verdict : check_spends(checks)) CAFE_RETURN_IF_ERROR(verdict);
  return terms;
}

}  // namespace cafe::protocol
