# cmake -C cmake/relwithdebinfo.cmake -S . -B build -G Ninja : what is measured and shipped
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type")
set(TANDEM_SANITIZE "" CACHE STRING "Instrument the build: address (ASan, UBSan), thread (TSan), fuzz, or empty")
