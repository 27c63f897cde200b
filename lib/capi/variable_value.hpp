// A variable's value on both sides of the border. Text is borrowed.
#pragma once
#include <tandem/variable.h>
#include "dialog/variable_set.hpp"

namespace tandem::capi {

bool read_value(const tandem_value &given, VariableValue &value); // false: no type, or a text without data
tandem_value given_of(const VariableValue &value);

} // namespace tandem::capi
