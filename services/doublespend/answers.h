// From what the service found out to its messages; requests.h is the other way.
#pragma once

#include <span>

#include "cafe/v1/doublespend.pb.h"
#include "services/doublespend/case_store.h"
#include "services/doublespend/claim_store.h"
#include "services/doublespend/reservation.h"

namespace cafe::doublespend {

// Names what is not fresh. Returns whether a double is among it.
bool write_verdicts(std::span<const RecordVerdict> verdicts, v1::RecordResponse& response);

// Of one call's payments, in order.
void write_reservations(std::span<const ReserveResult> results, uint64_t until_ms,
                        v1::ReserveResponse& response);

void write_located(std::span<const LocatedSpend> spends, v1::LocateResponse& response);

void write_summary(const CaseSummary& summary, v1::CaseSummary& message);

}  // namespace cafe::doublespend
