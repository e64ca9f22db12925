/*  core/settings.c - flag over environment over file over default

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "core/buf.h"
#include "core/log.h"
#include "core/mem.h"

typedef enum { S_DEFAULT, S_FILE, S_ENVIRONMENT, S_FLAG } s_source_t;
static const char *const s_source_names[] = { "default", "file", "environment", "flag" };

typedef struct {
    char **values;              /* as text, checked */
    size_t count;
    s_source_t source;          /* of all values */
} s_value_t;

struct ag_settings {
    const ag_setting_t *table;  /* lent */
    size_t count;               /* rows */
    s_value_t *values;          /* one a row */
    int rest;                   /* index in argv of the first word that is no option */
};

static void s_value_clear (s_value_t *value)
{
    for (size_t i = 0; i < value->count; i++)
        free (value->values[i]);
    free (value->values);
    *value = (s_value_t) { 0 };
}

void ag_settings_destroy (ag_settings_t **self_p)
{
    ag_settings_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        s_value_clear (&self->values[i]);
    free (self->values);
    free (self);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Values: text in, and what they mean */

static int s_parse_flag (const char *text)
{
    static const char *const yes[] = { "true", "1", "yes", "on" }, *const no[] = { "false", "0", "no", "off" };
    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp (text, yes[i]) == 0)
            return 1;
        if (strcasecmp (text, no[i]) == 0)
            return 0;
    }
    return -1;
}

static int s_parse_integer (const char *text, int64_t *number_r)
{
    char *end;
    errno = 0;
    long long number = strtoll (text, &end, 10);
    if (errno || end == text || *end)
        return -1;
    *number_r = number;
    return 0;
}

static int s_parse_ms (const char *text, int64_t *ms_r)
{
    char *end;
    double seconds = strtod (text, &end);
    if (end == text || *end || !(seconds >= 0 && seconds < 1e12))
        return -1;
    *ms_r = (int64_t) (seconds * 1000 + 0.5);
    return 0;
}

static bool s_is_choice (const char *choices, const char *text)
{
    size_t len = strlen (text);
    for (const char *at = choices; *at; at += strspn (at, "|")) {
        size_t word = strcspn (at, "|");
        if (word == len && memcmp (at, text, len) == 0)
            return true;
        at += word;
    }
    return false;
}

static char *s_allowed (const ag_setting_t *row)
{
    switch (row->type) {
    case AG_SETTING_FLAG: return ag_strdup ("true or false");
    case AG_SETTING_STRING: return ag_strdup ("a text that is not empty");
    case AG_SETTING_INTEGER: return ag_asprintf ("a whole number from %lld to %lld", (long long) row->min, (long long) row->max);
    case AG_SETTING_SECONDS: return ag_asprintf ("seconds from %.10g to %.10g", (double) row->min / 1000, (double) row->max / 1000);
    case AG_SETTING_CHOICE: return ag_asprintf ("one of %s", row->choices);
    }
    return ag_strdup ("");
}

static bool s_good (const ag_setting_t *row, const char *text)
{
    int64_t number = 0;
    switch (row->type) {
    case AG_SETTING_FLAG: return s_parse_flag (text) >= 0;
    case AG_SETTING_STRING: return *text != 0;
    case AG_SETTING_INTEGER: return s_parse_integer (text, &number) == 0 && number >= row->min && number <= row->max;
    case AG_SETTING_SECONDS: return s_parse_ms (text, &number) == 0 && number >= row->min && number <= row->max;
    case AG_SETTING_CHOICE: return s_is_choice (row->choices, text);
    }
    return false;
}

/*  One value for a row; `where` names the source for the error. A stronger
    source replaces what a weaker one gave, a repeated one adds or replaces. */
