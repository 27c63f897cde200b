# How this project compiles its own sources: language, warnings, sanitizers, ccache. A parent project keeps its flags.
include_guard()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

if(PROJECT_IS_TOP_LEVEL)
    if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
        set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
    endif()
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
    find_program(TANDEM_CCACHE ccache)
    if(TANDEM_CCACHE)
        foreach(language C CXX)
            if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
                set(CMAKE_${language}_COMPILER_LAUNCHER ${TANDEM_CCACHE})
            endif()
        endforeach()
    endif()
endif()

# Linked by every target of ours, never passed on: tandem_warnings.
add_library(tandem_warnings INTERFACE)
target_compile_options(tandem_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-align -Wcast-qual -Wformat=2 -Wundef -Wvla
    # A designated initializer leaves out what keeps its default.
    -Wno-missing-field-initializers
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wextra-semi>
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
    $<$<BOOL:${TANDEM_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
        # GCC 12 reports std::string + literal (GCC bug 105651).
        target_compile_options(tandem_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
    endif()
    if(TANDEM_SANITIZE)
        # Instrumentation hides assignments from the compiler, and GCC's TSan does not see Boost's fences.
        target_compile_options(tandem_warnings INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
    endif()
endif()

if(TANDEM_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
elseif(TANDEM_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
    add_link_options(-fsanitize=thread)
elseif(TANDEM_SANITIZE STREQUAL "fuzz")
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "TANDEM_SANITIZE=fuzz needs clang: configure with -C cmake/fuzz.cmake")
    endif()
    # Coverage for libFuzzer in everything; its main only in the programs (tests/fuzz).
    add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_compile_definitions(_GLIBCXX_ASSERTIONS) # an index outside a view or a vector is found as well
    add_link_options(-fsanitize=address,undefined)
elseif(TANDEM_SANITIZE)
    message(FATAL_ERROR "TANDEM_SANITIZE is \"${TANDEM_SANITIZE}\"; it takes address, thread, fuzz or nothing")
endif()
