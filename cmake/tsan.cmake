# cmake -C cmake/tsan.cmake -S . -B build-tsan -G Ninja : ThreadSanitizer
set(CMAKE_BUILD_TYPE Debug CACHE STRING "Build type")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g" CACHE STRING "Flags of a Debug build")
set(TANDEM_SANITIZE thread CACHE STRING "Instrument the build: address (ASan, UBSan), thread (TSan), fuzz, or empty")
