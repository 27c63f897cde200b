# What `cmake --install` copies: headers, libraries of both kinds, and what find_package() and pkg-config read of them.
#
#   tandem_install_libraries(components...)
#       Installs what tandem_library() made of these components, with tandemConfig.cmake for all of them and one .pc
#       file for each, named like the library. Everything may be moved after it is installed.
#
# A packager splits by COMPONENT: tandem_runtime is what programs run with, tandem_development what they build with.
include_guard()

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# Sets `out` to what an installed static library asks its host to find: a list of target=package, where the target is
# that of the exported link line, and PkgConfig::<prefix> for a module of pkg-config.
function(tandem_install_needs out library)
    get_target_property(libs ${library} TANDEM_SYSTEM_LIBS)
    set(needs "")
    foreach(lib IN LISTS libs)
        get_property(package GLOBAL PROPERTY TANDEM_DEPENDENCY_PACKAGE:${lib})
        get_property(module GLOBAL PROPERTY TANDEM_DEPENDENCY_MODULE:${lib})
        if(package)
            list(APPEND needs ${lib}=${package})
        elseif(module)
            get_target_property(target ${lib} ALIASED_TARGET)
            list(APPEND needs ${target}=${module})
        else()
            message(FATAL_ERROR "no tandem_dependency(${lib} ...) in TandemDependencies.cmake")
        endif()
    endforeach()
    set(${out} ${needs} PARENT_SCOPE)
endfunction()

# Writes and installs the .pc file of a component.
function(tandem_install_pkg_config component)
    tandem_library_name(name ${component})
    string(REPLACE "-" "_" target ${name})
    get_target_property(libs ${target}_static TANDEM_SYSTEM_LIBS)
    list(REVERSE libs) # what uses another stands before it
    set(private "")
    foreach(lib IN LISTS libs)
        get_property(link GLOBAL PROPERTY TANDEM_DEPENDENCY_LINK:${lib})
        list(APPEND private ${link})
    endforeach()

    list(TRANSFORM TANDEM_CXX_RUNTIME PREPEND -l OUTPUT_VARIABLE runtime)
    list(APPEND private ${runtime})
    list(JOIN private " " private)

    set(prefix ${CMAKE_INSTALL_PREFIX})
    cmake_path(RELATIVE_PATH prefix BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
    foreach(dir LIBDIR INCLUDEDIR)
        set(${dir} "\${prefix}")
        cmake_path(APPEND ${dir} ${CMAKE_INSTALL_${dir}}) # an absolute one replaces the prefix
    endforeach()
    get_target_property(description ${target}_static TANDEM_DESCRIPTION)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/tandem.pc.in ${PROJECT_BINARY_DIR}/package/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/package/${name}.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT tandem_development)
endfunction()

function(tandem_install_libraries)
    set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tandem)
    set(needs "") # for the template
    foreach(component IN LISTS ARGN)
        tandem_library_name(name ${component})
        string(REPLACE "-" "_" target ${name})
        # Each kind is an export of its own: the shared one is imported where the needs of the static one are missing.
        foreach(kind static shared)
            install(TARGETS ${target}_${kind} EXPORT tandem_${component}_${kind}
                ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT tandem_development
                LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT tandem_runtime
                    NAMELINK_COMPONENT tandem_development
                FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT tandem_development)
            install(EXPORT tandem_${component}_${kind}
                NAMESPACE tandem::
                FILE tandemTargets-${component}_${kind}.cmake
                DESTINATION ${package_dir} COMPONENT tandem_development)
        endforeach()
        tandem_install_needs(static_needs ${target}_static)
        list(JOIN static_needs "\n    " static_needs)
        string(APPEND needs "set(_tandem_needs_${component}_static\n    ${static_needs})\n")
        tandem_install_pkg_config(${component})
    endforeach()
    list(JOIN ARGN " " components)
    list(JOIN ARGN "|" components_or)
    set(components_text ${ARGN})
    list(TRANSFORM components_text REPLACE "^.+$" "\\0, \\0_shared, \\0_static")
    list(JOIN components_text ", " components_text)

    configure_file(${PROJECT_SOURCE_DIR}/cmake/TandemConfig.cmake.in
        ${PROJECT_BINARY_DIR}/package/tandemConfig.cmake @ONLY)
    # Before 1.0 a minor version may change the interface.
    write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/tandemConfigVersion.cmake
        COMPATIBILITY SameMinorVersion)
    install(FILES
        ${PROJECT_BINARY_DIR}/package/tandemConfig.cmake
        ${PROJECT_BINARY_DIR}/package/tandemConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT tandem_development)
endfunction()
