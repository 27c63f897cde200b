/**
 * @file tandem/version.h  Which tandem this is: the headers' version and the library's.
 *
 * Threads: every function may be called from any thread, at any time.
 * Memory:  a returned text is constant and never freed.
 */
#ifndef TANDEM_VERSION_H
#define TANDEM_VERSION_H

#include <stdint.h>
#include <tandem/export.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TANDEM_VERSION_MAJOR 0
#define TANDEM_VERSION_MINOR 2
#define TANDEM_VERSION_PATCH 0
#define TANDEM_VERSION "0.2.0"

/** The number of the C ABI, N in libtandem.so.N. */
#define TANDEM_ABI 0

/**
 * The version of the library that runs, which may be newer than these headers.
 *
 * @return "major.minor.patch", zero-terminated; never NULL
 */
TANDEM_API const char *tandem_version(void);

/**
 * The ABI of the library that runs.
 *
 * @return a number; where it differs from TANDEM_ABI the host stops, because structs and functions do not match
 */
TANDEM_API uint32_t tandem_abi(void);

#ifdef __cplusplus
}
#endif

#endif
