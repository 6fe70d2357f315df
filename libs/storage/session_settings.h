// Settings of sessions whose statements all go by key.
#pragma once

#include <map>
#include <string>

namespace cafe::storage {

// For DatabaseOptions::settings. Plans are made once a session, often while tables are still empty:
// they must not become scans, or joins of whole tables, because a table looked small then. One plan
// does for all values. (Each only makes the planner avoid what it switches off.)
inline const std::map<std::string, std::string> kByKey = {
    {"enable_seqscan", "off"},   {"enable_bitmapscan", "off"},
    {"enable_hashjoin", "off"},  {"enable_mergejoin", "off"},
    {"enable_material", "off"},  {"plan_cache_mode", "force_generic_plan"},
    {"jit", "off"}};

}  // namespace cafe::storage
