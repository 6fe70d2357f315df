#include "services/doublespend/doublespend_service.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "libs/platform/log.h"
#include "libs/platform/request_scope.h"
#include "libs/protocol/status.h"
#include "services/doublespend/requests.h"

namespace cafe::doublespend {
namespace {

using platform::CallInfo;
using platform::LateCall;
using platform::require_caller;
using platform::serve_late;
using platform::serve_unary;
using protocol::to_string;

v1::RecordVerdict::Outcome to_wire(Outcome outcome) {
  switch (outcome) {
    case Outcome::kFresh:
      break;
    case Outcome::kRepeat:
      return v1::RecordVerdict::REPEAT;
    case Outcome::kDouble:
      return v1::RecordVerdict::DOUBLE;
  }
  return v1::RecordVerdict::OUTCOME_UNSPECIFIED;
}

v1::ReserveResponse::State to_wire(SlotState state) {
  switch (state) {
    case SlotState::kReserved:
      return v1::ReserveResponse::RESERVED;
    case SlotState::kSpent:
      return v1::ReserveResponse::SPENT;
    case SlotState::kSpentBySame:
      return v1::ReserveResponse::SPENT_BY_SAME;
    case SlotState::kHeld:
      return v1::ReserveResponse::HELD;
  }
  return v1::ReserveResponse::STATE_UNSPECIFIED;
}

// Names what is not fresh. Returns whether a double is among it.
bool write_verdicts(std::span<const RecordVerdict> verdicts, v1::RecordResponse& response) {
  bool any_double = false;
  response.set_rows(static_cast<uint32_t>(verdicts.size()));
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const RecordVerdict& verdict = verdicts[i];
    if (verdict.outcome == Outcome::kFresh) continue;
    v1::RecordVerdict& message = *response.add_verdicts();
    message.set_row(static_cast<uint32_t>(i));
    message.set_outcome(to_wire(verdict.outcome));
    message.set_case_number(verdict.case_number);
    message.set_other_batch(verdict.other.batch);
    message.set_other_position(verdict.other.position);
    message.set_ticks_before(verdict.ticks_before);
    if (verdict.outcome == Outcome::kDouble) {
      any_double = true;
      for (const protocol::Bytes32& part : {verdict.first.d, verdict.first.r1, verdict.first.r2}) {
        message.mutable_other_trace()->append(to_string(part));
      }
    }
  }
  return any_double;
}

void write_reservations(std::span<const ReserveResult> results, uint64_t until_ms,
                        v1::ReserveResponse& response) {
  response.set_reserved_until_ms(until_ms);
  for (const ReserveResult& result : results) {
    v1::ReserveResponse::Reservation& message = *response.add_reservations();
    message.set_granted(result.granted);
    for (const SlotState state : result.states) message.add_states(to_wire(state));
  }
}

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

void write_summary(const CaseSummary& summary, v1::CaseSummary& message) {
  message.set_number(summary.number);
  message.set_state(summary.state);
  message.set_coin_id(to_string(summary.key.coin_id));
  message.set_slot(summary.key.slot);
  if (summary.account.has_value()) {
    message.set_account_id(to_string(*summary.account));
  }
  message.set_first_of_account(summary.first_of_account);
  message.set_opened_ms(summary.opened_ms);
  message.set_note(summary.note);
}

// Coins that look-ups ask the database for in one statement; a single call may ask for half as
// many.
constexpr size_t kCoinsAtOnce = 2'000;

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
               [this](std::vector<LookupCall> batch) { look_up(std::move(batch)); }) {}

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
      call.call->finish(
          protocol::make_error(absl::StatusCode::kResourceExhausted, "RATE_LIMITED",
                               "Too many look-ups from this address: spread them in time."));
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
