// The value of a variable in a row of the table `dialog_variable`.
#pragma once
#include "dialog/variable_set.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {

// From the columns `type` and `value`. Its text holds until the next step. A type that is not known is text.
VariableValue read_variable(Statement &row, int type, int value);

} // namespace tandem
