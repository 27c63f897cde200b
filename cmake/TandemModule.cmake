# The parts of the library and how they become one.
#
#   tandem_module(name HEADERS h... SOURCES s... [USES modules...] [SYSTEM_LIBS targets...])
#       One folder of lib/ as the OBJECT library tandem_<name>. HEADERS are for other modules; a header for the folder
#       alone is listed among SOURCES. USES names the modules that it includes from; what those use may be included
#       too. SYSTEM_LIBS are libraries of others, as targets of TandemDependencies.cmake; only this folder sees them.
#
#           tandem_module(storage
#               HEADERS     sqlite/sqlite_store.hpp
#               SOURCES     sqlite/sqlite_store.cpp sqlite/statement.cpp sqlite/statement.hpp
#               USES        base dialog cdr
#               SYSTEM_LIBS SQLite::SQLite3)
#
#   tandem_use_modules(target modules...)
#       Links the modules, and all that they use, into a program of our own (tests, benchmarks).
#
#   tandem_library(component DESCRIPTION text MODULES modules... HEADERS h...)
#       One library for hosts, these modules behind the C headers of include/: the component core is the targets
#       tandem::core_static and tandem::core_shared, libtandem-core.a and libtandem-core.so.N; the component tandem is
#       called libtandem.
#
#   tandem_write_modules(file)
#       Writes what is known of every module as JSON, for tests/tidy.
include_guard()

define_property(GLOBAL PROPERTY TANDEM_MODULES BRIEF_DOCS "Names of all modules, lowest layer first")
define_property(TARGET PROPERTY TANDEM_USES BRIEF_DOCS "USES of the module as written")
define_property(TARGET PROPERTY TANDEM_CLOSURE BRIEF_DOCS "The module and all that it uses, directly or not")
define_property(TARGET PROPERTY TANDEM_HEADERS BRIEF_DOCS "HEADERS of the module")
define_property(TARGET PROPERTY TANDEM_SOURCES BRIEF_DOCS "SOURCES of the module")
define_property(TARGET PROPERTY TANDEM_SYSTEM_LIBS BRIEF_DOCS "SYSTEM_LIBS of the module; what the library links")
define_property(TARGET PROPERTY TANDEM_DESCRIPTION BRIEF_DOCS "DESCRIPTION of the library")

# Sets `out` to the modules and all that they use, each once.
function(tandem_module_closure out)
    set(closure "")
    foreach(module IN LISTS ARGN)
        if(NOT TARGET tandem_${module})
            message(FATAL_ERROR "no module \"${module}\" yet: lib/CMakeLists.txt adds a module after those it uses")
        endif()
        get_target_property(used tandem_${module} TANDEM_CLOSURE)
        list(APPEND closure ${used})
    endforeach()
    list(REMOVE_DUPLICATES closure)
    set(${out} ${closure} PARENT_SCOPE)
endfunction()

function(tandem_module name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;SOURCES;USES;SYSTEM_LIBS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "tandem_module(${name}): \"${arg_UNPARSED_ARGUMENTS}\" stands before HEADERS")
    endif()
    tandem_module_closure(used ${arg_USES})

    set(target tandem_${name})
    add_library(${target} OBJECT)
    target_sources(${target}
        PRIVATE ${arg_SOURCES}
        PUBLIC FILE_SET internal TYPE HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/lib FILES ${arg_HEADERS})
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(${target} PUBLIC fmt::fmt PRIVATE tandem_warnings ${arg_SYSTEM_LIBS})
    set_target_properties(${target} PROPERTIES
        POSITION_INDEPENDENT_CODE ON
        LINKER_LANGUAGE CXX
        TANDEM_USES "${arg_USES}"
        TANDEM_CLOSURE "${used};${name}"
        TANDEM_HEADERS "${arg_HEADERS}"
        TANDEM_SOURCES "${arg_SOURCES}"
        TANDEM_SYSTEM_LIBS "${arg_SYSTEM_LIBS}")
    set_property(GLOBAL APPEND PROPERTY TANDEM_MODULES ${name})
endfunction()

function(tandem_use_modules target)
    tandem_module_closure(modules ${ARGN})
    list(TRANSFORM modules PREPEND tandem_)
    target_link_libraries(${target} PRIVATE tandem_warnings ${modules})
endfunction()

