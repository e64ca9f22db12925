/*  core/settings.h - flag over environment over file over default (SPEC section 10)

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A program describes its settings in one table; from it come the parser,
    --help, --check-config and the errors, which name the setting, the value
    and what is allowed.
*/
#ifndef AG_CORE_SETTINGS_H
#define AG_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum {
    AG_SETTING_FLAG,            /* --quiet; in the environment and file true|false|1|0|yes|no|on|off */
    AG_SETTING_STRING,
    AG_SETTING_INTEGER,         /* min .. max */
    AG_SETTING_SECONDS,         /* decimal, "0.5"; kept as milliseconds; min .. max in ms */
    AG_SETTING_CHOICE           /* one of choices */
} ag_setting_type_t;

typedef struct {
    const char *name;           /* long option without dashes, and the key in the file */
    ag_setting_type_t type;
    const char *metavar;        /* "HOST:PORT"; NULL for a flag */
    const char *env;            /* environment variable, or NULL */
    const char *fallback;       /* default as text, or NULL for none */
    int64_t min, max;
    const char *choices;        /* "auto|claude|codex" */
    bool repeatable;            /* keeps all values; each source replaces the weaker ones as a whole; in env and file separated by spaces */
    const char *help;           /* one line; the default is added */
} ag_setting_t;

typedef struct ag_settings ag_settings_t;

/*  Parses argv. Options end at the first word that is no option or at "--".
    --help and --version print and exit (0). A table row named "config" makes
    that file be read (the fallback may be missing, a named one may not):
    lines NAME = VALUE, for all programs before any section, for one below
    [exec], [gateway] and so on (the program's name without "agentgate-");
    a # at the beginning or after white space begins a comment.
    Returns NULL with a malloc'ed *error_r. */
ag_settings_t *ag_settings_new (const ag_setting_t *table, size_t count, const char *usage,
    int argc, char **argv, char **error_r);
void ag_settings_destroy (ag_settings_t **self_p);

/*  Index in argv of the first word that is not an option. */
int ag_settings_rest (const ag_settings_t *self);

/*  Naming a setting that is not in the table ends the process. */
const char *ag_settings_string (const ag_settings_t *self, const char *name);   /* or NULL */
int64_t ag_settings_integer (const ag_settings_t *self, const char *name);      /* SECONDS: milliseconds */
bool ag_settings_flag (const ag_settings_t *self, const char *name);
size_t ag_settings_count (const ag_settings_t *self, const char *name);
const char *ag_settings_nth (const ag_settings_t *self, const char *name, size_t index);
/*  Where the value came from: "default", "file", "environment", "flag". */
const char *ag_settings_source (const ag_settings_t *self, const char *name);
/*  Two settings for one thing: whether this one was given by a stronger source, and so
    stands alone. */
bool ag_settings_outweighs (const ag_settings_t *self, const char *name, const char *other);

/*  name = value  # source, a line each; what --check-config prints. A settings
    file may hold it as it is. */
void ag_settings_print (const ag_settings_t *self, FILE *out);

#endif
