#include "services/withdrawal/register_account.h"

#include "libs/platform/log.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {
namespace {

using protocol::Bytes;

struct Taken {
  std::string_view constraint;
  std::string_view reason;
  std::string_view message;
};

constexpr Taken kTaken[] = {
    {"account_pkey", "ACCOUNT_TAKEN",
     "This wallet and guardian have an account here already: keep using it."},
    {"account_serial_once", "SERIAL_TAKEN",
     "The guardian has an account here already: register with another guardian."},
    {"account_u_once", "U_TAKEN",
     "The wallet's identity is registered already: register with a fresh identity seed."},
    {"identity_point_pkey", "IDENTITY_TAKEN",
     "The identity point is another account's already: register with a fresh identity seed."},
};

/// Says which of the unique values is taken.
absl::Status explain(const absl::Status& status) {
  const std::string constraint = storage::constraint_of(status);
  for (const Taken& taken : kTaken) {
    if (taken.constraint == constraint) {
      return protocol::make_error(absl::StatusCode::kAlreadyExists, taken.reason, taken.message);
    }
  }
  return status;
}

absl::StatusOr<std::optional<Bytes>> look_up(Issuer& issuer, const protocol::Bytes32& digest) {
  return issuer.db.transaction({.read_only = true, .idempotent = true},
                               [&](Transaction& tx) { return find_receipt(tx, digest); });
}

}  // namespace

absl::StatusOr<Bytes> register_account(Issuer& issuer, protocol::ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto file, protocol::RegistrationFile::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto registration,
                        protocol::Registration::decode(file.registration.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(registration.issuer_id));

  const protocol::Bytes32 digest = file.registration.digest();
  CAFE_ASSIGN_OR_RETURN(const auto known, look_up(issuer, digest));
  if (known.has_value()) return *known;

  CAFE_RETURN_IF_ERROR(issuer.nonces.check(registration.nonce, issuer.now_s()));
  CAFE_ASSIGN_OR_RETURN(
      const auto checked,
      protocol::check_registration(file, issuer.id(), issuer.keys.anchors, registration.nonce));
  const Bytes receipt =
      issuer
          .sign(protocol::RegistrationReceipt{issuer.id(), checked.account, digest,
                                              checked.registration.K, issuer.now_s()}
                    .encode())
          .encode();
  const absl::Status inserted = issuer.db.transaction({.idempotent = true}, [&](Transaction& tx) {
    return insert_account(tx, checked, file, receipt);
  });
  if (!inserted.ok()) {
    // Whoever sent the same file a moment earlier, or an attempt of ours whose commit was in doubt.
    CAFE_ASSIGN_OR_RETURN(const auto stored, look_up(issuer, digest));
    if (stored.has_value()) return *stored;
    return explain(inserted);
  }
  issuer.metrics.registered.Increment();
  platform::log_info("account registered", {{"account", checked.account.hex()}});
  return receipt;
}

}  // namespace cafe::withdrawal
