// The results of one or several load tests as one page that needs nothing else: no network, no
// other file.
#pragma once

#include <string>
#include <vector>

#include "loadtest/machine.h"

namespace cafe::loadtest {

// `documents` as results_json.h makes them. Several become one page with a comparison ("rate
// against stored rows" where they have that fact), and each of them in full.
std::string to_html(const std::vector<Json>& documents);

}  // namespace cafe::loadtest
