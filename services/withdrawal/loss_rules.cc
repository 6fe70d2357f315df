#include "services/withdrawal/loss_rules.h"

#include "libs/protocol/amount.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/status.h"

namespace cafe::withdrawal {

using protocol::refused;

Standing standing_of(bool closed, bool convicted, bool lost) {
  if (!closed) return Standing::kOpen;
  // Closed for no reason that is known here: nothing is paid back for it.
  return lost && !convicted ? Standing::kLost : Standing::kConvicted;
}

absl::Status check_identification(std::string_view identified_by) {
  constexpr size_t kLongest = 200;
  // A zero byte is UTF-8 but no PostgreSQL text.
  if (!identified_by.empty() && identified_by.size() <= kLongest &&
      identified_by.find('\0') == std::string_view::npos) {
    return absl::OkStatus();
  }
  return protocol::invalid("BAD_IDENTIFICATION",
                           "Say in 1 to 200 bytes how and by whom the holder was identified.");
}

absl::StatusOr<std::optional<Statement>> decide_replacement(const ReplacementFacts& facts,
                                                            const protocol::AccountId& successor) {
  if (facts.recorded.has_value()) {
    if (facts.recorded->successor == successor) return facts.recorded->statement;
    return refused("REPLACED_BEFORE", "The account has a successor, " +
                                          facts.recorded->successor.hex() +
                                          ": replace that one if it is lost, too.");
  }
  if (facts.convicted) {
    return refused("ACCOUNT_CONVICTED", "A case convicts the account: nothing takes its place.");
  }
  if (!facts.lost) {
    return refused("NOT_REPORTED_LOST", "The account is not lost: report its loss first.");
  }
  if (facts.successor_closed) {
    return refused("SUCCESSOR_CLOSED",
                   "The account that should take its place is closed: name an open one.");
  }
  return std::nullopt;
}

absl::StatusOr<storage::Posting> posting_of(const Move& move) {
  CAFE_ASSIGN_OR_RETURN(const uint64_t fits, protocol::checked_add(move.amount, 0));
  const auto amount = static_cast<int64_t>(fits);
  const std::string customer(storage::account_kind::kCustomer);
  storage::Posting posting{.kind = "replacement", .reference = {}, .lines = {}};
  protocol::append(posting.reference, move.lost);
  protocol::append(posting.reference, protocol::encode_u64(move.number));
  protocol::append(posting.reference, protocol::view_of(move.currency));
  posting.lines = {
      {.account = {customer, protocol::to_bytes(move.lost), move.currency}, .amount = -amount},
      {.account = {customer, protocol::to_bytes(move.successor), move.currency}, .amount = amount}};
  return posting;
}

}  // namespace cafe::withdrawal
