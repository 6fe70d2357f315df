// The decision on spends that pay ticks: a later deposit of the same spend with more ticks earns
// the difference (protocol.md section 6), so each slot has a chain of what was shown.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

// A deposit that showed more ticks of a slot than all before it. The links of a slot join: each
// begins where another ends, the first one at 0. No two begin at the same tick.
struct TickLink {
  uint32_t ticks_before = 0;
  uint32_t ticks = 0;  // > ticks_before
  Place place;
  bool operator==(const TickLink&) const = default;
};

struct TickDecision {
  // For each row, how many of its ticks other rows had shown before it, at most its own number.
  std::vector<uint32_t> ticks_before;
  // What to add to the chains, with the row that each comes from; ascending.
  struct NewLink {
    size_t row;
    TickLink link;
  };
  std::vector<NewLink> links;
};

// `rows` all have ticks and are the first spends of their slots or the same ones again, sorted, so
// that of equal slots the lower place shows its ticks first. found[i] is the link of row i's slot
// that begins last before the row's ticks: it holds them, or it is the end of the chain; nullopt
// where there is no chain. The same row again is told the same.
TickDecision decide_ticks(std::span<const SpendRow> rows,
                          std::span<const std::optional<TickLink>> found);

}  // namespace cafe::doublespend