static int s_put (ag_settings_t *self, size_t row, const char *text, s_source_t source, const char *where, char **error_r)
{
    const ag_setting_t *setting = &self->table[row];
    if (!s_good (setting, text)) {
        char *allowed = s_allowed (setting);
        *error_r = ag_asprintf ("%s: '%s' is not allowed: %s is wanted", where, text, allowed);
        free (allowed);
        return -1;
    }
    s_value_t *value = &self->values[row];
    if (value->source != source || !setting->repeatable)
        s_value_clear (value);
    value->values = ag_realloc (value->values, (value->count + 1) * sizeof *value->values);
    value->values[value->count++] = ag_strdup (text);
    value->source = source;
    return 0;
}

/*  A text from environment or file: several values stand side by side. */
static int s_put_words (ag_settings_t *self, size_t row, const char *text, s_source_t source, const char *where, char **error_r)
{
    if (!self->table[row].repeatable)
        return s_put (self, row, text, source, where, error_r);
    char *words = ag_strdup (text), *state = NULL;
    int rc = 0;
    for (char *word = strtok_r (words, " \t", &state); word && rc == 0; word = strtok_r (NULL, " \t", &state))
        rc = s_put (self, row, word, source, where, error_r);
    free (words);
    return rc;
}

/* ---------------------------------------------------------------------- */
/*  --help */

static void s_print_row (const ag_setting_t *row)
{
    ag_buf_t left = { 0 };
    ag_buf_printf (&left, "  --%s", row->name);
    if (row->metavar)
        ag_buf_printf (&left, " %s", row->metavar);
    else if (row->type == AG_SETTING_CHOICE)
        ag_buf_printf (&left, " %s", row->choices);
    printf ("%-26s%s%s", ag_buf_cstr (&left), left.len > 25 ? "\n                          " : " ", row->help);
    if (row->fallback && row->type != AG_SETTING_FLAG)
        printf (" [%s]", row->fallback);
    if (row->env)
        printf (" (%s)", row->env);
    putchar ('\n');
    ag_buf_free (&left);
}

static void s_print_help (const ag_settings_t *self, const char *usage)
{
    printf ("%s\nOptions [default] (environment variable):\n", usage);
    for (size_t i = 0; i < self->count; i++)
        s_print_row (&self->table[i]);
    printf ("  --help                   this text\n"
            "  --version                the version\n");
}

/*  What ends the program before it has begun. */
static void s_answer (ag_settings_t *self, int option, const char *usage, const char *program)
{
    if (option == 'h')
        s_print_help (self, usage);
    else
        printf ("%s %s\n", strrchr (program, '/') ? strrchr (program, '/') + 1 : program, PACKAGE_VERSION);
    ag_settings_destroy (&self);
    exit (0);
}

/* ---------------------------------------------------------------------- */
/*  Sources */

static size_t s_row_of (const ag_settings_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp (self->table[i].name, name) == 0)
            return i;
    return self->count;
}

/*  Cuts white space off both ends. */
static char *s_trim (char *line)
{
    char *text = line + strspn (line, " \t\r\n");
    for (size_t len = strlen (text); len && strchr (" \t\r\n", text[len - 1]); len--)
        text[len - 1] = 0;
    return text;
}

/*  What says where settings are and what to do with them is no setting of a file. */
static bool s_is_of_file (const ag_setting_t *row)
{
    return strcmp (row->name, "config") != 0 && strcmp (row->name, "check-config") != 0;
}

/*  Cuts a comment off: a # at the beginning or after white space. */
static void s_cut_comment (char *line)
{
    for (char *at = strchr (line, '#'); at; at = strchr (at + 1, '#'))
        if (at == line || strchr (" \t", at[-1])) {
            *at = 0;
            return;
        }
}

