// The shape of the tree as rules over the text of its files, so that a test can hold the tree, and
// made-up files, against them. What each folder may use is in architecture_test.cc's table.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cafe::architecture {

/// A file of the tree: its path from the root, and its text.
struct SourceFile {
  std::string path;
  std::string text;
};

/// What a folder may include of ours, its own files aside. Of all rows that a path starts with, the
/// longest one counts.
struct Arrow {
  std::string_view folder;                // ends in '/'
  std::vector<std::string_view> may_use;  // folders, each ending in '/'
  /// Standard and foreign headers that are out of place there.
  std::vector<std::string_view> never{};
  /// What tests in the folder may use besides.
  std::vector<std::string_view> tests_may_use{};
};

/// Tests, fixtures and test doubles, which may use the helpers of tests besides.
bool is_test(std::string_view path);

/// "path:line: what is wrong", one for each violation, in all of these.
using Violations = std::vector<std::string>;

/// #include lines that the arrows do not allow. A folder of `ours` that no arrow covers is a
/// violation, too.
Violations check_includes(const SourceFile& file, const std::vector<Arrow>& arrows,
                          const std::vector<std::string_view>& ours);

inline constexpr size_t kMostLines = 450;

/// A file that nobody reads in one sitting.
Violations check_length(const SourceFile& file);
/// A header without #pragma once.
Violations check_header_guard(const SourceFile& file);
/// A test that sleeps. `pollers` are the files that may: they wait for conditions.
Violations check_sleeps(const SourceFile& file, const std::vector<std::string_view>& pollers);
/// A note of work left over that does not say, in at least twenty characters after a colon, why.
Violations check_leftovers(const SourceFile& file);
/// A relative link of a Markdown file to a file, or to a heading of one, that is not there. `read`
/// gives a file of the tree by its path, or nothing.
Violations check_links(const SourceFile& file,
                       const std::function<const SourceFile*(const std::string&)>& read,
                       const std::function<bool(const std::string&)>& exists);

/// The anchor that a Markdown heading gets: lower case, blanks to hyphens, punctuation dropped.
std::string anchor_of(std::string_view heading);

}  // namespace cafe::architecture
