// The wallet's face: its display and two buttons, and the questions that it puts to its owner.
//
//   class Panel : public face::Buttons { ... };      // a real one, a terminal program, a script
//   face::Face face(panel);
//   auto wallet = wallet::Wallet::boot(memory, guardian, rng, face, config);
//   face.browse(balance_screens(wallet->balances(now_s)));
#pragma once

#include <deque>
#include <functional>

#include "device-sim/firmware/face/screens.h"
#include "device-sim/firmware/wallet/recovery.h"

namespace cafe::face {

// The display and the buttons below it.
class Buttons {
 public:
  virtual ~Buttons() = default;
  // Shows the screen and goes on.
  virtual void show(const Screen& screen) = 0;
  // Shows it and waits for a button.
  virtual Button ask(const Screen& screen) = 0;
  // Shows it and waits for digits, which nobody is shown, and the right button; nothing where it is
  // the left one.
  virtual std::optional<std::string> ask_digits(const Screen& screen) = 0;
  // As ask, for what must never be agreed to by default, where there are defaults.
  virtual Button ask_expressly(const Screen& screen) { return ask(screen); }
};

// What of several screens is shown, one after the other.
class Pager {
 public:
  explicit Pager(std::vector<Screen> screens) : screens_(std::move(screens)) {}
  bool done() const { return at_ >= screens_.size(); }
  const Screen& screen() const { return screens_[at_]; }  // unless done
  // OK goes on, Cancel leaves.
  void press(Button button) { at_ = button == Button::kOk ? at_ + 1 : screens_.size(); }

 private:
  std::vector<Screen> screens_;
  size_t at_ = 0;
};

class Face : public wallet::Owner {
 public:
  explicit Face(Buttons& buttons) : buttons_(buttons) {}

  std::optional<wallet::Pin> enter_pin(const wallet::PinQuestion& question) override;
  std::optional<wallet::Pin> choose_pin(wallet::PinKind kind) override;
  std::optional<wallet::Pin> enter_puk(uint8_t tries_left) override;
  bool note_puk(const wallet::Pin& puk) override;
  bool confirm_payment(const wallet::Bill& bill) override;
  bool confirm_identification(const wallet::Bill& bill) override;
  bool confirm_call(const wallet::CallBill& bill) override;
  bool confirm_order(std::span<const protocol::Completion::Debit> sums) override;
  bool confirm_load(std::string_view currency, uint64_t amount) override;
  // Before Wallet::pay_back, which asks nobody.
  bool confirm_pay_back(std::string_view currency, uint64_t amount);

  // Before the issuer keeps a backup under these words: true once she has noted all of them.
  bool note_words(std::string_view words);
  // What she shows of herself for the rest of a lost wallet's money; nothing where there is none
  // to be had by it. Never by default.
  wallet::Consent ask_consent(std::span<const wallet::Found> found);

  // Until the owner has seen the last one or leaves.
  void browse(std::vector<Screen> screens);
  // Until a button is pressed.
  void tell(const Screen& screen);
  // Without waiting.
  void show(const Screen& screen) { buttons_.show(screen); }

 private:
  std::optional<wallet::Pin> digits(const Screen& screen);
  bool ask(const Screen& screen) { return buttons_.ask(screen) == Button::kOk; }
  Buttons& buttons_;
};

// Buttons that press themselves: for simulations and tests.
class ScriptedButtons : public Buttons {
 public:
  // What is pressed next; OK once nothing is left.
  void press(std::initializer_list<Button> buttons) { next_.insert(next_.end(), buttons); }
  void show(const Screen& screen) override { note(screen); }
  Button ask(const Screen& screen) override;
  // What is typed next; the left button once nothing is left.
  void type(std::initializer_list<std::string> digits) { typed_.insert(typed_.end(), digits); }
  std::optional<std::string> ask_digits(const Screen& screen) override;

  // Called with every screen.
  std::function<void(const Screen&)> on_screen;

 private:
  void note(const Screen& screen) {
    if (on_screen) on_screen(screen);
  }
  std::deque<Button> next_;
  std::deque<std::string> typed_;
};

}  // namespace cafe::face
