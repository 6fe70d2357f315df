// The decision of Record: what a spend is, given what the store holds of its slot.
#pragma once

#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

// A slot's first spend, as the store holds it.
struct StoredSpend {
  Place place;
  Trace trace;
};

// A second or further spend of a slot, with the case that it opened.
struct StoredDouble {
  Place place;
  uint64_t case_number = 0;
};

// Against the slot's first spend. The same spend from the same place is fresh however often it
// comes, so that an interrupted deposit can be taken up again. A double has no case number yet: see
// classify_double.
RecordVerdict classify(const SpendRow& row, const StoredSpend& first);

// A row that classify found to be a double, against the stored double with the same challenge,
// which may be this row itself: the same place keeps the case, another place is its repeat.
RecordVerdict classify_double(const SpendRow& row, const StoredSpend& first,
                              const StoredDouble& stored);

}  // namespace cafe::doublespend
