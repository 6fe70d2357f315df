#include "services/doublespend/doublespend_service.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "libs/platform/log.h"
#include "libs/platform/request_scope.h"
#include "libs/protocol/status.h"
#include "services/doublespend/answers.h"
#include "services/doublespend/requests.h"

namespace cafe::doublespend {
namespace {

using platform::CallInfo;
using platform::LateCall;
using platform::require_caller;
using platform::serve_late;
using platform::serve_unary;
using protocol::to_string;

// What became of each payment, under the id of the call that asked for it.
void log_reservations(const v1::ReserveRequest& request, const v1::ReserveResponse& response,
                      const absl::Status& status) {
  for (int i = 0; i < request.payments_size(); ++i) {
    const std::string& id = request.payments(i).request_id();
    if (!platform::is_valid_request_id(id)) continue;
    const platform::RequestScope scope(id);
    if (status.ok()) {
      platform::log_debug("reservation", {{"granted", response.reservations(i).granted()}});
    } else {
      platform::log_warning("no reservation", {{"status", status}});
    }
  }
}

// Coins that look-ups ask the database for in one statement; a single call may ask for half as
// many.
constexpr size_t kCoinsAtOnce = 2'000;

absl::Status rate_limited() {
  return protocol::make_error(absl::StatusCode::kResourceExhausted, "RATE_LIMITED",
                              "Too many look-ups from this address: spread them in time.");
}

}  // namespace

DoubleSpendService::DoubleSpendService(platform::UnaryRuntime& runtime, platform::Metrics& metrics,
                                       ServiceParts parts)
    : runtime_(runtime),
      parts_(std::move(parts)),
      reservations_({.name = "reserve", .threads = 2, .largest = 16, .limits = parts_.limits},
                    parts_.clock, metrics,
                    [this](std::vector<ReserveCall> batch) { reserve(std::move(batch)); }),
      lookups_({.name = "lookup", .threads = 2, .largest = 64, .limits = parts_.limits},
               parts_.clock, metrics,
               [this](std::vector<LookupCall> batch) { look_up(std::move(batch)); }),
      prefix_lookups_(
          {.name = "prefix", .threads = 2, .largest = 16, .limits = parts_.limits}, parts_.clock,
          metrics, [this](std::vector<PrefixCall> batch) { look_up_prefixes(std::move(batch)); }) {}

grpc::ServerUnaryReactor* DoubleSpendService::Record(grpc::CallbackServerContext* context,
                                                     const v1::RecordRequest* request,
                                                     v1::RecordResponse* response) {
  return serve_late(runtime_, "DoubleSpend/Record", context,
                    [&](const std::shared_ptr<LateCall>& call) -> absl::Status {
                      CAFE_RETURN_IF_ERROR(require_caller(call->info(), {"deposit", "settlement"}));
                      return start_record(*request, response, call);
                    });
}

grpc::ServerUnaryReactor* DoubleSpendService::Reserve(grpc::CallbackServerContext* context,
                                                      const v1::ReserveRequest* request,
                                                      v1::ReserveResponse* response) {
  return serve_late(runtime_, "DoubleSpend/Reserve", context,
                    [&](const std::shared_ptr<LateCall>& call) -> absl::Status {
                      CAFE_RETURN_IF_ERROR(require_caller(call->info(), {"deposit", "settlement"}));
                      CAFE_ASSIGN_OR_RETURN(
                          std::vector<ReserveOrder> orders,
                          read_reserve(*request, platform::unix_ms(parts_.clock)));
                      return reservations_.submit(call->info().deadline, request->ByteSizeLong(),
                                                  {std::move(orders), request, response, call});
                    });
}

grpc::ServerUnaryReactor* DoubleSpendService::Lookup(grpc::CallbackServerContext* context,
                                                     const v1::LookupRequest* request,
                                                     v1::LookupResponse* response) {
  return serve_late(runtime_, "DoubleSpend/Lookup", context,
                    [&](const std::shared_ptr<LateCall>& call) -> absl::Status {
                      CAFE_ASSIGN_OR_RETURN(std::vector<protocol::CoinId> coins,
                                            read_lookup(*request));
                      return lookups_.submit(call->info().deadline, request->ByteSizeLong(),
                                             {std::move(coins), context->peer(), response, call});
                    });
}

grpc::ServerUnaryReactor* DoubleSpendService::LookupPrefix(grpc::CallbackServerContext* context,
                                                           const v1::LookupPrefixRequest* request,
                                                           v1::LookupPrefixResponse* response) {
  return serve_late(runtime_, "DoubleSpend/LookupPrefix", context,
                    [&](const std::shared_ptr<LateCall>& call) -> absl::Status {
                      CAFE_ASSIGN_OR_RETURN(const protocol::CoinPrefix prefix,
                                            read_prefix(*request));
                      return prefix_lookups_.submit(call->info().deadline, request->ByteSizeLong(),
                                                    {prefix, context->peer(), response, call});
                    });
}

grpc::ServerUnaryReactor* DoubleSpendService::MarkClaimed(grpc::CallbackServerContext* context,
                                                          const v1::MarkClaimedRequest* request,
                                                          v1::MarkClaimedResponse* response) {
  return serve_unary(runtime_, "DoubleSpend/MarkClaimed", context, request, response,
                     [this](const CallInfo& call, const v1::MarkClaimedRequest& request,
                            v1::MarkClaimedResponse&) -> absl::Status {
                       CAFE_RETURN_IF_ERROR(require_caller(call, {"recovery"}));
                       return mark_claimed(request);
                     });
}

grpc::ServerUnaryReactor* DoubleSpendService::Locate(grpc::CallbackServerContext* context,
                                                     const v1::LocateRequest* request,
                                                     v1::LocateResponse* response) {
  return serve_unary(runtime_, "DoubleSpend/Locate", context, request, response,
                     [this](const CallInfo& call, const v1::LocateRequest& request,
                            v1::LocateResponse& response) -> absl::Status {
                       CAFE_RETURN_IF_ERROR(require_caller(call, {"recovery", "operator"}));
                       return locate(request, response);
                     });
}

grpc::ServerUnaryReactor* DoubleSpendService::GetCase(grpc::CallbackServerContext* context,
                                                      const v1::GetCaseRequest* request,
                                                      v1::GetCaseResponse* response) {
  return serve_unary(runtime_, "DoubleSpend/GetCase", context, request, response,
                     [this](const CallInfo& call, const v1::GetCaseRequest& request,
                            v1::GetCaseResponse& response) -> absl::Status {
                       CAFE_RETURN_IF_ERROR(require_caller(call, {"operator", "deposit"}));
                       return get_case(request, response);
                     });
}

grpc::ServerUnaryReactor* DoubleSpendService::ListCases(grpc::CallbackServerContext* context,
                                                        const v1::ListCasesRequest* request,
                                                        v1::ListCasesResponse* response) {
  return serve_unary(runtime_, "DoubleSpend/ListCases", context, request, response,
                     [this](const CallInfo& call, const v1::ListCasesRequest& request,
                            v1::ListCasesResponse& response) -> absl::Status {
                       CAFE_RETURN_IF_ERROR(require_caller(call, {"operator", "deposit"}));
                       return list_cases(request, response);
                     });
}

absl::Status DoubleSpendService::start_record(const v1::RecordRequest& request,
                                              v1::RecordResponse* response,
                                              std::shared_ptr<LateCall> call) {
  CAFE_ASSIGN_OR_RETURN(std::vector<SpendRow> rows,
                        read_record(request, platform::unix_seconds(parts_.clock)));
  const absl::Time deadline = call->info().deadline;
  return parts_.commits.submit(std::move(rows), deadline,
                               [call = std::move(call), response,
                                on_double = parts_.on_double](const GroupCommit::Result& verdicts) {
                                 if (verdicts.ok() && write_verdicts(*verdicts, *response))
                                   on_double();
                                 call->finish(verdicts.status());
                               });
}

void DoubleSpendService::reserve(std::vector<ReserveCall> batch) {
  std::erase_if(batch, [&](const ReserveCall& call) {
    return finish_if_abandoned(*call.call, parts_.clock);
  });
  if (batch.empty()) return;
  std::vector<ReserveOrder> orders;
  for (ReserveCall& call : batch) std::ranges::move(call.orders, std::back_inserter(orders));
  const auto results = parts_.coins.reserve(orders);
  size_t next = 0;
  for (ReserveCall& call : batch) {
    const auto count = static_cast<size_t>(call.request->payments_size());
    if (results.ok()) {
      write_reservations(std::span(*results).subspan(next, count), orders[next].until_ms,
                         *call.response);
    }
    log_reservations(*call.request, *call.response, results.status());
    next += count;
    call.call->finish(results.status());
  }
}

void DoubleSpendService::look_up(std::vector<LookupCall> batch) {
  std::vector<LookupCall> allowed;
  std::vector<std::vector<protocol::CoinId>> questions;
  for (LookupCall& call : batch) {
    if (finish_if_abandoned(*call.call, parts_.clock)) continue;
    if (parts_.lookup_limit != nullptr && !parts_.lookup_limit->allow(rate_key(call.peer))) {
      call.call->finish(rate_limited());
      continue;
    }
    questions.push_back(std::move(call.coins));
    allowed.push_back(std::move(call));
  }
  // Some at a time: a statement names as many coins as a few calls do, and if it fails, they fail.
  for (size_t from = 0; from < allowed.size();) {
    size_t to = from;
    size_t coins = 0;
    do {
      coins += questions[to++].size();
    } while (to < allowed.size() && coins + questions[to].size() <= kCoinsAtOnce);
    answer_lookups(std::span(allowed).subspan(from, to - from),
                   {std::move_iterator(questions.begin() + static_cast<std::ptrdiff_t>(from)),
                    std::move_iterator(questions.begin() + static_cast<std::ptrdiff_t>(to))});
    from = to;
  }
}

void DoubleSpendService::answer_lookups(std::span<LookupCall> calls,
                                        std::vector<std::vector<protocol::CoinId>> questions) {
  const auto answers = parts_.lookups.answer_all(std::move(questions));
  for (size_t i = 0; i < calls.size(); ++i) {
    if (answers.ok()) {
      calls[i].response->set_answer(to_string((*answers)[i].encode()));
      calls[i].response->set_key_certificate(to_string(parts_.lookups.key_certificate().encode()));
    }
    calls[i].call->finish(answers.status());
  }
}

void DoubleSpendService::look_up_prefixes(std::vector<PrefixCall> batch) {
  std::erase_if(batch, [&](const PrefixCall& call) {
    if (finish_if_abandoned(*call.call, parts_.clock)) return true;
    if (parts_.prefix_limit == nullptr || parts_.prefix_limit->allow(rate_key(call.peer))) {
      return false;
    }
    call.call->finish(rate_limited());
    return true;
  });
  if (batch.empty()) return;
  std::vector<protocol::CoinPrefix> prefixes;
  for (const PrefixCall& call : batch) prefixes.push_back(call.prefix);
  const auto answers = parts_.prefixes.answer_all(prefixes);
  for (size_t i = 0; i < batch.size(); ++i) {
    const absl::Status status = answers.ok() ? (*answers)[i].status() : answers.status();
    if (status.ok()) {
      batch[i].response->set_answer(to_string((*answers)[i]->encode()));
      batch[i].response->set_key_certificate(to_string(parts_.prefixes.key_certificate().encode()));
    }
    batch[i].call->finish(status);
  }
}

absl::Status DoubleSpendService::mark_claimed(const v1::MarkClaimedRequest& request) {
  CAFE_ASSIGN_OR_RETURN(const std::vector<ClaimedCoin> coins,
                        read_mark_claimed(request, platform::unix_seconds(parts_.clock)));
  CAFE_RETURN_IF_ERROR(parts_.claims.mark(request.claim(), coins));
  platform::log_info("slots claimed", {{"claim", request.claim()}, {"coins", coins.size()}});
  return absl::OkStatus();
}

absl::Status DoubleSpendService::locate(const v1::LocateRequest& request,
                                        v1::LocateResponse& response) {
  CAFE_ASSIGN_OR_RETURN(const std::vector<protocol::CoinId> coins, read_locate(request));
  CAFE_ASSIGN_OR_RETURN(const std::vector<LocatedSpend> spends, parts_.claims.locate(coins));
  write_located(spends, response);
  return absl::OkStatus();
}

absl::Status DoubleSpendService::get_case(const v1::GetCaseRequest& request,
                                          v1::GetCaseResponse& response) {
  CAFE_ASSIGN_OR_RETURN(const StoredCase found, parts_.cases.get(request.number()));
  write_summary(found.summary, *response.mutable_summary());
  response.set_signed_case(to_string(found.signed_case));
  return absl::OkStatus();
}

absl::Status DoubleSpendService::list_cases(const v1::ListCasesRequest& request,
                                            v1::ListCasesResponse& response) {
  if (request.limit() < 1 || request.limit() > kMaxListedCases) {
    return protocol::invalid("BAD_LIMIT", "limit is 1 to 1,000; go on after the last number.");
  }
  CAFE_ASSIGN_OR_RETURN(const std::vector<CaseSummary> cases,
                        parts_.cases.list(request.after_number(), request.limit()));
  for (const CaseSummary& summary : cases) {
    write_summary(summary, *response.add_cases());
  }
  return absl::OkStatus();
}

}  // namespace cafe::doublespend
