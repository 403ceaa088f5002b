/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors that a user can cause: one line that says what, where and what to do.
 *
 * Functions that can fail take `GError **error` as their last parameter and return false (or
 * NULL); a caller that passes NULL does not want to know why. All our errors share one domain;
 * code is 1 except where a header says otherwise. Programmer errors are asserts, guest errors are
 * logged (util/log.h).
 */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include <glib.h>
#include <stdbool.h>

#define SOSIA_ERROR (sosia_error_quark())
GQuark sosia_error_quark(void);

/* Sets *error (if wanted) and returns false, so that `return error_set(error, ...)` reads well. */
bool error_set(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* As error_set, with strerror(err) after the message. */
bool error_set_errno(GError **error, int err, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* "sosia: <message>" on stderr. Never ends the process. */
void error_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void warn_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/*
 * The member of the NULL-terminated `names` nearest to `word` (edit distance), or NULL where none
 * is near enough to be what the user meant. For "did you mean".
 */
const char *error_nearest(const char *word, const char *const *names);

#endif