static int s_read_line (ag_settings_t *self, char *text, const char *path, int number, char **error_r)
{
    char *equals = strchr (text, '=');
    if (!equals) {
        *error_r = ag_asprintf ("%s line %d: '%s' is no setting: NAME = VALUE is wanted", path, number, text);
        return -1;
    }
    *equals = 0;
    char *value = s_trim (equals + 1), *name = s_trim (text);
    size_t row = s_row_of (self, name);
    char *where = ag_asprintf ("%s line %d: %s", path, number, name);
    int rc = -1;
    if (row == self->count || !s_is_of_file (&self->table[row]))
        *error_r = ag_asprintf ("%s: this program has no such setting (--help lists them); what is for one program"
            " alone stands below a line [gateway], [exec] ...", where);
    else
        rc = s_put_words (self, row, value, S_FILE, where, error_r);
    free (where);
    return rc;
}

/*  "agentgate-exec" reads what stands before any section, and below [exec]. */
static bool s_is_our_section (const char *section, const char *program)
{
    const char *name = strstr (program, "agentgate-");
    name = name ? name + strlen ("agentgate-") : program;
    size_t len = strlen (name);
    return strncmp (section + 1, name, len) == 0 && strcmp (section + 1 + len, "]") == 0;
}

/*  A file that was named must be there; the usual place may be empty. */
static int s_read_file (ag_settings_t *self, const char *program, const char *path, bool named, char **error_r)
{
    FILE *file = fopen (path, "re");
    if (!file) {
        if (!named && (errno == ENOENT || errno == ENOTDIR))
            return 0;
        *error_r = ag_asprintf ("cannot read the settings in %s: %s", path, strerror (errno));
        return -1;
    }
    char *line = NULL;
    size_t room = 0;
    int rc = 0;
    bool ours = true;
    for (int number = 1; rc == 0 && getline (&line, &room, file) >= 0; number++) {
        s_cut_comment (line);
        char *text = s_trim (line);
        if (*text == '[')
            ours = s_is_our_section (text, program);
        else if (ours && *text)
            rc = s_read_line (self, text, path, number, error_r);
    }
    free (line);
    fclose (file);
    return rc;
}

static int s_read_environment (ag_settings_t *self, char **error_r)
{
    for (size_t i = 0; i < self->count; i++) {
        const char *text = self->table[i].env ? getenv (self->table[i].env) : NULL;
        if (text && *text && s_put_words (self, i, text, S_ENVIRONMENT, self->table[i].env, error_r))
            return -1;
    }
    return 0;
}

static struct option *s_getopt_table (const ag_settings_t *self)
{
    struct option *options = ag_calloc (self->count + 3, sizeof *options);
    for (size_t i = 0; i < self->count; i++)
        options[i] = (struct option) { self->table[i].name,
            self->table[i].type == AG_SETTING_FLAG ? optional_argument : required_argument, NULL, 256 };
    options[self->count] = (struct option) { "help", no_argument, NULL, 'h' };
    options[self->count + 1] = (struct option) { "version", no_argument, NULL, 'V' };
    return options;
}

static int s_refuse (const char *word, const char *why, char **error_r)
{
    *error_r = ag_asprintf ("%s: %s; --help lists the options", word, why);
    return -1;
}

static int s_read_flags (ag_settings_t *self, const char *usage, int argc, char **argv, char **error_r)
{
    struct option *options = s_getopt_table (self);
    int rc = 0, found = 0, index = 0;
    opterr = 0;
    optind = 0;
    while (rc == 0) {
        int at = optind ? optind : 1;
        found = getopt_long (argc, argv, "+:h", options, &index);
        if (found == -1)
            break;
        if (found == 256) {
            char *where = ag_asprintf ("--%s", self->table[index].name);
            rc = s_put (self, (size_t) index, optarg ? optarg : "true", S_FLAG, where, error_r);
            free (where);
        } else if (found == 'h' || found == 'V')
            break;
        else
            rc = s_refuse (argv[at], found == ':' ? "needs a value" : "unknown or ambiguous option", error_r);
    }
    self->rest = optind;
    free (options);
    if (rc == 0 && (found == 'h' || found == 'V'))
        s_answer (self, found, usage, argv[0]);
    return rc;
}

