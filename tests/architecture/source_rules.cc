#include "tests/architecture/source_rules.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <regex>
#include <sstream>

namespace cafe::architecture {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string at(const SourceFile& file, size_t line, const std::string& what) {
  return file.path + ":" + std::to_string(line + 1) + ": " + what;
}

/// Calls `found(line number, match)` for the first match in each line.
void for_each_match(const SourceFile& file, const std::regex& pattern,
                    const std::function<void(size_t, const std::smatch&)>& found) {
  const std::vector<std::string> lines = lines_of(file.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(lines[i], match, pattern)) found(i, match);
  }
}

bool starts_with_any(std::string_view text, const std::vector<std::string_view>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

const Arrow* arrow_of(std::string_view path, const std::vector<Arrow>& arrows) {
  const Arrow* best = nullptr;
  for (const Arrow& arrow : arrows) {
    if (path.starts_with(arrow.folder) &&
        (best == nullptr || arrow.folder.size() > best->folder.size()))
      best = &arrow;
  }
  return best;
}

}  // namespace

bool is_test(std::string_view path) {
  for (const std::string_view end : {"_test.cc", "_fixture.h", "_fixture.cc", "_benchmark.cc"}) {
    if (path.ends_with(end)) return true;
  }
  return path.starts_with("tests/") || path.find("/testing/") != std::string_view::npos ||
         path.find("/testdata/") != std::string_view::npos;
}

Violations check_includes(const SourceFile& file, const std::vector<Arrow>& arrows,
                          const std::vector<std::string_view>& ours) {
  Violations out;
  if (!starts_with_any(file.path, ours)) return out;
  const Arrow* const arrow = arrow_of(file.path, arrows);
  if (arrow == nullptr) return {file.path + ": no arrow says what this folder may use"};
  static const std::regex kInclude(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  for_each_match(file, kInclude, [&](size_t line, const std::smatch& match) {
    const std::string target = match[1];
    const bool is_ours = starts_with_any(target, ours);
    const bool for_tests = is_test(file.path) && (target.starts_with("tests/support/") ||
                                                  target.starts_with("libs/protocol/testing/") ||
                                                  starts_with_any(target, arrow->tests_may_use));
    if (target.find("..") != std::string::npos) {
      out.push_back(at(file, line, "includes are paths from the root: " + target));
    } else if (is_ours && !target.starts_with(arrow->folder) && !for_tests &&
               !starts_with_any(target, arrow->may_use)) {
      out.push_back(at(file, line, std::string(arrow->folder) + " may not use " + target));
    } else if (is_ours && is_test(target) && !is_test(file.path)) {
      out.push_back(at(file, line, "what is no test uses a test's " + target));
    } else if (!is_test(file.path) && starts_with_any(target, arrow->never)) {
      out.push_back(at(file, line, std::string(arrow->folder) + " has no business with " + target));
    }
  });
  return out;
}

Violations check_length(const SourceFile& file) {
  const size_t lines = lines_of(file.text).size();
  if (lines <= kMostLines) return {};
  return {file.path + ": " + std::to_string(lines) + " lines; split it by concepts"};
}

Violations check_header_guard(const SourceFile& file) {
  if (!file.path.ends_with(".h")) return {};
  const std::vector<std::string> lines = lines_of(file.text);
  // Before anything but comments.
  for (const std::string& line : lines) {
    if (line == "#pragma once") return {};
    if (!line.empty() && !line.starts_with("//")) break;
  }
  return {file.path + ": the header does not begin with #pragma once"};
}

Violations check_sleeps(const SourceFile& file, const std::vector<std::string_view>& pollers) {
  if (!is_test(file.path) || starts_with_any(file.path, pollers)) return {};
  Violations out;
  static const std::regex kSleep(
      R"(\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor)\b|(^|[^_.>\w])sleep\s*\()");
  const std::vector<std::string> lines = lines_of(file.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string code = lines[i].substr(0, lines[i].find("//"));
    if (code.find("leep") != std::string::npos && std::regex_search(code, kSleep))
      out.push_back(at(file, i, "a test waits for a condition, never for a time"));
  }
  return out;
}

Violations check_leftovers(const SourceFile& file) {
  Violations out;
  // Spelled so that this file does not hold them itself.
  static const std::regex kLeftover(R"(\b(TO)"
                                    R"(DO|FIX)"
                                    R"(ME|X)"
                                    R"(XX|HA)"
                                    R"(CK)\b(.*))");
  static const std::regex kReason(R"(^[^:]*:\s*\S.{18,}\S)");
  for_each_match(file, kLeftover, [&](size_t line, const std::smatch& match) {
    const std::string rest = match[2];
    if (!std::regex_search(rest, kReason))
      out.push_back(at(file, line, std::string(match[1]) + " without its reason"));
  });
  return out;
}

std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '_' || c == '-' || byte >= 0x80)
      anchor.push_back(static_cast<char>(std::tolower(byte)));
    else if (c == ' ')
      anchor.push_back('-');
  }
  return anchor;
}

namespace {

bool has_anchor(const SourceFile& file, const std::string& anchor) {
  static const std::regex kHeading(R"(^#{1,6}\s+(.*?)\s*$)");
  for (const std::string& line : lines_of(file.text)) {
    std::smatch match;
    if (std::regex_match(line, match, kHeading) && anchor_of(match[1].str()) == anchor) return true;
  }
  return false;
}

/// The text without code, in which brackets and parentheses mean something else; lines stay.
std::string without_code(const std::string& text) {
  std::string out;
  bool fenced = false;
  static const std::regex kCode("`[^`]*`");
  for (const std::string& line : lines_of(text)) {
    const bool fence = line.find_first_not_of(' ') != std::string::npos &&
                       line.substr(line.find_first_not_of(' ')).starts_with("```");
    if (fence) fenced = !fenced;
    if (!fence && !fenced) out += std::regex_replace(line, kCode, "``");
    out += "\n";
  }
  return out;
}

}  // namespace

Violations check_links(const SourceFile& file,
                       const std::function<const SourceFile*(const std::string&)>& read,
                       const std::function<bool(const std::string&)>& exists) {
  Violations out;
  static const std::regex kLink(R"(\]\(([^)\s]+)[^)]*\))");
  const std::vector<std::string> lines = lines_of(without_code(file.text));
  for (size_t i = 0; i < lines.size(); ++i) {
    for (std::sregex_iterator link(lines[i].begin(), lines[i].end(), kLink), end; link != end;
         ++link) {
      const std::string target = (*link)[1];
      if (target.find("://") != std::string::npos || target.starts_with("mailto:")) continue;
      const size_t hash = target.find('#');
      const std::string name = target.substr(0, hash);
      const std::filesystem::path path = std::filesystem::path(file.path).parent_path() / name;
      const std::string linked = name.empty() ? file.path : path.lexically_normal().string();
      if (!exists(linked)) {
        out.push_back(at(file, i, "links to " + target + ", which is not there"));
      } else if (hash != std::string::npos && linked.ends_with(".md")) {
        const SourceFile* const other = read(linked);
        if (other == nullptr || !has_anchor(*other, target.substr(hash + 1)))
          out.push_back(at(file, i, "links to " + target + ", a heading that is not there"));
      }
    }
  }
  return out;
}

}  // namespace cafe::architecture
