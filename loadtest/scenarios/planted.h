// Whether deposits are answered as they must be: what was planted, against what came back.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/protocol/deposit.h"
#include "loadtest/engine.h"
#include "loadtest/scenarios/request_file.h"

namespace cafe::loadtest {

// Thread-safe.
class PlantedChecks {
 public:
  // The verdicts on one request's payments, in order. False where one contradicts its role: a fresh
  // payment that is not accepted, an invalid one that is not refused for its fault, ...
  bool take(const std::vector<PlannedRole>& roles, const protocol::Receipt& receipt);

  // Once all answers are in: of each pair whose two answers came, exactly one was accepted, and the
  // other one was found out. FAILED_PRECONDITION WRONG_VERDICTS with the first that was wrong.
  absl::Status finish() const;
  // "accepted 49000, repeat 500, ...", and where there is money of several kinds of each:
  // "coins: accepted 34300, ...; cheques: accepted 14700, ..."
  std::string summary() const;
  uint64_t accepted() const;

 private:
  struct Pair {
    uint8_t answers = 0;
    uint8_t accepted = 0;
  };
  void wrong(const std::string& what);

  mutable std::mutex mutex_;
  using Counts = std::map<std::string, uint64_t, std::less<>>;
  std::map<Money, Counts> verdicts_;  // by name
  absl::flat_hash_map<uint64_t, Pair> pairs_;
  uint64_t wrong_ = 0;
  std::string first_wrong_;
};

}  // namespace cafe::loadtest
