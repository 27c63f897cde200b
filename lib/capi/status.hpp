// The border between C++ and C: errors become statuses, exceptions end here, text changes its type.
#pragma once
#include <exception>
#include <new>
#include <string_view>
#include <tandem/status.h>
#include <tandem/str.h>
#include "base/error.hpp"
#include "base/result.hpp"

namespace tandem::capi {

tandem_status status_of(Error error);

// Keeps `text` for tandem_last_error(), and is the status.
tandem_status fail(tandem_status status, std::string_view text);
tandem_status fail(Error error);

// Runs the body of a C function. No exception passes.
template <class F>
tandem_status guard(F body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return fail(TANDEM_E_NOMEM, "no memory");
    } catch (const std::exception &error) {
        return fail(TANDEM_E_BUG, error.what());
    } catch (...) {
        return fail(TANDEM_E_BUG, "an exception of no known type");
    }
}

inline tandem_status status_of(const Result<void> &result) { return result ? TANDEM_OK : fail(result.error()); }

// A text that says it has bytes and has none is refused before it is looked at.
inline bool is_text(tandem_str str) { return str.data || str.size == 0; }
inline std::string_view view(tandem_str str) { return str.data ? std::string_view(str.data, str.size) : ""; }
inline tandem_str str_of(std::string_view text) { return {text.data(), text.size()}; }

} // namespace tandem::capi
