// A question as JSON: the body of the POST.
#pragma once
#include <string>
#include "call/decision.hpp"

namespace tandem {

struct QuestionText {
    std::string body;
    std::string key; // what makes two questions the same: all of the body but the Call-ID
};

QuestionText to_json_text(const Question &question);

} // namespace tandem
