/*  exec/options.h - what agentgate-exec can be told (SPEC section 10)

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_EXEC_OPTIONS_H
#define AG_EXEC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/progress.h"
#include "exec/ignore.h"

/*  Texts live as long as the options. */
typedef struct {
    char **argv;                        /* the command, NULL-terminated; lent from main */
    char *run_id;                       /* given, or a random one */
    char *work_order;                   /* given, or the run id */
    int64_t run_number;
    char *agent;                        /* its name if the format or the command says it; or NULL */
    const char *format;                 /* of stdout, for the parser */
    bool streaming;                     /* false: journal only */
    const char **bus;                   /* data endpoints */
    size_t bus_count;
    const char **control;               /* control endpoints */
    size_t control_count;
    char **made_endpoints;              /* those of them that are ours to free */
    size_t made_count;
    const char *curve_dir;              /* or NULL */
    char *state_dir;                    /* or NULL, and then state_error says why */
    char *state_error;
    bool keep_artifacts;
    bool quiet;                         /* nothing is passed through */
    char *workspace;                    /* to be watched; NULL: not */
    ag_ignore_t *ignore;                /* for it */
    int64_t max_files;                  /* the same */
    ag_str_t *secrets;                  /* values of the variables of --redact-env */
    size_t secret_count;
    bool redact;                        /* false with --no-redact */
    int64_t linger_ms, timeout_ms, kill_after_ms, drain_ms;
    int64_t max_line_bytes, max_content_bytes;
    int64_t retain_us;                  /* age at which acknowledged runs are pruned */
    int64_t retain_bytes;               /* or their size in all */
    ag_progress_options_t progress;
} ag_options_t;

/*  Parses; --help and --version end the program, so does --check-config. NULL with a malloc'ed
    *error_r that names the setting, the value and what is allowed. */
ag_options_t *ag_options_new (int argc, char **argv, char **error_r);
void ag_options_destroy (ag_options_t **self_p);

#endif
