#include "device-sim/cafe-wallet/console.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

namespace cafe::cafe_wallet {

using face::Button;
using face::Screen;

namespace {

constexpr uint32_t kTicksOfScript = 5;  // of a call that names no number
constexpr char kEscape = '\x1b';
constexpr char kDelete = '\x7f';
constexpr std::string_view kDigits = "digits ";
constexpr int kTickPace_ms = 1000;  // of the world's time, where a person listens

}  // namespace

ScriptConsole::ScriptConsole(std::deque<std::string> lines, std::ostream& out, Pad pad)
    : out_(out), pad_(std::move(pad)) {
  for (std::string& line : lines) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty() && line.front() != '#') lines_.push_back(std::move(line));
  }
}

void ScriptConsole::show(const Screen& screen) { out_ << face::framed(screen) << std::flush; }

Button ScriptConsole::answer(const Screen& screen, Button unless_told) {
  show(screen);
  Button answer = unless_told;
  if (!lines_.empty() && (lines_.front() == "ok" || lines_.front() == "cancel")) {
    answer = lines_.front() == "ok" ? Button::kOk : Button::kCancel;
    lines_.pop_front();
  }
  out_ << (answer == Button::kOk ? "  > right\n" : "  > left\n") << std::flush;
  return answer;
}

bool ScriptConsole::take_digits() {
  if (lines_.empty() || !lines_.front().starts_with(kDigits)) return false;
  digits_ = lines_.front().substr(kDigits.size());
  lines_.pop_front();
  return true;
}

std::optional<std::string> ScriptConsole::ask_digits(const Screen& screen) {
  show(screen);
  take_digits();
  std::optional<std::string> typed;
  if (!digits_.empty()) {
    typed = digits_;
  } else if (pad_) {
    typed = pad_();
  }
  out_ << (typed ? "  > digits, right\n" : "  > left\n") << std::flush;
  return typed;
}

std::optional<std::string> ScriptConsole::next_command() {
  // Answers to questions that were not asked; digits stand for those to come.
  while (!lines_.empty()) {
    if (lines_.front() == "ok" || lines_.front() == "cancel") {
      lines_.pop_front();
    } else if (!take_digits()) {
      break;
    }
  }
  if (lines_.empty()) return std::nullopt;
  std::string line = std::move(lines_.front());
  lines_.pop_front();
  out_ << "wallet> " << line << "\n" << std::flush;
  return line;
}

void ScriptConsole::say(std::string_view text) { out_ << "  " << text << "\n" << std::flush; }

bool ScriptConsole::hangs_up(uint32_t ticks, uint32_t wanted) {
  return ticks >= (wanted == 0 ? kTicksOfScript : wanted);
}

// Keys one by one and unseen, while this lives; also where a signal ends the program.
class RawKeys {
 public:
  RawKeys() {
    tcgetattr(STDIN_FILENO, &cooked_);
    termios raw = cooked_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    interrupt_ = std::signal(SIGINT, restore_and_end);
    terminate_ = std::signal(SIGTERM, restore_and_end);
  }
  ~RawKeys() {
    std::signal(SIGINT, interrupt_);
    std::signal(SIGTERM, terminate_);
    tcsetattr(STDIN_FILENO, TCSANOW, &cooked_);
  }
  RawKeys(const RawKeys&) = delete;
  RawKeys& operator=(const RawKeys&) = delete;

  // The next key; nothing where none came within the time (-1: no limit). A terminal that went away
  // presses Escape.
  static std::optional<char> next(int timeout_ms) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, timeout_ms) <= 0) return std::nullopt;
    char key = 0;
    return read(STDIN_FILENO, &key, 1) == 1 ? key : kEscape;
  }

 private:
  static void restore_and_end(int signal_number) {
    tcsetattr(STDIN_FILENO, TCSANOW, &cooked_);
    _exit(128 + signal_number);
  }
  static termios cooked_;
  void (*interrupt_)(int);
  void (*terminate_)(int);
};
termios RawKeys::cooked_{};

namespace {

std::optional<std::string> digits_from_keys() {
  std::string digits;
  std::cout << "  > " << std::flush;
  for (;;) {
    const auto key = RawKeys::next(-1);
    if (!key) continue;
    if (*key == '\n' || *key == '\r' || *key == 'c' || *key == kEscape) {
      const bool right = *key == '\n' || *key == '\r';
      std::cout << (right ? "  right\n" : "  left\n") << std::flush;
      return right ? std::optional<std::string>(digits) : std::nullopt;
    }
    if ((*key == kDelete || *key == '\b') && !digits.empty()) {
      digits.pop_back();
      std::cout << "\b \b" << std::flush;
    } else if (*key >= '0' && *key <= '9' && digits.size() < guardian::kMaxPinDigits) {
      digits += *key;
      std::cout << '*' << std::flush;
    }
  }
}

}  // namespace

std::optional<std::string> type_digits() {
  const RawKeys keys;
  tcflush(STDIN_FILENO, TCIFLUSH);
  return digits_from_keys();
}

TerminalConsole::TerminalConsole() = default;
TerminalConsole::~TerminalConsole() = default;

void TerminalConsole::show(const Screen& screen) {
  std::cout << face::framed(screen) << std::flush;
}

Button TerminalConsole::ask(const Screen& screen) {
  show(screen);
  if (!explained_) std::cout << "  Enter: right button   c: left button\n" << std::flush;
  explained_ = true;
  if (!keys_) keys_ = std::make_unique<RawKeys>();
  tcflush(STDIN_FILENO, TCIFLUSH);
  for (;;) {
    const auto key = RawKeys::next(-1);
    const bool ok = key == '\n' || key == '\r';
    if (!ok && key != 'c' && key != kEscape) continue;
    std::cout << (ok ? "  > right\n" : "  > left\n") << std::flush;
    return ok ? Button::kOk : Button::kCancel;
  }
}

std::optional<std::string> TerminalConsole::ask_digits(const Screen& screen) {
  show(screen);
  if (!keys_) keys_ = std::make_unique<RawKeys>();
  tcflush(STDIN_FILENO, TCIFLUSH);
  return digits_from_keys();
}

std::optional<std::string> TerminalConsole::next_command() {
  keys_.reset();
  std::cout << "wallet> " << std::flush;
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

void TerminalConsole::say(std::string_view text) {
  std::cout << "  " << text << "\n" << std::flush;
}

bool TerminalConsole::hangs_up(uint32_t ticks, uint32_t wanted) {
  if (!keys_) keys_ = std::make_unique<RawKeys>();
  if (RawKeys::next(kTickPace_ms)) return true;
  return wanted != 0 && ticks >= wanted;
}

}  // namespace cafe::cafe_wallet
