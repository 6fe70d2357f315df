#include "loadtest/scenarios/planted.h"

#include "absl/strings/str_cat.h"

namespace cafe::loadtest {

using protocol::PaymentVerdict;
using protocol::VerdictCode;

namespace {

bool fits(const PlannedRole& planned, const PaymentVerdict& verdict) {
  switch (planned.role) {
    case Role::kFresh:
      return verdict.code == VerdictCode::kAccepted;
    case Role::kRepeated:
      return verdict.code == VerdictCode::kAccepted || verdict.code == VerdictCode::kRepeat;
    case Role::kDoubleSpent:
      return verdict.code == VerdictCode::kAccepted || verdict.code == VerdictCode::kSpentBefore ||
             verdict.code == VerdictCode::kCreditedSpentBefore;
    case Role::kInvalid:
      return verdict.code == VerdictCode::kRefused &&
             verdict.reason == reason_of_fault(planned.fault);
  }
  return false;
}

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kFresh:
      return "a fresh payment";
    case Role::kRepeated:
      return "a repeated payment";
    case Role::kDoubleSpent:
      return "a double spend";
    case Role::kInvalid:
      return "an invalid payment";
  }
  return "";
}

}  // namespace

void PlantedChecks::wrong(const std::string& what) {
  if (wrong_++ == 0) first_wrong_ = what;
}

bool PlantedChecks::take(const std::vector<PlannedRole>& roles, const protocol::Receipt& receipt) {
  const std::lock_guard lock(mutex_);
  if (receipt.verdicts.size() != roles.size()) {
    wrong(absl::StrCat("a receipt has ", receipt.verdicts.size(), " verdicts on ", roles.size(),
                       " payments"));
    return false;
  }
  bool all_fit = true;
  for (size_t i = 0; i < roles.size(); ++i) {
    const PaymentVerdict& verdict = receipt.verdicts[i];
    ++verdicts_[roles[i].money][std::string(protocol::verdict_name(verdict.code))];
    if (!fits(roles[i], verdict)) {
      all_fit = false;
      std::string what(role_name(roles[i].role));
      what.append(" of ").append(money_name(roles[i].money));
      what.append(" was answered ").append(protocol::verdict_name(verdict.code));
      wrong(what.append(" ").append(verdict.reason));
    }
    if (roles[i].role != Role::kRepeated && roles[i].role != Role::kDoubleSpent) continue;
    Pair& pair = pairs_[roles[i].pair];
    ++pair.answers;
    pair.accepted += verdict.code == VerdictCode::kAccepted ? 1 : 0;
  }
  return all_fit;
}

absl::Status PlantedChecks::finish() const {
  const std::lock_guard lock(mutex_);
  uint64_t wrong = wrong_;
  std::string first = first_wrong_;
  for (const auto& [number, pair] : pairs_) {
    // Of a pair with one answer the other request was refused, or not sent: nothing follows.
    if (pair.answers == 2 && pair.accepted != 1 && wrong++ == 0) {
      first = absl::StrCat("of a slot's two payments ", pair.accepted, " were accepted");
    }
  }
  if (wrong == 0) return absl::OkStatus();
  return protocol::refused("WRONG_VERDICTS",
                           absl::StrCat(wrong, " verdicts are wrong; the first: ", first, "."));
}

std::string PlantedChecks::summary() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [money, counts] : verdicts_) {
    if (!out.empty()) out.append("; ");
    if (verdicts_.size() > 1) out.append(money_name(money)).append(": ");
    const char* separator = "";
    for (const auto& [name, count] : counts) {
      absl::StrAppend(&out, separator, name, " ", count);
      separator = ", ";
    }
  }
  return out.empty() ? "no verdicts" : out;
}

uint64_t PlantedChecks::accepted() const {
  const std::lock_guard lock(mutex_);
  uint64_t accepted = 0;
  for (const auto& [money, counts] : verdicts_) {
    const auto found = counts.find(protocol::verdict_name(VerdictCode::kAccepted));
    if (found != counts.end()) accepted += found->second;
  }
  return accepted;
}

}  // namespace cafe::loadtest
