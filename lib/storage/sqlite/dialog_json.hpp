// What is JSON in a row of a dialog: written and read.
#pragma once
#include <string>
#include <string_view>
#include "base/wall_clock.hpp"
#include "dialog/dialog_record.hpp"
#include "storage/sqlite/text_arena.hpp"

namespace tandem {

// Each is empty if there is nothing to say. Bytes that are no UTF-8 are replaced, because JSON knows none.
std::string forks_json(const DialogRecord &record, const WallClock &wall); // those behind the first
std::string cseq_maps_json(const DialogRecord &record);
std::string details_json(const DialogRecord &record); // timeouts, and what is rare of the first fork

// The same into a record, with its texts in `arena`. False: nobody of us can have written that. The first fork, if
// there is one, stands in the record already.
bool read_forks(std::string_view json, const WallClock &wall, TextArena &arena, DialogRecord &record);
bool read_cseq_maps(std::string_view json, TextArena &arena, DialogRecord &record);
bool read_details(std::string_view json, DialogRecord &record);

// A time in a row: no earlier than 1970 and before the year 10000.
bool is_time(std::int64_t utc_us);

} // namespace tandem
