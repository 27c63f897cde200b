#include "control/question_text.hpp"
#include <string_view>
#include "json/json.hpp"

namespace tandem {

// Written once: the key is the body without its first member.
QuestionText to_json_text(const Question &question) {
    const Json same = {{"from-uri", question.from.uri},
                       {"from-user-id", question.from.user},
                       {"from-display-name", question.from.display},
                       {"from-domain", question.from.domain},
                       {"to-uri", question.to.uri},
                       {"to-user-id", question.to.user},
                       {"to-display-name", question.to.display},
                       {"to-domain", question.to.domain},
                       {"request-uri", question.request.uri},
                       {"request-user-id", question.request.user},
                       {"request-domain", question.request.domain},
                       {"agent", question.agent},
                       {"source-ip", question.source_ip},
                       {"method", question.method}};
    QuestionText text;
    text.key = to_text(same);
    text.body = "{\"call-id\":" + to_text(question.call_id) + ",";
    text.body.append(std::string_view(text.key).substr(1));
    return text;
}

} // namespace tandem
