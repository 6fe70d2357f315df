// Good documents of all kinds but payments', for tests that alter them in every way.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libs/protocol/point.h"
#include "libs/protocol/scalar.h"

namespace cafe::testing {

// One kind of document: a good one, and how it is read and written again.
struct SampleDocument {
  std::string name;
  protocol::Bytes good;
  // Decodes, then encodes.
  std::function<absl::StatusOr<protocol::Bytes>(protocol::ByteView)> recode;
  std::vector<protocol::Point> points;    // that stand in it
  std::vector<protocol::Scalar> scalars;  // likewise
};

// Made at the first call.
const std::vector<SampleDocument>& documents();

}  // namespace cafe::testing
