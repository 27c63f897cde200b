#include <string_view>
#include <tandem/version.h>

// The headers are read without CMake, so they repeat its numbers.
static_assert(std::string_view(TANDEM_VERSION) == TANDEM_PROJECT_VERSION, "tandem/version.h against CMakeLists.txt");
static_assert(TANDEM_ABI == TANDEM_PROJECT_ABI, "tandem/version.h against CMakeLists.txt");

extern "C" {

const char *tandem_version() { return TANDEM_VERSION; }

uint32_t tandem_abi() { return TANDEM_ABI; }

} // extern "C"
