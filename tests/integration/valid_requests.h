// One request at least for each method of every service that it accepts, and that changes nothing
// any more: all of it has happened already. What is made from them by altering is as close to the
// real thing as can be.
#pragma once

#include <google/protobuf/message.h>

#include "tests/support/cluster.h"

namespace cafe::testing {

struct ValidRequest {
  std::string service;  // "deposit"
  std::string method;   // "/cafe.v1.Deposit/Authorize"
  std::string caller;   // whose certificate lets it in; empty: anyone
  std::shared_ptr<const google::protobuf::Message> message;
  // The method believes its caller, so that an altered request may well be another right one. Only
  // what breaks a rule of the method for sure is malformed.
  bool trusts_caller = false;

  std::string bytes() const { return message->SerializeAsString(); }
};

// Lets wallets register, withdraw, pay and spend twice at the cluster, and lose one, until nothing
// is under way.
absl::StatusOr<std::vector<ValidRequest>> make_valid_requests(Cluster& cluster);

}  // namespace cafe::testing
