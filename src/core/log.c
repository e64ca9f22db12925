/*  core/log.c - what a program tells its operator, on stderr

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/utf8.h"

static const char *s_program = "agentgate";
static ag_log_level_t s_level = AG_LOG_INFO;
static bool s_json = false;
static ag_log_sink_fn *s_sink;
static void *s_sink_context;
static const char *const s_level_names[] = { "error", "warning", "info", "debug" };

void ag_log_init (const char *program, ag_log_level_t level, bool json)
{
    s_program = program;
    s_level = level;
    s_json = json;
}

void ag_log_set_sink (ag_log_sink_fn *sink, void *context)
{
    s_sink = sink;
    s_sink_context = context;
}

bool ag_log_enabled (ag_log_level_t level)
{
    return level <= s_level;
}

int ag_log_level_parse (const char *text, ag_log_level_t *level_r)
{
    for (int level = AG_LOG_ERROR; level <= AG_LOG_DEBUG; level++)
        if (strcmp (text, s_level_names[level]) == 0) {
            *level_r = (ag_log_level_t) level;
            return 0;
        }
    return -1;
}

/*  Controls, DEL and C1 as \xNN: a run id or an agent's name may hold escape
    sequences, and stderr is often a terminal. */
static void s_append_harmless (ag_buf_t *out, const char *text, size_t len)
{
    ag_buf_t repaired = { 0 };
    ag_utf8_append_repaired (&repaired, text, len);
    for (size_t i = 0; i < repaired.len; i++) {
        unsigned char c = (unsigned char) repaired.data[i];
        if (c == 0xc2 && i + 1 < repaired.len && (unsigned char) repaired.data[i + 1] < 0xa0)
            ag_buf_printf (out, "\\x%02x", (unsigned char) repaired.data[++i]);
        else if (c < 0x20 || c == 0x7f)
            ag_buf_printf (out, "\\x%02x", c);
        else
            ag_buf_append_char (out, (char) c);
    }
    ag_buf_free (&repaired);
}

/*  One write, so that lines of several programs do not mix. */
static void s_write (ag_buf_t *line)
{
    ag_buf_append_char (line, '\n');
    if (s_sink) {
        s_sink (s_sink_context, line->data, line->len);
        return;
    }
    size_t done = 0;
    while (done < line->len) {
        ssize_t rc = write (STDERR_FILENO, line->data + done, line->len - done);
        if (rc < 0 && errno != EINTR)
            break;
        done += rc > 0 ? (size_t) rc : 0;
    }
}

static void s_log_json (ag_buf_t *line, ag_log_level_t level, const char *id, ag_str_t text)
{
    char timestamp[AG_TIMESTAMP_SIZE];
    ag_clock_format (ag_clock_wall_us (), timestamp);
    ag_buf_printf (line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%d,\"id\":\"%s\",\"message\":",
        timestamp, s_level_names[level], s_program, (int) getpid (), id);
    ag_buf_append_json_string (line, text);
    ag_buf_append_char (line, '}');
}

static void s_log_text (ag_buf_t *line, ag_log_level_t level, const char *id, ag_str_t text)
{
    ag_buf_printf (line, "%s: ", s_program);
    if (level != AG_LOG_INFO)
        ag_buf_printf (line, "%s: ", s_level_names[level]);
    s_append_harmless (line, text.ptr, text.len);
    if (*id)
        ag_buf_printf (line, " [%s]", id);
}

void ag_log (ag_log_level_t level, const char *id, const char *format, ...)
{
    if (!ag_log_enabled (level))
        return;
    int saved_errno = errno;
    char *text = NULL;
    va_list args;
    va_start (args, format);
    int len = vasprintf (&text, format, args);
    va_end (args);
    if (len >= 0) {
        ag_buf_t line = { 0 };
        (s_json ? s_log_json : s_log_text) (&line, level, id, (ag_str_t) { text, (size_t) len });
        s_write (&line);
        ag_buf_free (&line);
        free (text);
    }
    errno = saved_errno;
}

void ag_fatal (int status, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start (args, format);
    int len = vasprintf (&text, format, args);
    va_end (args);
    ag_buf_t line = { 0 };
    ag_buf_printf (&line, "%s: ", s_program);
    if (len >= 0)
        s_append_harmless (&line, text, (size_t) len);
    s_write (&line);
    ag_buf_free (&line);
    free (text);
    exit (status);
}
