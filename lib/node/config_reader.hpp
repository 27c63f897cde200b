// Reads tandemd's configuration file. Every key is known and checked; the first thing wrong is one line
// "FILE:LINE:COLUMN: what is wrong and what would be right".
#pragma once
#include <string>
#include <string_view>
#include "base/result.hpp"
#include "node/config.hpp"

namespace tandem {

// "FILE:0:0: cannot read: ..." if the file can not be read. Fails with Error::config_invalid.
Result<Config, Failure> read_config(const std::string &path);

// The same for text. `name` stands for FILE.
Result<Config, Failure> parse_config(std::string_view text, std::string_view name);

} // namespace tandem
