// absl::string_view is std::string_view in newer builds of Abseil and a type of its own in Debian
// 12's. Interfaces here speak std::string_view; these cross the border.
#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace cafe::platform {

inline absl::string_view to_absl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view to_std(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace cafe::platform
