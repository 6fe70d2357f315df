#include "loadtest/report_html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "loadtest/testing/made_up_results.h"

namespace cafe::loadtest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Json made_up_document(double stored_rows) {
  return to_json(made_up_description(), made_up_campaign(stored_rows), {{"result", "pass"}});
}

// What stands between the tags of the data.
Json data_of(const std::string& page) {
  const std::string open = R"(<script type="application/json" id="data">)";
  const size_t begin = page.find(open) + open.size();
  return Json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

TEST(ReportHtmlTest, ThePageNeedsNothingElse) {
  const std::string page = to_html({made_up_document(1e6)});
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  for (const char* outside : {"<link", " src=", "@import", "url(", "https://", "fetch("})
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  for (const char* placeholder : {"{{style}}", "{{data}}", "{{script}}"})
    EXPECT_THAT(page, Not(HasSubstr(placeholder)));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
}

TEST(ReportHtmlTest, ThePageHoldsTheResultsWhole) {
  const std::vector<Json> documents = {made_up_document(1e6), made_up_document(1e8)};
  EXPECT_EQ(data_of(to_html(documents)), Json(documents));
}

TEST(ReportHtmlTest, NoResultCanEndTheScriptItStandsIn) {
  Json document = made_up_document(1e6);
  document["command"] = {"</script><script>alert(1)</script>", "{{script}}", "\xff"};
  const std::string page = to_html({document});
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_EQ(data_of(page)[0]["command"][0], "</script><script>alert(1)</script>");
  EXPECT_EQ(data_of(page)[0]["command"][1], "{{script}}");
}

}  // namespace
}  // namespace cafe::loadtest
