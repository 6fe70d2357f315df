// What a command prints: an aligned table for people, JSON on request.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cafe::cafectl {

using Json = nlohmann::ordered_json;

// An array of objects becomes a table with the first object's keys as heads; an object becomes "key
// value" lines. Nested values are shown as JSON. Ends in a newline.
std::string to_table(const Json& value);

// Minor units with two decimals and thousands apart, "1 234.56 EUR", for tables only. Currencies
// with another number of decimals (ISO 4217) are shown with theirs.
std::string format_amount(int64_t minor_units, const std::string& currency);

// "2026-11-22 10:00:00Z" of unix seconds.
std::string format_time(uint64_t unix_s);
// The inverse for "YYYY-MM-DD" and "YYYY-MM-DDTHH:MM:SSZ"; nothing where it is neither.
std::optional<uint64_t> parse_time(const std::string& text);

}  // namespace cafe::cafectl
