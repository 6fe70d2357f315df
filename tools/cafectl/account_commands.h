// The commands of `cafectl account` that have files of their own.
#pragma once

#include "tools/cafectl/command.h"

namespace cafe::cafectl {

void register_lost_accounts(CLI::App& account, Context& context);  // lost, replace
void register_account_show(CLI::App& account, Context& context);   // show

}  // namespace cafe::cafectl
