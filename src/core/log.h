/*  core/log.h - what a program tells its operator, on stderr

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A record has a level, a stable id in capitals (GAP_OPENED) that scripts
    may match, and a text that ends in key=value. What came from outside is
    escaped: control characters never reach the terminal.
*/
#ifndef AG_CORE_LOG_H
#define AG_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { AG_LOG_ERROR, AG_LOG_WARNING, AG_LOG_INFO, AG_LOG_DEBUG } ag_log_level_t;

/*  `program` is lent and must outlive all logging. */
void ag_log_init (const char *program, ag_log_level_t level, bool json);
bool ag_log_enabled (ag_log_level_t level);
/*  Takes whole lines in place of a write to stderr, which may block; NULL: nobody does. */
typedef void (ag_log_sink_fn) (void *context, const char *line, size_t len);
void ag_log_set_sink (ag_log_sink_fn *sink, void *context);
int ag_log_level_parse (const char *text, ag_log_level_t *level_r);     /* error, warning, info, debug; 0 or -1 */

void ag_log (ag_log_level_t level, const char *id, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
#define ag_log_error(id, ...) ag_log (AG_LOG_ERROR, id, __VA_ARGS__)
#define ag_log_warning(id, ...) ag_log (AG_LOG_WARNING, id, __VA_ARGS__)
#define ag_log_info(id, ...) ag_log (AG_LOG_INFO, id, __VA_ARGS__)
#define ag_log_debug(id, ...) ag_log (AG_LOG_DEBUG, id, __VA_ARGS__)

/*  "program: what went wrong: why", then exit (status). */
void ag_fatal (int status, const char *format, ...)
    __attribute__ ((format (printf, 2, 3), noreturn));

#endif
