// The page for who watches a node in a browser: files that are compiled in, and need nothing from elsewhere.
#pragma once
#include <span>
#include <string_view>

namespace tandem {

struct PageFile {
    std::string_view path; // of its URL
    std::string_view content_type;
    std::string_view text;
};

std::span<const PageFile> page_files();

} // namespace tandem
