/**
 * @file tandem/tandem.h  The whole C interface; each header may also be included alone.
 */
#ifndef TANDEM_TANDEM_H
#define TANDEM_TANDEM_H

#include <tandem/export.h>
#include <tandem/version.h>

#endif
