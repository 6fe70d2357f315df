#include "device-sim/firmware/face/screen.h"

#include <algorithm>

namespace cafe::face {

namespace {

// Where each character of UTF-8 begins.
bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

size_t length(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

// The first `most` characters.
std::string_view cut(std::string_view text, size_t most) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (begins_character(text[i]) && most-- == 0) return text.substr(0, i);
  }
  return text;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return out;
}

}  // namespace

std::string left(std::string_view text) {
  std::string line = printable(cut(text, kColumns));
  line.append(kColumns - length(line), ' ');
  return line;
}

std::string right(std::string_view text) {
  std::string line = printable(cut(text, kColumns));
  line.insert(0, kColumns - length(line), ' ');
  return line;
}

std::string both(std::string_view a, std::string_view b) {
  const std::string end = printable(cut(b, kColumns));
  const size_t room = kColumns - length(end);
  std::string line = printable(cut(a, room > 0 && !end.empty() ? room - 1 : room));
  line.append(room - length(line), ' ');
  line += end;
  return line;
}

std::vector<std::string> wrap(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::string_view line = cut(text, kColumns);
    if (line.size() < text.size() && text[line.size()] != ' ') {
      const size_t blank = line.rfind(' ');
      if (blank != std::string_view::npos) line = line.substr(0, blank);
    }
    text.remove_prefix(line.size());
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

Screen screen(std::string_view first, std::string_view second, std::string_view third,
              std::string_view cancel, std::string_view ok) {
  return {{left(first), left(second), left(third), both(cancel, ok)}};
}

std::string text_of(const Screen& screen) {
  std::string text;
  for (const std::string& line : screen.lines) {
    const size_t end = line.find_last_not_of(' ');
    text += end == std::string::npos ? "" : line.substr(0, end + 1);
    text += '\n';
  }
  return text;
}

std::string framed(const Screen& screen) {
  std::string edge(kColumns + 4, '-');
  edge.front() = '+';
  edge.back() = '+';
  edge += '\n';
  std::string text = edge;
  for (const std::string& line : screen.lines) {
    text += "| ";
    text += line;
    text += " |\n";
  }
  text += edge;
  return text;
}

}  // namespace cafe::face
