// Results of a load test of a server that is played, for tests of what is made of results.
#pragma once

#include "loadtest/results_json.h"

namespace cafe::loadtest {

// A server of 10,000 things/s that refuses what it cannot do within 200 ms: a search, a confirmed
// rate, a sweep; with processes. The same each time.
Campaign made_up_campaign(double stored_rows);

TestDescription made_up_description();

}  // namespace cafe::loadtest
