# cmake -C cmake/fuzz.cmake -S . -B build-fuzz -G Ninja : the programs of tests/fuzz alone, for libFuzzer by clang
set(CMAKE_C_COMPILER clang CACHE STRING "C compiler")
set(CMAKE_CXX_COMPILER clang++ CACHE STRING "C++ compiler")
set(CMAKE_BUILD_TYPE Debug CACHE STRING "Build type")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -gline-tables-only" CACHE STRING "Flags of a Debug build")
set(TANDEM_SANITIZE fuzz CACHE STRING "Instrument the build: address (ASan, UBSan), thread (TSan), fuzz, or empty")
set(TANDEM_BUILD_TESTS ON CACHE BOOL "Build the tests and the benchmarks")
set(TANDEM_BUILD_EXAMPLES OFF CACHE BOOL "Build tandemd and the example programs")
