// The files of loadtest/page/, inside the program.
#pragma once

#include <string_view>

namespace cafe::loadtest {

extern const std::string_view kPageHtml;    // with {{style}}, {{data}} and {{script}} in it
extern const std::string_view kPageStyle;   // CSS
extern const std::string_view kPageChart;   // the script that draws charts
extern const std::string_view kPageReport;  // the script that lays out the results

}  // namespace cafe::loadtest
