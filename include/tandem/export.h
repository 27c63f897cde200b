/**
 * @file tandem/export.h  TANDEM_API and TANDEM_SIP_API mark what the libraries export.
 */
#ifndef TANDEM_EXPORT_H
#define TANDEM_EXPORT_H

#if defined(__GNUC__)
#define TANDEM_API __attribute__((visibility("default")))
#else
#define TANDEM_API
#endif

#define TANDEM_SIP_API TANDEM_API /* in libtandem, not in libtandem-core */

#endif
