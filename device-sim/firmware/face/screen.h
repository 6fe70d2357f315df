// A small display: four lines of twenty characters, with two buttons below its corners.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace cafe::face {

inline constexpr size_t kLines = 4;
inline constexpr size_t kColumns = 20;

// The left button says Cancel (or what the last line's left end says), the right one OK.
enum class Button { kCancel, kOk };

// Every line is kColumns characters of UTF-8, blanks included.
struct Screen {
  std::array<std::string, kLines> lines;
  bool operator==(const Screen&) const = default;
};

// Cut or filled with blanks to kColumns characters. Control characters become '?', so that no
// payee's name can write elsewhere on the display.
std::string left(std::string_view text);
std::string right(std::string_view text);
// `a` at the left end, `b` at the right one; `a` is cut where both do not fit.
std::string both(std::string_view a, std::string_view b);
// Words on lines of at most kColumns characters; longer words are broken.
std::vector<std::string> wrap(std::string_view text);

// Three lines of text and the meaning of the two buttons ("" where one does nothing).
Screen screen(std::string_view first, std::string_view second, std::string_view third,
              std::string_view cancel, std::string_view ok);

// The lines without trailing blanks, each with a line break: for logs and tests.
std::string text_of(const Screen& screen);
// The same in a frame, as a terminal program shows it.
std::string framed(const Screen& screen);

}  // namespace cafe::face
