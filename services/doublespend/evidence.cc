#include "services/doublespend/evidence.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cafe::doublespend {
namespace {

using protocol::CaseFile;
using protocol::CasePayment;
using protocol::Point;
using protocol::reason_of;
using protocol::Scalar;
using protocol::SignedDocument;
using protocol::SpendTrace;

// How many lists before the newest are looked through for a denomination.
constexpr uint32_t kMaxOlderLists = 64;

absl::StatusOr<SpendTrace> to_scalars(const Trace& trace) {
  SpendTrace scalars;
  CAFE_ASSIGN_OR_RETURN(scalars.d, Scalar::decode(trace.d));
  CAFE_ASSIGN_OR_RETURN(scalars.r1, Scalar::decode(trace.r1));
  CAFE_ASSIGN_OR_RETURN(scalars.r2, Scalar::decode(trace.r2));
  return scalars;
}

absl::StatusOr<Scalar> secret_of(const DueCase& open_case) {
  CAFE_ASSIGN_OR_RETURN(const SpendTrace first, to_scalars(*open_case.first));
  CAFE_ASSIGN_OR_RETURN(const SpendTrace second, to_scalars(*open_case.second));
  return protocol::extract_secret(first, second);
}

// The newest of the issuer's lists that holds the denomination.
absl::StatusOr<SignedDocument> list_with(const protocol::DenomId& denomination, CasePeers& peers) {
  CAFE_ASSIGN_OR_RETURN(IssuedList issued, peers.get_list(0));
  for (uint32_t older = 0; older < kMaxOlderLists; ++older) {
    if (issued.list.find(denomination) != nullptr) {
      return issued.document;
    }
    if (issued.list.number <= 1) {
      break;
    }
    CAFE_ASSIGN_OR_RETURN(issued, peers.get_list(issued.list.number - 1));
  }
  return protocol::make_error(absl::StatusCode::kFailedPrecondition, "LIST_MISSING",
                              "No list of the issuer's holds the coin's denomination.");
}

Finding refuse(const std::string& reason, const std::string& note) {
  return Alarm{.reason = reason, .note = absl::StrCat(reason, ": ", note)};
}

// What a judge says to the file; signed where it convicts whom the accounts know. An error where
// only our own key stands in the way: its certificate must have been valid when the case was
// opened.
absl::StatusOr<Finding> judge(const CaseFile& file, const protocol::AccountId& account,
                              const CaseBench& bench) {
  const absl::StatusOr<protocol::Verdict> verdict = protocol::verify_case_file(file, bench.trust);
  if (!verdict.ok()) {
    return refuse("EVIDENCE_REFUSED",
                  absl::StrCat(reason_of(verdict.status()), ", ", verdict.status().message()));
  }
  if (verdict->account != account) {
    return refuse("ACCOUNT_MISMATCH",
                  "the evidence convicts another account than the one that was found");
  }
  const protocol::SignedCase signed_case{
      .case_file = SignedDocument::sign(file.encode(), bench.key.key),
      .key_certificate = bench.key.certificate};
  CAFE_RETURN_IF_ERROR(protocol::verify_case(signed_case, bench.trust).status());
  return Proof{.account = account, .signed_case = signed_case.encode()};
}

}  // namespace

bool is_recorded_spend(const protocol::Payment& payment, uint32_t spend, const SlotKey& key,
                       const Trace& trace) {
  if (spend >= payment.spends.size()) {
    return false;
  }
  const protocol::Spend& archived = payment.spends[spend];
  return archived.coin < payment.coins.size() && payment.coins[archived.coin].id() == key.coin_id &&
         archived.slot == key.slot && archived.r1.bytes() == trace.r1 &&
         archived.r2.bytes() == trace.r2;
}

absl::StatusOr<Finding> investigate(const DueCase& open_case, const CaseBench& bench) {
  const CaseSummary& summary = open_case.summary;
  if (!open_case.first.has_value() || !open_case.second.has_value()) {
    return refuse("TRACE_MISSING", "the store no longer holds both spends");
  }
  const absl::StatusOr<Scalar> secret = secret_of(open_case);
  if (!secret.ok()) {
    return refuse("EQUAL_R2", std::string(secret.status().message()));
  }
  const std::optional<Point> identity = protocol::multiply(*secret, protocol::g1());
  if (!identity.has_value()) {
    return refuse("NO_ACCOUNT", "the extracted secret is zero, which is nobody's");
  }
  absl::StatusOr<FoundAccount> found = bench.peers.find_account(*identity);
  if (absl::IsNotFound(found.status())) {
    return refuse("NO_ACCOUNT", "nobody registered the identity that both spends reveal");
  }
  CAFE_RETURN_IF_ERROR(found.status());

  const Place& first_place = open_case.first_place;
  const Place& second_place = open_case.second_place;
  CAFE_ASSIGN_OR_RETURN(ArchivedPayment first,
                        bench.peers.get_payment(first_place.batch, first_place.payment()));
  CAFE_ASSIGN_OR_RETURN(ArchivedPayment second,
                        bench.peers.get_payment(second_place.batch, second_place.payment()));
  if (!is_recorded_spend(first.payment, first_place.spend(), summary.key, *open_case.first) ||
      !is_recorded_spend(second.payment, second_place.spend(), summary.key, *open_case.second)) {
    return refuse("ARCHIVE_MISMATCH", "an archived payment is not the one that was recorded");
  }
  const protocol::Spend& spend = first.payment.spends[first_place.spend()];
  CAFE_ASSIGN_OR_RETURN(SignedDocument list,
                        list_with(first.payment.coins[spend.coin].denom_id, bench.peers));

  const CaseFile file{
      .issuer_id = bench.issuer_id,
      .number = summary.number,
      .opened_at_s = summary.opened_ms / 1000,
      .list = std::move(list),
      .coin_id = summary.key.coin_id,
      .slot = summary.key.slot,
      .first = {std::move(first.payment), first_place.spend(), std::move(first.terminal)},
      .second = {std::move(second.payment), second_place.spend(), std::move(second.terminal)},
      .secret = *secret,
      .registration = std::move(found->registration)};
  return judge(file, found->account, bench);
}

}  // namespace cafe::doublespend
