#include "device-sim/firmware/face/reasons.h"

#include <algorithm>
#include <array>
#include <utility>

#include "device-sim/firmware/face/screen.h"

namespace cafe::face {

namespace {

using Words = std::pair<std::string_view, std::string_view>;

// By what the owner can do about it. Texts of 60 characters at most that wrap into three lines.
constexpr std::array kWords = std::to_array<Words>({
    // She can do something.
    {"AMOUNT_NOT_PAYABLE", "Your money does not make up this sum. Withdraw."},
    {"SELECTION_TOO_HARD", "Too many coins for this sum: pay another sum."},
    {"COUNTER_TOO_LOW", "Your cheques are used up. Load some money."},
    {"INSUFFICIENT_FUNDS", "Your account holds too little for that."},
    {"AMOUNT_ZERO", "Nothing to pay: enter a sum."},
    {"AMOUNT_OVERFLOW", "This sum is too large."},
    {"NOT_PLANNABLE", "Too large for coins: smaller sum, or cheques."},
    {"NOT_REGISTERED", "No account yet: register first."},
    {"ALREADY_REGISTERED", "You have an account already."},
    {"LIST_NOT_CONFIRMED", "Visit a shop first: it shows you its lists."},
    {"ORDER_PENDING", "A withdrawal is not finished: finish it."},
    {"LOAD_PENDING", "A load is not finished: finish it."},
    {"PAY_BACK_PENDING", "A pay-back is not finished: finish it."},
    {"GUARDIAN_FULL", "The wallet is full: spend or pay back some."},
    {"STORE_FULL", "The memory is full: spend or pay back some."},
    {"CHEQUE_CAP", "Too many blank cheques: use some first."},
    {"TERMS_STALE", "The bill is old. Ask for a new one."},
    {"OFFER_EXPIRED", "The bill is old. Ask for a new one."},
    {"STALE_ANSWER", "That took too long. Try again."},
    {"ORDER_FAILED", "That did not work. Try again later."},
    {"LINK_DOWN", "Connection lost. Hold it there again."},
    {"LINE_DEAD", "Connection lost. Hold it there again."},
    {"OWNER_DECLINED", "You cancelled."},
    {"IDENTIFICATION_DECLINED", "You cancelled: your name stays unknown."},
    {"BILL_WITHDRAWN", "The shop cancelled the bill."},
    {"HUNG_UP", "The call was not begun."},
    {"CALL_ENDED", "The call is over."},
    {"CALL_NOT_OPEN", "No call is open."},
    {"CALL_TOO_LONG", "The call is over: it took too long."},
    {"TICKS_USED_UP", "This call is paid up: call once more."},
    {"AUTHORIZATION_NEEDED", "The shop must ask the issuer for this sum."},
    {"CURRENCY_UNSUPPORTED", "You have no money of this currency."},
    {"BAD_CURRENCY", "There is no such currency."},
    {"BAD_AMOUNT", "This is no sum of money."},
    {"NOTHING_OPEN", "The issuer has none of this currency now."},
    {"NOT_OPEN", "The issuer gives out no more of these."},
    {"DENOMINATION_NOT_OPEN", "The issuer gives out no more of these."},
    {"NO_LOAD_KEY", "This wallet takes no loads for cheques."},
    {"RATE_LIMITED", "Too many attempts. Try again later."},
    {"QUEUE_FULL", "The issuer is busy. Try again later."},
    {"DATABASE_DOWN", "The issuer is away. Try again later."},
    {"SERVICE_AWAY", "The issuer is away. Try again later."},
    {"ACCOUNT_CLOSED", "Your account is closed. Ask issuer."},
    // PINs.
    {"PIN_BLOCKED", "The PIN is blocked: unblock it by the PUK."},
    {"PUK_BLOCKED", "PUK blocked for good: report a loss, claim."},
    {"PIN_NEEDED", "That needs your payment PIN: unlock it."},
    {"PINS_ALIKE", "The two PINs must not be alike."},
    {"PINS_SET", "The wallet is set up already."},
    {"BAD_PIN", "A PIN is 4 to 12 digits."},
    {"NO_PIN", "There is no payment PIN: set one."},
    {"ALLOWANCE_TOO_LARGE", "So much cannot be unlocked."},
    // A loss.
    {"BACKUP_MISMATCH", "The issuer keeps another backup. Do it again."},
    {"BAD_WORDS", "These words are wrong: check them."},
    {"BAD_BACKUP", "The words do not open this backup."},
    {"NO_CARD", "Only the card or the issuer can do that."},
    {"CARD_MISMATCH", "This card is damaged."},
    {"WRONG_ISSUER", "This comes from another issuer."},
    {"OWN_ACCOUNT", "This account is not lost."},
    {"NOT_REPORTED_LOST", "Report the loss first."},
    {"REPLACED_BEFORE", "Another wallet took its place already."},
    {"NOT_THE_HOLDER", "The issuer must know you first: go there."},
    {"CROWD_TOO_SMALL", "The issuer asks too much. Try again later."},
    {"BAD_ATTACHMENT", "These are not the words of this wallet."},
    {"LISTING_GAP", "The issuer leaves something out. Complain."},
    {"LISTING_MISMATCH", "The issuer leaves something out. Complain."},
    {"WRONG_RECEIPT", "The issuer's receipt is wrong. Proof is kept."},
    {"WRONG_STATEMENT", "The issuer contradicts itself. Proof is kept."},
    {"CLAIM_ANSWERED", "The issuer contradicts itself. Proof is kept."},
    {"STATEMENT_MISMATCH", "The issuer speaks of another account."},
    {"ANSWER_MISMATCH", "The issuer answers something else."},
    {"ANSWER_STALE", "The issuer's answer is old. Try again."},
    {"WRONG_SLICE", "The issuer answers something else."},
    {"PREFIX_TOO_SHORT", "The issuer asks too much. Try again later."},
    {"NOT_REBUILT", "Recover first: the coins are not known yet."},
    {"NOT_LOOKED_UP", "Recover first: what is spent is not known."},
    {"UNKNOWN_CLAIM", "This wallet has no such claim."},
    {"CLAIM_STALE", "That took too long. Try again."},
    {"CLAIM_EXPIRED", "Too old to be claimed."},
    {"CLAIMED_BEFORE", "This was claimed before."},
    {"CLAIM_INVALID", "The issuer does not know this coin."},
    {"NOT_DUE", "Its shop can hand it in still. Try later."},
    {"ALREADY_DEPOSITED", "Its shop handed it in all the same."},
    {"ACCOUNT_CONVICTED", "This account is closed. Ask issuer."},
    {"CLAIMED", "Refused: this money was reported lost."},
    // The payee's side is wrong: pay elsewhere.
    {"BAD_SIGNATURE", "A signature is wrong. Do not trust this."},
    {"KEY_EXPIRED", "The shop's certificate is out of date."},
    {"WRONG_PURPOSE", "A certificate is not for this. Do not trust."},
    {"WRONG_PAYEE", "The bill names another shop. Do not pay."},
    {"WRONG_TERMINAL", "The bill names another till. Do not pay."},
    {"UNKNOWN_ISSUER", "Nobody you trust stands for this shop."},
    {"UNKNOWN_MANUFACTURER", "Nobody trusted made this guardian."},
    {"TARIFF_MISMATCH", "The tariff is not of this call. Do not pay."},
    {"AMOUNT_NOT_ZERO", "The call asks for more than its tariff."},
    {"PAYMENT_MISMATCH", "The answer is to another payment."},
    {"ANSWERED", "The shop answered before, otherwise."},
    {"RECEIPT_MISMATCH", "The receipt is for another deposit."},
    {"WRONG_TICKS", "The shop counts too many ticks. Complain."},
    {"TICK_ORDER", "The shop asked for a wrong tick."},
    {"UNKNOWN_TERMS", "This is not known to your wallet."},
    {"BAD_TARIFF", "This call has no proper tariff."},
    {"BAD_TICK", "Refused: a tick does not verify."},
    {"UNKNOWN_MESSAGE", "The till says what no till says."},
    {"TERMS_SETTLED", "This bill is settled already."},
    {"UNKNOWN_OFFER", "The shop does not know this bill."},
    // The issuer's side is wrong: keep the evidence.
    {"LIST_EQUIVOCATION", "The issuer lies: two lists. Proof is kept."},
    {"LIST_DIFFERS", "The shop has another list. Proof is kept."},
    {"WRONG_ANSWER", "The issuer's coins are wrong. Proof is kept."},
    {"ORDER_DISPUTED", "The issuer's coins are wrong. Proof is kept."},
    {"WRONG_LOAD", "The issuer's load is wrong. Proof is kept."},
    {"LOAD_MISMATCH", "This load is not for your order."},
    {"LOAD_CLASH", "Another load came first. Try again."},
    {"LOAD_KEY_DIFFERS", "Your guardian takes other loads only."},
    {"BAD_ISSUER_ID", "This comes from another issuer."},
    {"UNKNOWN_DENOMINATION", "The issuer's list does not have this."},
    // The device is wrong.
    {"GUARDIAN_WRONG", "The guardian is broken: to the issuer!"},
    {"GUARDIAN_REFUSED", "The guardian refused: ask the issuer."},
    {"GUARDIAN_LATE", "The guardian is slow: try again later."},
    {"GUARDIAN_ABSENT", "The guardian does not answer."},
    {"STORE_DAMAGED", "Memory is damaged: to the issuer!"},
    // Refusals of a terminal that checked the payment.
    {"SLOT_TAKEN", "Refused: the shop has this coin already."},
    {"SPEND_INVALID", "Refused: the payment does not verify."},
    {"COIN_INVALID", "Refused: a coin does not verify."},
    {"BAD_PATH", "Refused: the payment does not verify."},
    {"BAD_COMBINATION", "Refused: the payment is malformed."},
    {"AMOUNT_MISMATCH", "Refused: the sum does not match."},
    {"SPEND_DATE_PASSED", "Refused: a coin is out of date."},
    {"NOT_SPENDABLE_YET", "Refused: a coin is not valid yet."},
    {"IDENTIFICATION_NEEDED", "Refused: the shop must know your name."},
    {"IDENTIFICATION_UNASKED", "Refused: the shop may not know your name."},
    {"IDENTIFICATION_WRONG", "Refused: your name does not verify."},
});

const Words* find(std::string_view reason) {
  const auto* at = std::find_if(kWords.begin(), kWords.end(),
                                [&](const Words& words) { return words.first == reason; });
  return at == kWords.end() ? nullptr : at;
}

}  // namespace

std::vector<std::string_view> explained_reasons() {
  std::vector<std::string_view> reasons;
  for (const Words& words : kWords) reasons.push_back(words.first);
  return reasons;
}

std::vector<std::string> explain(std::string_view reason) {
  if (const Words* words = find(reason)) return wrap(words->second);
  if (reason.empty()) return wrap("Something went wrong. Try again.");
  std::vector<std::string> lines = wrap(reason);
  lines.insert(lines.begin(), "It did not work:");
  lines.resize(std::min<size_t>(lines.size(), kLines - 1));
  return lines;
}

}  // namespace cafe::face
