#include "loadtest/report_html.h"

#include "absl/strings/str_replace.h"
#include "loadtest/page_sources.h"

namespace cafe::loadtest {

std::string to_html(const std::vector<Json>& documents) {
  // In JSON, '<' stands in strings only; written as an escape it cannot end the script element.
  const std::string data = absl::StrReplaceAll(
      Json(documents).dump(-1, ' ', false, Json::error_handler_t::replace), {{"<", "\\u003c"}});
  std::string script(kPageChart);
  script += kPageReport;
  return absl::StrReplaceAll(
      std::string(kPageHtml),
      {{"{{style}}", std::string(kPageStyle)}, {"{{data}}", data}, {"{{script}}", script}});
}

}  // namespace cafe::loadtest
