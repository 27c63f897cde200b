/**
 * @file tandem/tandem.h  The whole C interface; each header may also be included alone.
 */
#ifndef TANDEM_TANDEM_H
#define TANDEM_TANDEM_H

#include <tandem/auth.h>
#include <tandem/bus.h>
#include <tandem/cdr.h>
#include <tandem/cluster.h>
#include <tandem/dialog.h>
#include <tandem/event.h>
#include <tandem/export.h>
#include <tandem/message.h>
#include <tandem/profile.h>
#include <tandem/sofia.h>
#include <tandem/status.h>
#include <tandem/str.h>
#include <tandem/tracker.h>
#include <tandem/variable.h>
#include <tandem/version.h>

#endif
