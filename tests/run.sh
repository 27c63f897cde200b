#!/bin/sh
# Installs what is missing, builds, runs every test. Arguments go to ctest: tests/run.sh -L unit
# What one test takes of the places for each core: tests/CMakeLists.txt.
set -eu

cd "$(dirname -- "$0")/.."
./cmake/install_packages.sh
cmake -C cmake/relwithdebinfo.cmake -S . -B build -G Ninja -D TANDEM_BUILD_TESTS=ON -D TANDEM_BUILD_EXAMPLES=ON
cmake --build build
exec ctest --test-dir build --output-on-failure --parallel $((3 * $(nproc))) "$@"
