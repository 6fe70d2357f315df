// Why something did not happen, in the few plain words that fit the display.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cafe::face {

// Three lines at most, for a machine-readable reason of the wallet, the terminal or the issuer's
// services; one that is not known is shown as it is.
std::vector<std::string> explain(std::string_view reason);
// Those that `explain` has words of its own for.
std::vector<std::string_view> explained_reasons();

}  // namespace cafe::face
