#include "device-sim/host/recovery.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "device-sim/host/errands.h"
#include "libs/protocol/backup.h"
#include "libs/protocol/hotlist.h"

namespace cafe::host {

using protocol::Bytes;
using protocol::CoinPrefix;
using protocol::SignedDocument;
using wallet::ClaimStatus;

namespace {

constexpr int kRounds = 16;  // of claims, where the issuer refuses one for the sake of a coin

absl::Status declined() {
  return protocol::make_error(absl::StatusCode::kCancelled, "OWNER_DECLINED",
                              "The owner leaves it for now.");
}

// What the operator does instead, or has been done for a successor that was lost in its turn.
bool is_anothers(const absl::Status& status) {
  const std::string reason = protocol::reason_of(status);
  return reason == "NO_CARD" || reason == "REPLACED_BEFORE";
}

absl::Status replace(wallet::Recovery& recovery, Backend& backend) {
  if (recovery.replaced()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const wallet::SignedReplacement asked, recovery.replacement(now_ms()));
  CAFE_ASSIGN_OR_RETURN(const Certified replaced,
                        backend.replace_account(asked.document, asked.consent));
  return recovery.on_replaced(replaced.document, replaced.key_certificate);
}

// From the newest list backwards, as long as an order names what none of them has.
absl::Status learn_old_lists(const wallet::Wallet& wallet, wallet::Recovery& recovery,
                             Backend& backend) {
  if (wallet.list() == nullptr) return absl::OkStatus();
  for (uint32_t number = wallet.list()->number - 1; number > 0; --number) {
    if (recovery.unknown_denominations().empty()) break;
    CAFE_ASSIGN_OR_RETURN(const IssuerInfo older, backend.denominations(number));
    CAFE_RETURN_IF_ERROR(recovery.accept_list(older.list));
  }
  return absl::OkStatus();
}

void rebuild(wallet::Recovery& recovery, uint32_t threads) {
  const size_t orders = recovery.orders();
  size_t workers = threads > 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
  workers = std::max<size_t>(1, std::min(workers, orders));
  const size_t each = (orders + workers - 1) / workers;
  std::vector<std::thread> running;
  for (size_t n = 1; n < workers; ++n) {
    running.emplace_back([&recovery, n, each] { recovery.rebuild(n * each, (n + 1) * each); });
  }
  recovery.rebuild(0, each);
  for (std::thread& worker : running) worker.join();
}

absl::Status list_and_rebuild(const wallet::Wallet& wallet, wallet::Recovery& recovery,
                              Backend& backend, const RecoveryOptions& options) {
  while (!recovery.listed()) {
    CAFE_ASSIGN_OR_RETURN(const Bytes query, recovery.orders_query(now_ms()));
    CAFE_ASSIGN_OR_RETURN(const wallet::ListedOrders page, backend.list_orders(query));
    CAFE_RETURN_IF_ERROR(recovery.on_orders(page));
  }
  CAFE_RETURN_IF_ERROR(learn_old_lists(wallet, recovery, backend));
  rebuild(recovery, options.threads);
  const auto failed = recovery.failed_orders();
  const bool nothing = recovery.orders() > 0 && failed.size() == recovery.orders();
  return nothing ? failed.front().why : absl::OkStatus();
}

// One question at a random moment.
struct LookUp {
  CoinPrefix prefix;
  uint64_t at_ms;
  uint64_t answered_ms = 0;
  absl::StatusOr<Certified> answer = absl::UnknownError("not asked");
};

// Several at once, each at its moment or as soon after it as a hand is free.
void ask_all(std::vector<LookUp>& questions, Backend& backend, uint32_t hands) {
  std::mutex mutex;
  size_t next = 0;
  const auto ask = [&] {
    for (;;) {
      LookUp* mine = nullptr;
      {
        const std::lock_guard lock(mutex);
        if (next == questions.size()) return;
        mine = &questions[next++];
      }
      const uint64_t at_ms = now_ms();
      if (mine->at_ms > at_ms) {
        std::this_thread::sleep_for(std::chrono::milliseconds(mine->at_ms - at_ms));
      }
      mine->answer = backend.look_up(mine->prefix);
      mine->answered_ms = now_ms();
    }
  };
  std::vector<std::thread> helpers;
  for (uint32_t n = 1; n < std::min<size_t>(hands, questions.size()); ++n) {
    helpers.emplace_back(ask);
  }
  ask();
  for (std::thread& helper : helpers) helper.join();
}

// An answer is as old as the question: they may have been spread over hours.
absl::Status take(wallet::Recovery& recovery, const LookUp& asked) {
  if (protocol::reason_of(asked.answer.status()) == "PREFIX_TOO_SHORT") {
    return recovery.on_too_short(asked.prefix);
  }
  CAFE_RETURN_IF_ERROR(asked.answer.status());
  return recovery.on_spent(asked.prefix, asked.answer->document, asked.answer->key_certificate,
                           asked.answered_ms);
}

absl::Status look_up_all(wallet::Recovery& recovery, Backend& backend,
                         const RecoveryOptions& options) {
  protocol::SystemRng rng;
  while (!recovery.looked_up()) {
    CAFE_ASSIGN_OR_RETURN(const std::vector<CoinPrefix> prefixes, recovery.to_ask());
    const uint64_t from_ms = now_ms();
    std::vector<LookUp> questions;
    for (const CoinPrefix& prefix : prefixes) {
      const uint64_t wait_ms =
          protocol::decode_u64(rng.array<8>()) % (uint64_t{options.spread_ms} + 1);
      questions.push_back({prefix, from_ms + wait_ms});
    }
    std::stable_sort(questions.begin(), questions.end(),
                     [](const LookUp& a, const LookUp& b) { return a.at_ms < b.at_ms; });
    ask_all(questions, backend, options.look_ups_at_once);
    absl::Status first_error;
    for (const LookUp& asked : questions) first_error.Update(take(recovery, asked));
    CAFE_RETURN_IF_ERROR(first_error);
  }
  return absl::OkStatus();
}

absl::Status send_claims(wallet::Wallet& wallet, Backend& backend) {
  wallet::Claims claims(wallet);
  for (const wallet::ClaimView& view : claims.all()) {
    if (view.status != ClaimStatus::kFiled) continue;
    CAFE_ASSIGN_OR_RETURN(const Bytes bytes, claims.bytes(view.digest));
    CAFE_ASSIGN_OR_RETURN(const ClaimAnswer answer, backend.file_claim(bytes));
    const auto& [document, key_certificate] = answer.answer;
    CAFE_RETURN_IF_ERROR(answer.refused ? claims.on_refusal(document, key_certificate)
                                        : claims.on_receipt(document, key_certificate));
  }
  return absl::OkStatus();
}

// Asks what became of a claim.
absl::Status follow(wallet::Claims& claims, const protocol::Bytes32& digest, Backend& backend) {
  CAFE_ASSIGN_OR_RETURN(const Bytes query, claims.query(digest, now_ms()));
  CAFE_ASSIGN_OR_RETURN(const Bytes file, backend.get_claim(query));
  return claims.on_claim_file(file);
}

// Whether the issuer took any of these.
size_t taken(wallet::Wallet& wallet, const std::vector<protocol::Bytes32>& digests) {
  size_t held = 0;
  for (const wallet::ClaimView& view : wallet::Claims(wallet).all()) {
    const bool named = std::find(digests.begin(), digests.end(), view.digest) != digests.end();
    if (named && view.status >= ClaimStatus::kHeld) ++held;
  }
  return held;
}

// All of them together: one claim, which the issuer took.
bool cheques_claimed(wallet::Wallet& wallet, const protocol::AccountId& account) {
  const std::vector<wallet::ClaimView> claims = wallet::Claims(wallet).all();
  return std::any_of(claims.begin(), claims.end(), [&](const wallet::ClaimView& claim) {
    return claim.account == account && claim.kind == protocol::ClaimKind::kCheques &&
           claim.status >= ClaimStatus::kHeld;
  });
}

// Whether the seed is of no more use: every order was rebuilt, and everything in them is claimed.
bool nothing_left(wallet::Wallet& wallet, const wallet::Recovery& recovery) {
  if (!recovery.failed_orders().empty()) return false;
  const bool cheques = cheques_claimed(wallet, recovery.account());
  const std::vector<wallet::Found> found = recovery.found(now_ms() / 1000);
  return std::all_of(found.begin(), found.end(), [&](const wallet::Found& each) {
    return each.unspent == 0 && each.partly_unspent == 0 && (each.loaded == 0 || cheques);
  });
}

absl::Status run_recovery(wallet::Wallet& wallet, wallet::Recovery& recovery, Backend& backend,
                          const Choose& choose, const RecoveryOptions& options, Recovered& out) {
  const absl::Status reported = report_loss(recovery, backend);
  if (!reported.ok() && !is_anothers(reported)) return reported;
  const absl::Status replaced = replace(recovery, backend);
  if (!replaced.ok() && !is_anothers(replaced)) return replaced;
  // What an interruption kept from the issuer goes first.
  CAFE_RETURN_IF_ERROR(send_claims(wallet, backend));
  CAFE_RETURN_IF_ERROR(list_and_rebuild(wallet, recovery, backend, options));
  CAFE_RETURN_IF_ERROR(look_up_all(recovery, backend, options));
  out.failed = recovery.failed_orders();
  out.found = recovery.found(now_ms() / 1000);
  const auto consent = choose(out.found);
  if (!consent) return declined();
  for (int round = 0; round < kRounds; ++round) {
    CAFE_ASSIGN_OR_RETURN(const auto digests, recovery.claim(*consent, now_ms()));
    if (digests.empty()) break;
    CAFE_RETURN_IF_ERROR(send_claims(wallet, backend));
    const size_t held = taken(wallet, digests);
    out.claims += held;
    if (held == digests.size()) break;
  }
  return nothing_left(wallet, recovery) ? recovery.finish() : absl::OkStatus();
}

}  // namespace

absl::Status report_loss(wallet::Recovery& recovery, Backend& backend) {
  if (recovery.loss_recorded()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const Bytes report, recovery.loss_report(now_ms()));
  CAFE_ASSIGN_OR_RETURN(const Certified recorded, backend.report_loss(report));
  return recovery.on_loss_recorded(recorded.document, recorded.key_certificate);
}

absl::StatusOr<Recovered> recover(wallet::Wallet& wallet, wallet::Recovery& recovery,
                                  Backend& backend, const Choose& choose,
                                  const RecoveryOptions& options) {
  Recovered out;
  CAFE_RETURN_IF_ERROR(wallet.with_one_pin(
      [&] { return run_recovery(wallet, recovery, backend, choose, options, out); }));
  return out;
}

absl::StatusOr<size_t> claim_payments(wallet::Wallet& wallet, Backend& backend,
                                      const RecoveryOptions& options) {
  size_t claims = 0;
  CAFE_RETURN_IF_ERROR(wallet.with_one_pin([&]() -> absl::Status {
    CAFE_RETURN_IF_ERROR(send_claims(wallet, backend));
    CAFE_ASSIGN_OR_RETURN(const auto recovery, wallet::Recovery::of_own_payments(wallet));
    CAFE_RETURN_IF_ERROR(list_and_rebuild(wallet, *recovery, backend, options));
    CAFE_RETURN_IF_ERROR(look_up_all(*recovery, backend, options));
    CAFE_ASSIGN_OR_RETURN(const auto digests, recovery->claim_payments(now_ms()));
    CAFE_RETURN_IF_ERROR(send_claims(wallet, backend));
    claims = taken(wallet, digests);
    return absl::OkStatus();
  }));
  return claims;
}

absl::Status follow_claims(wallet::Wallet& wallet, Backend& backend) {
  return wallet.with_one_pin([&]() -> absl::Status {
    absl::Status first = send_claims(wallet, backend);
    if (absl::IsUnavailable(first)) return first;
    wallet::Claims claims(wallet);
    for (const wallet::ClaimView& view : claims.all()) {
      if (view.status != ClaimStatus::kHeld && view.status != ClaimStatus::kCredited) continue;
      const absl::Status followed = follow(claims, view.digest, backend);
      first.Update(followed);
      if (absl::IsUnavailable(followed)) break;
    }
    return first;
  });
}

absl::Status back_up(wallet::Wallet& wallet, Backend& backend, const ShowWords& show) {
  CAFE_ASSIGN_OR_RETURN(const wallet::DrawnBackup drawn, wallet.draw_backup());
  // First: a backup whose words nobody knows would take the place of one that somebody does.
  if (!show(drawn.words)) return declined();
  CAFE_ASSIGN_OR_RETURN(const Certified kept, backend.put_backup(drawn.backup));
  return wallet.on_backup_kept(kept.document, kept.key_certificate);
}

absl::StatusOr<FetchedSeed> fetch_backup(Backend& backend, const std::string& issuer_id,
                                         const std::string& words, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(const auto key, protocol::BackupKey::from_words(words));
  const protocol::SigningKey holder = key.holder_key();
  const protocol::BackupQuery query{issuer_id, holder.public_key(), now_ms};
  CAFE_ASSIGN_OR_RETURN(const Bytes found,
                        backend.get_backup(SignedDocument::sign(query.encode(), holder).encode()));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(found));
  CAFE_ASSIGN_OR_RETURN(const auto backup, protocol::Backup::decode(document.frame));
  if (backup.issuer_id != issuer_id) {
    return protocol::invalid("BAD_ISSUER_ID", "The backup is of another issuer's account.");
  }
  CAFE_ASSIGN_OR_RETURN(const protocol::Seed seed, protocol::open_backup(key, backup));
  return FetchedSeed{backup.account, seed};
}

absl::Status fetch_hotlist(pos::Terminal& terminal, Backend& backend) {
  if (!backend.knows_recovery()) return absl::OkStatus();
  const std::string& issuer_id = terminal.certificate().acquirer_id;
  for (;;) {
    const uint64_t held = terminal.hotlist_edition(issuer_id);
    const auto list = backend.hotlist(held);
    if (held > 0 && protocol::reason_of(list.status()) == "EDITION_AHEAD") {
      CAFE_RETURN_IF_ERROR(terminal.restart_hotlist(issuer_id));
      continue;
    }
    CAFE_RETURN_IF_ERROR(list.status());
    CAFE_RETURN_IF_ERROR(
        terminal.accept_hotlist(list->document, list->key_certificate, now_ms() / 1000));
    if (terminal.hotlist_edition(issuer_id) == held) return absl::OkStatus();
  }
}

}  // namespace cafe::host
