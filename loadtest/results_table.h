// The results of a load test as text for a terminal.
#pragma once

#include <string>

#include "loadtest/machine.h"

namespace cafe::loadtest {

// `document` as results_json.h makes it.
std::string to_table(const Json& document);

}  // namespace cafe::loadtest
