// Inside Rows. For the .cc files of this folder only.
#pragma once

#include <pqxx/pqxx>

#include "libs/storage/values.h"

namespace cafe::storage {

struct Row::Data {
  pqxx::result result;
};

}  // namespace cafe::storage
