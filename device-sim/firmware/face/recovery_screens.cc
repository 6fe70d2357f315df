#include "device-sim/firmware/face/recovery_screens.h"

#include <utility>

#include "device-sim/firmware/face/amount_text.h"
#include "device-sim/firmware/face/reasons.h"
#include "device-sim/firmware/face/screens.h"

namespace cafe::face {

namespace {

constexpr size_t kWordsAtOnce = 3;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c != ' ' && c != '-') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

std::string date_text(uint64_t unix_ms) {
  const std::string text = time_text(unix_ms);
  return text.substr(0, text.find(' '));
}

// A sum is never cut: its name is.
std::string named_sum(std::string_view name, std::string_view currency, uint64_t amount) {
  return both(name, number_text(currency, amount));
}

std::string_view status_text(wallet::ClaimStatus status) {
  switch (status) {
    case wallet::ClaimStatus::kFiled:
      return "waits";
    case wallet::ClaimStatus::kRefused:
      return "refused";
    case wallet::ClaimStatus::kHeld:
      return "held";
    case wallet::ClaimStatus::kCredited:
      return "credited";
    case wallet::ClaimStatus::kFinal:
      return "final";
  }
  return "";
}

std::string claim_title(const wallet::ClaimView& claim) {
  std::string title = "Claim";
  if (claim.number > 0) title.append(" ").append(std::to_string(claim.number));
  return both(title, status_text(claim.status));
}

Screen refused_claim_screen(const wallet::ClaimView& claim) {
  std::vector<std::string> lines = explain(claim.reason);
  lines.insert(lines.begin(), claim_title(claim));
  lines.resize(kLines - 1);
  return screen(lines[0], lines[1], lines[2], "Back", "Next");
}

// One for each currency that is claimed.
std::vector<Screen> claim_screens_of(const wallet::ClaimView& claim) {
  if (claim.status == wallet::ClaimStatus::kRefused) return {refused_claim_screen(claim)};
  std::vector<Screen> screens;
  for (size_t n = 0; n < claim.claimed.size(); ++n) {
    const auto& [currency, amount] = claim.claimed[n];
    if (n >= claim.totals.size()) {
      std::string until;
      if (claim.held_until_ms > 0) until.append("until ").append(date_text(claim.held_until_ms));
      screens.push_back(
          screen(claim_title(claim), named_sum(currency, currency, amount), until, "Back", "Next"));
      continue;
    }
    const protocol::ClaimTotal& total = claim.totals[n];
    const uint64_t less = total.claimed - (total.credited - total.charged);
    screens.push_back(
        screen(claim_title(claim), named_sum(currency, currency, total.credited - total.charged),
               less == 0 ? "" : named_sum("spent before", currency, less), "Back", "Next"));
  }
  return screens;
}

}  // namespace

std::vector<Screen> words_screens(std::string_view text) {
  std::vector<std::string> words = words_of(text);
  for (size_t n = 0; n < words.size(); ++n) {
    std::string numbered = std::to_string(n + 1);
    numbered += ' ';
    words[n] = numbered.append(words[n]);
  }
  words.resize((words.size() + kWordsAtOnce - 1) / kWordsAtOnce * kWordsAtOnce);
  std::vector<Screen> screens;
  for (size_t n = 0; n < words.size(); n += kWordsAtOnce) {
    const bool last = n + kWordsAtOnce >= words.size();
    screens.push_back(
        screen(words[n], words[n + 1], words[n + 2], "Cancel", last ? "Noted" : "Next"));
  }
  return screens;
}

Screen missing_cheques_screen(size_t orders) {
  return screen("Cheques missing in", right(std::to_string(orders) + " orders"),
                "None can be claimed.", "Back", "Next");
}

std::vector<Screen> found_screens(std::span<const wallet::Found> found) {
  std::vector<Screen> screens;
  for (const wallet::Found& each : found) {
    screens.push_back(screen(named_sum("Found " + each.currency, each.currency, each.unspent),
                             named_sum("In used coins", each.currency, each.partly_unspent),
                             named_sum("Cheques' loads", each.currency, each.loaded), "Back",
                             "Next"));
    if (each.missing_cheques > 0) screens.push_back(missing_cheques_screen(each.missing_cheques));
    if (each.expired > 0) {
      screens.push_back(screen("Too old to claim:", right(amount_text(each.currency, each.expired)),
                               "", "Back", "Next"));
    }
  }
  if (screens.empty()) screens.push_back(screen("Nothing was found", "", "", "Back", "Next"));
  return screens;
}

Screen used_coins_screen(std::string_view currency, uint64_t amount) {
  return screen(named_sum("Used coins too?", currency, amount), "The issuer will see",
                "what they paid.", "No", "Yes");
}

Screen cheques_screen(std::string_view currency, uint64_t loaded) {
  return screen(named_sum("Cheques? Up to", currency, loaded), "The issuer will see",
                "what they all paid.", "No", "Yes");
}

std::vector<Screen> claim_screens(std::span<const wallet::ClaimView> claims) {
  std::vector<Screen> screens;
  for (size_t n = claims.size(); n-- > 0;) {
    for (Screen& each : claim_screens_of(claims[n])) screens.push_back(std::move(each));
  }
  if (screens.empty()) screens.push_back(screen("No claims", "", "", "Back", "Next"));
  return screens;
}

}  // namespace cafe::face
