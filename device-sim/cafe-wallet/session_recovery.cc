// What a person does against the loss of her wallet, and after it.
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "device-sim/cafe-wallet/session.h"
#include "device-sim/firmware/face/recovery_screens.h"
#include "device-sim/host/recovery.h"

namespace cafe::cafe_wallet {

using protocol::Bytes;

namespace {

absl::Status which(const std::string& what) {
  return protocol::invalid("UNKNOWN_COMMAND", absl::StrCat("Which ", what, "? Try help."));
}

absl::StatusOr<wallet::BackupCard> read_card(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return protocol::invalid("NO_FILE", absl::StrCat("Cannot read ", path, "."));
  const Bytes bytes{std::istreambuf_iterator<char>(in), {}};
  auto card = wallet::BackupCard::decode(bytes);
  if (card.ok()) return card;
  return protocol::invalid("CARD_MISMATCH", absl::StrCat(path, " is no backup card."));
}

}  // namespace

std::optional<absl::Status> Session::dispatch_recovery(const Words& words) {
  const std::string& what = words[0];
  if (what == "words") return back_up();
  if (what == "claims") return claims();
  if (what == "reclaim") return reclaim();
  if (what == "recover") return recover({words.begin() + 1, words.end()});
  if (what != "card" && what != "lost") return std::nullopt;
  if (words.size() < 2) return which("file");
  return what == "card" ? write_card(words[1]) : report_loss(words[1]);
}

absl::Status Session::back_up() {
  CAFE_RETURN_IF_ERROR(host::back_up(
      wallet(), backend_, [&](const std::string& words) { return face_.note_words(words); }));
  face_.tell(face::message_screen("Your words open the backup from now on."));
  return absl::OkStatus();
}

absl::Status Session::write_card(const std::string& path) {
  CAFE_ASSIGN_OR_RETURN(const Bytes card, wallet().backup_card());
  CAFE_RETURN_IF_ERROR(host::FileMemory::create(path, card));
  console_.say(absl::StrCat(
      "The card is in ", path,
      ". Whoever has it takes all your money, without a PIN: keep it apart, and as safe."));
  return absl::OkStatus();
}

absl::Status Session::report_loss(const std::string& path) {
  CAFE_ASSIGN_OR_RETURN(const wallet::BackupCard card, read_card(path));
  CAFE_ASSIGN_OR_RETURN(const auto recovery, wallet::Recovery::with_card(wallet(), card));
  CAFE_RETURN_IF_ERROR(host::report_loss(*recovery, backend_));
  face_.tell(face::message_screen("The account of the card is closed for good."));
  return absl::OkStatus();
}

// By a card, by words, or, with neither, what was begun.
absl::StatusOr<std::unique_ptr<wallet::Recovery>> Session::begin_recovery(const Words& by) {
  if (by.empty()) {
    const auto begun = wallet::Recovery::under_way(wallet());
    if (begun.empty()) return which("card or words");
    return wallet::Recovery::resume(wallet(), begun.front());
  }
  if (by[0] != "words") {
    CAFE_ASSIGN_OR_RETURN(const wallet::BackupCard card, read_card(by[0]));
    return wallet::Recovery::with_card(wallet(), card);
  }
  CAFE_ASSIGN_OR_RETURN(
      const host::FetchedSeed fetched,
      host::fetch_backup(backend_, options_.issuer_id, absl::StrJoin(by.begin() + 1, by.end(), " "),
                         host::now_ms()));
  return wallet::Recovery::with_seed(wallet(), fetched.account, fetched.coin_seed);
}

absl::Status Session::recover(const Words& by) {
  CAFE_ASSIGN_OR_RETURN(const host::IssuerInfo issuer, backend_.denominations());
  CAFE_RETURN_IF_ERROR(host::learn_issuer(wallet(), issuer));
  CAFE_ASSIGN_OR_RETURN(const auto recovery, begin_recovery(by));
  const host::Choose choose = [&](const std::vector<wallet::Found>& found) {
    face_.browse(face::found_screens(found));
    return std::optional(face_.ask_consent(found));
  };
  CAFE_ASSIGN_OR_RETURN(const host::Recovered recovered,
                        host::recover(wallet(), *recovery, backend_, choose,
                                      {.spread_ms = options_.look_up_spread_ms}));
  for (const wallet::FailedOrder& failed : recovered.failed) {
    console_.say(absl::StrCat("Order ", failed.order,
                              " yields nothing: ", std::string(failed.why.message())));
  }
  face_.browse(face::claim_screens(wallet::Claims(wallet()).all()));
  return absl::OkStatus();
}

absl::Status Session::claims() {
  const absl::Status followed = host::follow_claims(wallet(), backend_);
  face_.browse(face::claim_screens(wallet::Claims(wallet()).all()));
  return followed;
}

absl::Status Session::reclaim() {
  CAFE_ASSIGN_OR_RETURN(
      const size_t filed,
      host::claim_payments(wallet(), backend_, {.spread_ms = options_.look_up_spread_ms}));
  if (filed == 0) console_.say("No payment came to nothing, as far as can be told now.");
  face_.browse(face::claim_screens(wallet::Claims(wallet()).all()));
  return absl::OkStatus();
}

}  // namespace cafe::cafe_wallet
