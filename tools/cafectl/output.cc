#include "tools/cafectl/output.h"

#include <algorithm>
#include <ctime>
#include <vector>

namespace cafe::cafectl {

namespace {

std::string cell_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "-";
  return value.dump();
}

// Columns as wide as their widest cell, two spaces apart.
std::string align(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - row[i].size() + 2, ' ');
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace

std::string to_table(const Json& value) {
  std::vector<std::vector<std::string>> rows;
  if (value.is_array()) {
    if (value.empty()) return "(none)\n";
    std::vector<std::string> heads;
    for (const auto& [key, unused] : value.front().items()) heads.push_back(key);
    rows.push_back(heads);
    for (const Json& item : value) {
      std::vector<std::string> row;
      for (const std::string& head : heads) {
        row.push_back(item.contains(head) ? cell_of(item[head]) : "-");
      }
      rows.push_back(row);
    }
  } else {
    for (const auto& [key, item] : value.items()) rows.push_back({key, cell_of(item)});
  }
  return align(rows);
}

namespace {

int decimals_of(const std::string& currency) {
  for (const char* none :
       {"JPY", "KRW", "CLP", "ISK", "VND", "XAF", "XOF", "XPF", "UGX", "PYG", "RWF"}) {
    if (currency == none) return 0;
  }
  for (const char* three : {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}) {
    if (currency == three) return 3;
  }
  return 2;
}

}  // namespace

std::string format_amount(int64_t minor_units, const std::string& currency) {
  const bool negative = minor_units < 0;
  std::string digits = std::to_string(minor_units);
  if (negative) digits.erase(0, 1);
  const size_t decimals = static_cast<size_t>(decimals_of(currency));
  if (digits.size() <= decimals) digits = std::string(decimals + 1 - digits.size(), '0') + digits;
  std::string whole = digits.substr(0, digits.size() - decimals);
  for (size_t i = whole.size(); i > 3; i -= 3)
    whole.insert(whole.begin() + static_cast<ptrdiff_t>(i) - 3, ' ');
  std::string out;
  if (negative) out.push_back('-');
  out += whole;
  if (decimals > 0) {
    out.push_back('.');
    out += digits.substr(digits.size() - decimals);
  }
  out.push_back(' ');
  out += currency;
  return out;
}

std::string format_time(uint64_t unix_s) {
  const auto time = static_cast<time_t>(unix_s);
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &utc);
  return {text, length};
}

std::optional<uint64_t> parse_time(const std::string& text) {
  for (const char* format : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"}) {
    std::tm utc{};
    const char* end = strptime(text.c_str(), format, &utc);
    if (end != nullptr && *end == '\0') return static_cast<uint64_t>(timegm(&utc));
  }
  return std::nullopt;
}

}  // namespace cafe::cafectl
