#include "storage/sqlite/variable_row.hpp"

namespace tandem {
namespace {

VariableType type_of(std::string_view text) {
    for (const VariableType type : {VariableType::integer, VariableType::boolean, VariableType::bytes}) {
        if (text == to_string(type)) return type;
    }
    return VariableType::text;
}

} // namespace

VariableValue read_variable(Statement &row, int type, int value) {
    switch (type_of(row.text(type))) {
    case VariableType::text: break;
    case VariableType::bytes: return VariableValue::of_bytes(row.bytes(value));
    case VariableType::integer: return VariableValue::of_integer(row.number(value));
    case VariableType::boolean: return VariableValue::of_boolean(row.number(value) != 0);
    }
    return VariableValue::of_text(row.text(value));
}

} // namespace tandem
