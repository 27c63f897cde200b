#include <doctest/doctest.h>
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"

using namespace tandem;

TEST_CASE("record id: its text reads back, and sorts as it was made") {
    const RecordId id{0x0123456789abcdef, 0xfedcba9876543210};
    CHECK(id.to_string() == "0123456789abcdeffedcba9876543210");
    CHECK(RecordId::parse(id.to_string()) == id);
    CHECK(RecordId{1, 9}.to_string() < RecordId{1, 10}.to_string());
    CHECK(RecordId{1, 9}.to_string() < RecordId{2, 1}.to_string());
    for (const char *bad : {"", "0123", "0123456789abcdeffedcba987654321g", "0123456789abcdeffedcba98765432100"}) {
        CHECK_FALSE(RecordId::parse(bad));
    }
}

TEST_CASE("dialog state: names read back") {
    for (int i = 0; i <= static_cast<int>(EndReason::restart); ++i) {
        const auto reason = static_cast<EndReason>(i);
        CHECK(parse_end_reason(to_string(reason)) == reason);
    }
    for (int i = 0; i <= static_cast<int>(DialogState::terminated); ++i) {
        const auto state = static_cast<DialogState>(i);
        CHECK(parse_dialog_state(to_string(state)) == state);
    }
    CHECK_FALSE(parse_end_reason("hangup"));
}
