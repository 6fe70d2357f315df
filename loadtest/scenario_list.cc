#include "loadtest/scenario_list.h"

namespace cafe::loadtest {

const std::vector<ScenarioEntry>& scenario_list() {
  static const std::vector<ScenarioEntry> kScenarios = {};
  return kScenarios;
}

}  // namespace cafe::loadtest
