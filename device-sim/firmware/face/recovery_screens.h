// What the wallet shows of a loss: words against it, what was found after it, and claims.
#pragma once

#include "device-sim/firmware/face/screen.h"
#include "device-sim/firmware/wallet/claims.h"
#include "device-sim/firmware/wallet/recovery.h"

namespace cafe::face {

// The nine words of a backup, three at a time, each with its number: to be noted. Cancel: not now.
std::vector<Screen> words_screens(std::string_view words);

// What is left of a lost wallet, by currency: what is claimed without more ado, what is unspent of
// coins that paid already, what cheques were loaded with.
// Orders that yielded no cheques: then the issuer takes a claim of none.
Screen missing_cheques_screen(size_t orders);
std::vector<Screen> found_screens(std::span<const wallet::Found> found);
// Whether she shows more of herself for more money. The right button says Yes.
Screen used_coins_screen(std::string_view currency, uint64_t amount);
Screen cheques_screen(std::string_view currency, uint64_t loaded);

// The newest first.
std::vector<Screen> claim_screens(std::span<const wallet::ClaimView> claims);

}  // namespace cafe::face
