#include "services/deposit/holder_order.h"

#include "libs/protocol/holder.h"

namespace cafe::deposit {

using protocol::HolderCredential;
using protocol::RegistrationReceipt;

absl::StatusOr<Holder> read_holder(protocol::ByteView credential, const ReadOrder& order,
                                   const protocol::TrustAnchors& anchors,
                                   std::string_view issuer_id) {
  CAFE_ASSIGN_OR_RETURN(const HolderCredential opened, HolderCredential::decode(credential));
  CAFE_ASSIGN_OR_RETURN(const RegistrationReceipt registered, opened.open(anchors));
  if (registered.issuer_id != issuer_id) {
    return protocol::make_error(absl::StatusCode::kUnauthenticated, "WRONG_ISSUER",
                                "The account is with another issuer: pay the money back there.");
  }
  if (order.order.payee_id != protocol::holder_payee_id(registered.account)) {
    return protocol::invalid("WRONG_PAYEE",
                             "The order's payee is not the holder of the account that the "
                             "credential names.");
  }
  if (order.order.terminal_id != protocol::holder_terminal_id(registered.account)) {
    return protocol::invalid("WRONG_TERMINAL",
                             "The order's terminal is not the account that the credential names.");
  }
  CAFE_RETURN_IF_ERROR(order.document.check(registered.K));
  return Holder{.account = registered.account,
                .key = registered.K,
                .credential = protocol::to_bytes(credential)};
}

}  // namespace cafe::deposit