/*  Defaults first, so that a setting always has its value. */
static int s_read_defaults (ag_settings_t *self, char **error_r)
{
    for (size_t i = 0; i < self->count; i++) {
        const char *text = self->table[i].fallback;
        if (self->table[i].type == AG_SETTING_FLAG && !text)
            text = "false";
        if (text && s_put_words (self, i, text, S_DEFAULT, self->table[i].name, error_r))
            return -1;
    }
    return 0;
}

/*  The strongest source is read twice: first it may name the file. */
ag_settings_t *ag_settings_new (const ag_setting_t *table, size_t count, const char *usage, int argc, char **argv,
    char **error_r)
{
    ag_settings_t *self = ag_calloc (1, sizeof *self);
    self->table = table;
    self->count = count;
    self->values = ag_calloc (count, sizeof *self->values);
    size_t config = s_row_of (self, "config");
    int rc = s_read_defaults (self, error_r) || s_read_environment (self, error_r)
        || s_read_flags (self, usage, argc, argv, error_r);
    if (rc == 0 && config < count && self->values[config].count) {
        const char *slash = strrchr (argv[0], '/'), *program = slash ? slash + 1 : argv[0];
        char *path = ag_strdup (self->values[config].values[0]);
        bool named = self->values[config].source != S_DEFAULT;
        for (size_t i = 0; i < count; i++)
            s_value_clear (&self->values[i]);
        rc = s_read_defaults (self, error_r) || s_read_file (self, program, path, named, error_r)
            || s_read_environment (self, error_r) || s_read_flags (self, usage, argc, argv, error_r);
        free (path);
    }
    if (rc)
        ag_settings_destroy (&self);
    return self;
}

/* ---------------------------------------------------------------------- */
/*  Reading */

int ag_settings_rest (const ag_settings_t *self)
{
    return self->rest;
}

static size_t s_known (const ag_settings_t *self, const char *name)
{
    size_t row = s_row_of (self, name);
    if (row == self->count) {
        ag_log_error ("SETTING_UNKNOWN", "the program asks for a setting that is not in its table: name=%s", name);
        abort ();
    }
    return row;
}

const char *ag_settings_string (const ag_settings_t *self, const char *name)
{
    return ag_settings_nth (self, name, 0);
}

int64_t ag_settings_integer (const ag_settings_t *self, const char *name)
{
    const char *text = ag_settings_string (self, name);
    int64_t number = 0;
    if (text && self->table[s_known (self, name)].type == AG_SETTING_SECONDS)
        s_parse_ms (text, &number);
    else if (text)
        s_parse_integer (text, &number);
    return number;
}

bool ag_settings_flag (const ag_settings_t *self, const char *name)
{
    const char *text = ag_settings_string (self, name);
    return text && s_parse_flag (text) == 1;
}

size_t ag_settings_count (const ag_settings_t *self, const char *name)
{
    return self->values[s_known (self, name)].count;
}

const char *ag_settings_nth (const ag_settings_t *self, const char *name, size_t index)
{
    const s_value_t *value = &self->values[s_known (self, name)];
    return index < value->count ? value->values[index] : NULL;
}

const char *ag_settings_source (const ag_settings_t *self, const char *name)
{
    return s_source_names[self->values[s_known (self, name)].source];
}

bool ag_settings_outweighs (const ag_settings_t *self, const char *name, const char *other)
{
    return self->values[s_known (self, name)].source > self->values[s_known (self, other)].source;
}

void ag_settings_print (const ag_settings_t *self, FILE *out)
{
    for (size_t i = 0; i < self->count; i++) {
        const s_value_t *value = &self->values[i];
        fprintf (out, "%s%s =", value->count && s_is_of_file (&self->table[i]) ? "" : "# ", self->table[i].name);
        for (size_t j = 0; j < value->count; j++)
            fprintf (out, " %s", value->values[j]);
        fprintf (out, "    # %s\n", s_source_names[value->source]);
    }
}
