// A batch's checks spread over a few threads.
#pragma once

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "libs/platform/work_pool.h"

namespace cafe::deposit {

// Runs `part(begin, end)` over the whole of 0 .. n, in parts of at least `least` items, on the
// calling thread and, as far as it takes them, on `threads` (0: none) of `pool`; returns when all
// are done. `part` is called from several threads at once and must not throw. Not to be called on a
// thread of `pool`.
void parallel_for(platform::WorkPool& pool, size_t threads, size_t n, size_t least,
                  absl::FunctionRef<void(size_t begin, size_t end)> part);

}  // namespace cafe::deposit
