# The libraries of others, each as an imported target, so that its headers count as system headers.
# cmake/packages.txt names the Debian packages they come in.
#
#   tandem_dependency(target PACKAGE name | MODULE name | HEADER_ONLY [LINK flags...])
#       What a host of an installed static library needs of it: how to find it, by find_package(PACKAGE) or by
#       pkg-config's MODULE, and the linker's flags for those that build without CMake. A library that is HEADER_ONLY
#       is compiled into ours, and the host needs nothing of it.
include_guard()

function(tandem_dependency target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "HEADER_ONLY" "PACKAGE;MODULE" "LINK")
    foreach(key HEADER_ONLY PACKAGE MODULE LINK)
        set_property(GLOBAL PROPERTY TANDEM_DEPENDENCY_${key}:${target} ${arg_${key}})
    endforeach()
endfunction()

set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON) # a parent project links our libraries from its own scope
set(THREADS_PREFER_PTHREAD_FLAG ON)
set(Boost_NO_WARN_NEW_VERSIONS ON)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)           # fmt::fmt
find_package(SQLite3 REQUIRED)       # SQLite::SQLite3
find_package(Boost 1.74 REQUIRED)    # Boost::headers
find_package(OpenSSL 3.0 REQUIRED)   # OpenSSL::SSL, OpenSSL::Crypto
find_package(spdlog REQUIRED)        # spdlog::spdlog, built with the system's fmt
find_package(prometheus-cpp REQUIRED) # prometheus-cpp::core
pkg_check_modules(tandem_cares REQUIRED IMPORTED_TARGET GLOBAL libcares)
pkg_check_modules(tandem_curl REQUIRED IMPORTED_TARGET GLOBAL libcurl)
pkg_check_modules(tandem_hiredis REQUIRED IMPORTED_TARGET GLOBAL hiredis)
pkg_check_modules(tandem_sofia REQUIRED IMPORTED_TARGET GLOBAL sofia-sip-ua)
pkg_check_modules(tandem_re2 REQUIRED IMPORTED_TARGET GLOBAL re2)
pkg_check_modules(tandem_toml REQUIRED IMPORTED_TARGET GLOBAL tomlplusplus)
add_library(tandem::cares ALIAS PkgConfig::tandem_cares)
add_library(tandem::curl ALIAS PkgConfig::tandem_curl)
add_library(tandem::hiredis ALIAS PkgConfig::tandem_hiredis)
add_library(tandem::sofia ALIAS PkgConfig::tandem_sofia)
add_library(tandem::re2 ALIAS PkgConfig::tandem_re2)
add_library(tandem::toml ALIAS PkgConfig::tandem_toml)

tandem_dependency(Threads::Threads PACKAGE Threads      LINK -pthread)
tandem_dependency(fmt::fmt         PACKAGE fmt          LINK -lfmt)
tandem_dependency(SQLite::SQLite3  PACKAGE SQLite3      LINK -lsqlite3)
tandem_dependency(OpenSSL::Crypto  PACKAGE OpenSSL      LINK -lcrypto)
tandem_dependency(OpenSSL::SSL     PACKAGE OpenSSL      LINK -lssl -lcrypto)
tandem_dependency(spdlog::spdlog   PACKAGE spdlog       LINK -lspdlog)
tandem_dependency(prometheus-cpp::core PACKAGE prometheus-cpp LINK -lprometheus-cpp-core)
tandem_dependency(tandem::cares    MODULE  libcares     LINK -lcares)
tandem_dependency(tandem::curl     MODULE  libcurl      LINK -lcurl)
tandem_dependency(tandem::hiredis  MODULE  hiredis      LINK -lhiredis)
tandem_dependency(tandem::sofia    MODULE  sofia-sip-ua LINK -lsofia-sip-ua)
tandem_dependency(tandem::re2      MODULE  re2          LINK -lre2)
tandem_dependency(tandem::toml     MODULE  tomlplusplus LINK -ltomlplusplus)
tandem_dependency(Boost::headers   HEADER_ONLY)

if(TANDEM_BUILD_EXAMPLES)
    find_package(CLI11 REQUIRED)     # CLI11::CLI11
endif()
if(TANDEM_BUILD_TESTS)
    find_package(doctest REQUIRED)   # doctest::doctest
    find_package(benchmark REQUIRED) # benchmark::benchmark
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
endif()
