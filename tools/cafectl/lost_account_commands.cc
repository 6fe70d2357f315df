// cafectl account lost, replace: for a holder whose key is gone and who identified herself.
#include "libs/protocol/loss.h"
#include "tools/cafectl/account_commands.h"
#include "tools/cafectl/service_client.h"

namespace cafe::cafectl {

namespace {

using protocol::AccountId;
using protocol::view_of;

struct ActOptions {
  std::string account;
  std::string successor;
  std::string identified_by;
  std::string out;
};

v1::OperatorAct act_of(const AccountId& account, const ActOptions& options) {
  v1::OperatorAct act;
  act.set_account_id(protocol::to_string(account));
  act.set_identified_by(options.identified_by);
  return act;
}

const char* word_of(protocol::Authority authority) {
  return authority == protocol::Authority::kOperator ? "the operator" : "its key";
}

absl::Status other_account() {
  return absl::InternalError("The service's statement is about another account.");
}

/// The holder wants the statement as it was signed.
absl::Status hand_out(const ActOptions& options, const std::string& statement) {
  if (options.out.empty()) return absl::OkStatus();
  return write_hex_file(options.out, view_of(statement));
}

absl::StatusOr<Json> report_lost(const ActOptions& options, const ServiceOptions& services) {
  CAFE_ASSIGN_OR_RETURN(const auto account, parse_id<AccountId>("ACCOUNT", options.account));
  CAFE_ASSIGN_OR_RETURN(const auto stub, connect_withdrawal(services));
  v1::ReportLossRequest request;
  *request.mutable_act() = act_of(account, options);
  v1::ReportLossResponse response;
  CAFE_RETURN_IF_ERROR(platform::call_unary(operator_call(), [&](grpc::ClientContext* context) {
    return stub->ReportLoss(context, request, &response);
  }));
  CAFE_ASSIGN_OR_RETURN(const auto document,
                        protocol::SignedDocument::decode(view_of(response.recorded())));
  CAFE_ASSIGN_OR_RETURN(const auto recorded, protocol::LossRecorded::decode(document.frame));
  if (recorded.account != account) return other_account();
  CAFE_RETURN_IF_ERROR(hand_out(options, response.recorded()));
  return Json{{"account", account.hex()},
              {"lost", format_time(recorded.time_ms / 1000)},
              {"on the word of", word_of(recorded.authority)},
              {"last order", recorded.last_order},
              {"last load", recorded.last_load},
              {"statement", protocol::to_hex(view_of(response.recorded()))}};
}

absl::StatusOr<Json> replace(const ActOptions& options, const ServiceOptions& services) {
  CAFE_ASSIGN_OR_RETURN(const auto lost, parse_id<AccountId>("LOST", options.account));
  CAFE_ASSIGN_OR_RETURN(const auto successor, parse_id<AccountId>("NEW", options.successor));
  CAFE_ASSIGN_OR_RETURN(const auto stub, connect_withdrawal(services));
  v1::ReplaceAccountRequest request;
  *request.mutable_act() = act_of(lost, options);
  request.set_successor_id(protocol::to_string(successor));
  v1::ReplaceAccountResponse response;
  CAFE_RETURN_IF_ERROR(platform::call_unary(operator_call(), [&](grpc::ClientContext* context) {
    return stub->ReplaceAccount(context, request, &response);
  }));
  CAFE_ASSIGN_OR_RETURN(const auto document,
                        protocol::SignedDocument::decode(view_of(response.replaced())));
  CAFE_ASSIGN_OR_RETURN(const auto replaced, protocol::Replaced::decode(document.frame));
  if (replaced.lost != lost || replaced.successor != successor) return other_account();
  CAFE_RETURN_IF_ERROR(hand_out(options, response.replaced()));
  return Json{{"account", lost.hex()},
              {"successor", successor.hex()},
              {"replaced", format_time(replaced.time_ms / 1000)},
              {"on the word of", word_of(replaced.authority)},
              {"statement", protocol::to_hex(view_of(response.replaced()))}};
}

}  // namespace

void register_lost_accounts(CLI::App& account, Context& context) {
  auto options = std::make_shared<ActOptions>();
  auto services = std::make_shared<ServiceOptions>();
  const auto common = [&](CLI::App* command) {
    command
        ->add_option("--identified-by", options->identified_by,
                     "How and by whom the holder was identified: 1 to 200 bytes, kept for good")
        ->required();
    command->add_option("--out", options->out,
                        "Also write the signed statement to this file, for the holder");
    add_service_options(*command, services);
  };
  CLI::App* command =
      add_command(account, context, "lost",
                  "Close the account of a wallet that is lost, for a holder who identified herself",
                  [options, services] { return report_lost(*options, *services); });
  command->add_option("ACCOUNT", options->account, "Account id, 64 hexadecimal digits")->required();
  common(command);
  command = add_command(account, context, "replace",
                        "Let a new account of the same holder take the place of a lost one",
                        [options, services] { return replace(*options, *services); });
  command->add_option("LOST", options->account, "Account id of the lost one")->required();
  command->add_option("NEW", options->successor, "Account id of the new one, which is open")
      ->required();
  common(command);
}

}  // namespace cafe::cafectl
