#include "services/doublespend/classify.h"

namespace cafe::doublespend {

RecordVerdict classify(const SpendRow& row, const StoredSpend& first) {
  if (row.trace.d != first.trace.d) {
    return {.outcome = Outcome::kDouble, .other = first.place, .first = first.trace};
  }
  if (row.place != first.place) {
    return {.outcome = Outcome::kRepeat, .other = first.place};
  }
  return {.outcome = Outcome::kFresh};
}

RecordVerdict classify_double(const SpendRow& row, const StoredSpend& first,
                              const StoredDouble& stored) {
  if (row.place != stored.place) {
    return {.outcome = Outcome::kRepeat, .case_number = stored.case_number, .other = stored.place};
  }
  return {.outcome = Outcome::kDouble,
          .case_number = stored.case_number,
          .other = first.place,
          .first = first.trace};
}

}  // namespace cafe::doublespend