# stdc++ and m: what a static library needs where a C compiler links the host.
set(TANDEM_CXX_RUNTIME ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
list(REMOVE_DUPLICATES TANDEM_CXX_RUNTIME)
list(REMOVE_ITEM TANDEM_CXX_RUNTIME ${CMAKE_C_IMPLICIT_LINK_LIBRARIES})

# Sets `out` to the name of a component's library, without lib and suffix.
function(tandem_library_name out component)
    if(component STREQUAL "tandem")
        set(${out} tandem PARENT_SCOPE)
    else()
        set(${out} tandem-${component} PARENT_SCOPE)
    endif()
endfunction()

function(tandem_library component)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "DESCRIPTION" "MODULES;HEADERS")
    set(objects "")
    set(libs fmt::fmt)
    foreach(module IN LISTS arg_MODULES)
        tandem_module_closure(missing ${module})
        list(REMOVE_ITEM missing ${arg_MODULES})
        if(missing)
            message(FATAL_ERROR "tandem_library(${component}): ${module} uses ${missing}, which is not in the library")
        endif()
        list(APPEND objects $<TARGET_OBJECTS:tandem_${module}>)
        get_target_property(system_libs tandem_${module} TANDEM_SYSTEM_LIBS)
        list(APPEND libs ${system_libs})
    endforeach()
    list(REMOVE_DUPLICATES libs)
    set(linked "")
    foreach(lib IN LISTS libs)
        get_property(header_only GLOBAL PROPERTY TANDEM_DEPENDENCY_HEADER_ONLY:${lib})
        if(NOT header_only)
            list(APPEND linked ${lib})
        endif()
    endforeach()

    set(map ${PROJECT_SOURCE_DIR}/lib/capi/tandem.map)
    set(headers ${arg_HEADERS})
    list(TRANSFORM headers PREPEND ${PROJECT_SOURCE_DIR}/include/)
    tandem_library_name(name ${component})
    string(REPLACE "-" "_" target ${name})
    foreach(kind static shared)
        string(TOUPPER ${kind} type)
        add_library(${target}_${kind} ${type} ${objects})
        target_sources(${target}_${kind}
            PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
        target_link_libraries(${target}_${kind} PRIVATE ${linked})
        set_target_properties(${target}_${kind} PROPERTIES
            OUTPUT_NAME ${name}
            EXPORT_NAME ${component}_${kind}
            LINKER_LANGUAGE CXX
            TANDEM_SYSTEM_LIBS "${linked}"
            TANDEM_DESCRIPTION "${arg_DESCRIPTION}"
            VERIFY_INTERFACE_HEADER_SETS ON)
        add_library(tandem::${component}_${kind} ALIAS ${target}_${kind})
    endforeach()
    set_target_properties(${target}_shared PROPERTIES
        VERSION ${TANDEM_ABI}.${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
        SOVERSION ${TANDEM_ABI}
        LINK_DEPENDS ${map})
    target_link_libraries(${target}_static INTERFACE "$<$<LINK_LANGUAGE:C>:${TANDEM_CXX_RUNTIME}>")
    target_link_options(${target}_shared PRIVATE
        LINKER:--version-script=${map} LINKER:--as-needed $<$<NOT:$<BOOL:${TANDEM_SANITIZE}>>:LINKER:--no-undefined>)

    # A parent project builds the kind it links.
    if(NOT PROJECT_IS_TOP_LEVEL AND NOT TANDEM_INSTALL)
        set_target_properties(${target}_static ${target}_shared PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
endfunction()

function(tandem_write_modules file)
    get_property(modules GLOBAL PROPERTY TANDEM_MODULES)
    set(entries "")
    foreach(module IN LISTS modules)
        set(lists "")
        foreach(key USES HEADERS SOURCES SYSTEM_LIBS)
            get_target_property(values tandem_${module} TANDEM_${key})
            list(TRANSFORM values REPLACE "^(.+)$" "\"\\1\"")
            list(JOIN values ", " values)
            string(TOLOWER ${key} key)
            list(APPEND lists "      \"${key}\": [${values}]")
        endforeach()
        # At generation, when the libraries are known.
        set(dirs "$<REMOVE_DUPLICATES:$<TARGET_PROPERTY:tandem_${module},INCLUDE_DIRECTORIES>>")
        list(APPEND lists "      \"include_dirs\": [\"$<JOIN:${dirs},\"$<COMMA> \">\"]")
        list(JOIN lists ",\n" lists)
        list(APPEND entries "    {\n      \"name\": \"${module}\",\n${lists}\n    }")
    endforeach()
    list(JOIN entries ",\n" entries)
    file(GENERATE OUTPUT ${file} CONTENT
"{
  \"compiler\": \"${CMAKE_CXX_COMPILER}\",
  \"launcher\": \"${CMAKE_CXX_COMPILER_LAUNCHER}\",
  \"modules\": [
${entries}
  ]
}
")
endfunction()
