// What the wallet shows: one function for each screen, from what it shows to the screen and nothing
// else.
#pragma once

#include "device-sim/firmware/face/screen.h"
#include "device-sim/firmware/wallet/wallet.h"

namespace cafe::face {

// --- Questions: OK or Cancel ---
Screen payment_screen(const wallet::Bill& bill);
// Shown before payment_screen where the bill is above the identification limit.
Screen identification_screen(const wallet::Bill& bill);
Screen call_screen(const wallet::CallBill& bill);
// One screen for each currency; blank cheques, whose sum is 0, have one of their own.
std::vector<Screen> withdrawal_screens(std::span<const protocol::Completion::Debit> sums);
Screen load_screen(std::string_view currency, uint64_t amount);
Screen pay_back_screen(std::string_view currency, uint64_t amount);

// --- PINs: digits, and OK or Cancel ---
Screen pin_screen(const wallet::PinQuestion& question);
Screen new_pin_screen(wallet::PinKind kind);
Screen same_pin_screen();
Screen enter_puk_screen(uint8_t tries_left);
// The PUK itself, shown once.
Screen puk_screen(const wallet::Pin& puk);

// --- A call under way: Cancel hangs up ---
Screen talking_screen(const wallet::CallBill& bill, uint32_t ticks);

// --- What there is to read: OK goes on, Cancel leaves ---
// For each currency what can be paid with, and where the counter holds more than the blank cheques
// can be written out for, a hint to withdraw some.
std::vector<Screen> balance_screens(std::span<const wallet::Balance> balances);
// The newest first.
std::vector<Screen> past_payment_screens(std::span<const wallet::PastPayment> payments);

// Which PINs are set, their tries, and what can be paid without the payment PIN.
std::vector<Screen> pins_screens(const wallet::PinStates& pins,
                                 std::span<const wallet::Allowance> allowances);

// --- What came of it: OK ---
Screen paid_screen(std::string_view payee_name, std::string_view currency, uint64_t amount);
Screen refused_screen(std::string_view payee_name, std::string_view reason);
Screen call_ended_screen(const wallet::CallBill& bill, uint32_t ticks);
Screen withdrawn_screen(const wallet::Withdrawn& withdrawn);
Screen loaded_screen(const wallet::TakenLoad& load);
Screen paid_back_screen(std::string_view currency, uint64_t credited);
// What can be paid without the payment PIN now.
Screen unlocked_screen(const wallet::Allowance& allowance);
Screen error_screen(const absl::Status& error);
Screen message_screen(std::string_view text);

// "2026-11-23 05:44", UTC.
std::string time_text(uint64_t unix_ms);

}  // namespace cafe::face
