#include "services/doublespend/tick_chain.h"

#include <algorithm>

namespace cafe::doublespend {
namespace {

// What a row is told by the link that holds its ticks: where it is the row's own, the same as when
// it was made.
uint32_t before_within(const TickLink& link, const SpendRow& row) {
  return link.place == row.place && link.ticks == row.ticks ? link.ticks_before : row.ticks;
}

}  // namespace

TickDecision decide_ticks(std::span<const SpendRow> rows,
                          std::span<const std::optional<TickLink>> found) {
  TickDecision decision;
  decision.ticks_before.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const SpendRow& row = rows[i];
    // The end of the chain as far as this row sees it: the stored one, or one that is made here.
    // A stored link that holds the row's ticks stays what it is told by, whatever is added here:
    // the same row again gets the same answer.
    TickLink last = found[i].value_or(TickLink{});
    if (last.ticks < row.ticks && !decision.links.empty()) {
      const TickDecision::NewLink& made = decision.links.back();
      if (rows[made.row].key == row.key && made.link.ticks > last.ticks) last = made.link;
    }
    if (row.ticks <= last.ticks) {
      decision.ticks_before.push_back(before_within(last, row));
      continue;
    }
    decision.ticks_before.push_back(last.ticks);
    decision.links.push_back({i, {last.ticks, row.ticks, row.place}});
  }
  return decision;
}

}  // namespace cafe::doublespend
