#include "services/withdrawal/accounts.h"

#include "libs/platform/log.h"
#include "libs/protocol/case_file.h"

namespace cafe::withdrawal {

absl::StatusOr<FoundAccount> find_identity(Issuer& issuer, protocol::ByteView identity_point) {
  CAFE_ASSIGN_OR_RETURN(const auto point, protocol::Point::decode(identity_point));
  CAFE_ASSIGN_OR_RETURN(auto found, issuer.db.transaction({.read_only = true, .idempotent = true},
                                                          [&](Transaction& tx) {
                                                            return find_by_identity(tx, point);
                                                          }));
  if (!found.has_value()) {
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_IDENTITY",
                                "No account of this issuer has that identity point.");
  }
  return *std::move(found);
}

absl::StatusOr<Closing> close_convicted(Issuer& issuer, protocol::ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto signed_case, protocol::SignedCase::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto verdict,
                        protocol::verify_case(signed_case, issuer.keys.anchors));
  CAFE_ASSIGN_OR_RETURN(const auto file, protocol::CaseFile::decode(signed_case.case_file.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(file.issuer_id));
  CAFE_ASSIGN_OR_RETURN(
      const bool closed_before,
      issuer.db.transaction({.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<bool> {
        CAFE_ASSIGN_OR_RETURN(const AccountState state, lock_account(tx, verdict.account));
        CAFE_RETURN_IF_ERROR(close_account(tx, verdict.account, file.number));
        return state.closed;
      }));
  platform::log_warning("account closed", {{"account", verdict.account.hex()},
                                           {"case", file.number},
                                           {"closed_before", closed_before}});
  return Closing{verdict.account, closed_before};
}

absl::Status stop_denomination(Issuer& issuer, protocol::ByteView denom_id, std::string_view reason,
                               std::string_view caller) {
  CAFE_ASSIGN_OR_RETURN(const auto id, protocol::DenomId::decode(denom_id));
  // A zero byte is UTF-8 but no PostgreSQL text.
  if (reason.empty() || reason.size() > 500 || reason.find('\0') != std::string_view::npos) {
    return protocol::invalid("BAD_STOP_REASON",
                             "Say in 1 to 500 bytes why the denomination is stopped.");
  }
  CAFE_ASSIGN_OR_RETURN(const bool fresh,
                        issuer.db.transaction({.idempotent = true}, [&](Transaction& tx) {
                          return insert_stop(tx, id, reason, caller);
                        }));
  if (fresh) {
    platform::log_error("denomination stopped",
                        {{"denomination", id.hex()}, {"because", reason}, {"by", caller}});
  }
  return issuer.lists.refresh(issuer.db);
}

}  // namespace cafe::withdrawal
