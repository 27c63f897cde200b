# cmake -C cmake/relwithdebinfo.cmake -S . -B build -G Ninja : what is measured and shipped
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type")
set(TANDEM_SANITIZE "" CACHE STRING "Instrument the build: address (ASan, UBSan), thread (TSan), fuzz, or empty")
# Names and lines for back traces; variables are for a debug build. A third of the time of large sources is saved so.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG" CACHE STRING "Flags")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG" CACHE STRING "Flags")
