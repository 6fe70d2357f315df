// The report at the end of a run.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "device-sim/simulator/simulation.h"

namespace cafe::simulator {

using Json = nlohmann::ordered_json;

// Everything that was counted and measured, with "result": "pass" or "fail". A run passes where no
// device failed, every payment was deposited, the credits add up, exactly the planted
// double-spenders were convicted, the alarms amount to exactly what was overdrawn, and the audit
// passes. `before` and `audit` are what `cafectl audit --json` prints before and after; null where
// none was run.
Json make_report(const SimulationOptions& options, const Outcome& outcome,
                 const host::Latencies& latencies, uint64_t repeated_calls, const Json& before,
                 const Json& audit);

std::string to_text(const Json& report);

}  // namespace cafe::simulator
