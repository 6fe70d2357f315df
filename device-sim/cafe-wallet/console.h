// Display, buttons and commands: on a terminal with a person before it, or from a script.
#pragma once

#include <deque>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>

#include "device-sim/firmware/face/face.h"

namespace cafe::cafe_wallet {

class Console : public face::Buttons {
 public:
  // The next line that is a command; nothing at the end.
  virtual std::optional<std::string> next_command() = 0;
  // What the world around the wallet says: one line.
  virtual void say(std::string_view text) = 0;
  // While a call runs, after each tick: whether the owner presses a button now. `wanted` is how
  // many ticks the command asked for; 0: until a button is pressed.
  virtual bool hangs_up(uint32_t ticks, uint32_t wanted) = 0;
};

// Lines of text: commands, and "ok" or "cancel" for the next question; a question without an answer
// is answered with OK, but whether the owner says who she is with Cancel. Empty lines and those
// that begin with '#' are skipped.
//
// "digits 1234" is what the owner types when she is asked for digits; where no such line follows,
// she types the last ones again. They are never written out. Where there are none at all, `pad` is
// asked (a person at a terminal, say); without one, she presses the left button.
class ScriptConsole : public Console {
 public:
  using Pad = std::function<std::optional<std::string>()>;
  ScriptConsole(std::deque<std::string> lines, std::ostream& out, Pad pad = nullptr);
  void show(const face::Screen& screen) override;
  face::Button ask(const face::Screen& screen) override {
    return answer(screen, face::Button::kOk);
  }
  face::Button ask_expressly(const face::Screen& screen) override {
    return answer(screen, face::Button::kCancel);
  }
  std::optional<std::string> ask_digits(const face::Screen& screen) override;
  std::optional<std::string> next_command() override;
  void say(std::string_view text) override;
  bool hangs_up(uint32_t ticks, uint32_t wanted) override;

 private:
  // Takes the next line of digits, if that is what follows.
  bool take_digits();
  face::Button answer(const face::Screen& screen, face::Button unless_told);
  std::deque<std::string> lines_;
  std::ostream& out_;
  Pad pad_;
  std::string digits_;
};

// Digits typed on the terminal of standard input, a star shown for each; Enter is the right button,
// c the left one. Nothing where it is that.
std::optional<std::string> type_digits();

// Standard input and output, a terminal: Enter presses the right button, c the left one. Keys typed
// before a question is shown do not answer it.
class RawKeys;

class TerminalConsole : public Console {
 public:
  TerminalConsole();
  ~TerminalConsole() override;
  void show(const face::Screen& screen) override;
  face::Button ask(const face::Screen& screen) override;
  std::optional<std::string> ask_digits(const face::Screen& screen) override;
  std::optional<std::string> next_command() override;
  void say(std::string_view text) override;
  bool hangs_up(uint32_t ticks, uint32_t wanted) override;

 private:
  bool explained_ = false;
  std::unique_ptr<RawKeys> keys_;  // while buttons are pressed rather than lines written
};

}  // namespace cafe::cafe_wallet
