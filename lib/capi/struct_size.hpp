// Structs that grow: the caller's may be older or newer than the library's, and says its size in its first field.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace tandem::capi {

template <class T>
bool has_size(const T *given) {
    return given && given->size >= sizeof(std::uint32_t);
}

// The caller's struct, or a copy of it in `copy` where it is older: fields that it does not have are zero.
template <class T>
const T &read_struct(const T *given, T &copy) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (given->size >= sizeof(T)) return *given;
    std::memset(static_cast<void *>(&copy), 0, sizeof(T));
    std::memcpy(static_cast<void *>(&copy), given, given->size);
    return copy;
}

// Writes as much as the caller's struct has room for; its size stays.
template <class T>
void write_struct(T *given, const T &value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::uint32_t size = given->size;
    std::memcpy(static_cast<void *>(given), &value, std::min<std::size_t>(size, sizeof(T)));
    given->size = size;
}

} // namespace tandem::capi
