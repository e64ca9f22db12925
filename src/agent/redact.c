/*  agent/redact.c - takes secrets out of drafts

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A delta goes through the stream of its block, which may hold its end back;
    the draft itself waits with it, as the form in which that comes out later.
    A whole text is scrubbed by itself; where it came in pieces, a private key
    may go on in the next.
*/
#include "agent/redact.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <json-c/json.h>

#include "agent/out.h"
#include "agent/scrub.h"
#include "core/mem.h"
#include "core/utf8.h"

enum {
    HOLD_US = 200 * 1000,
    BLOCKS_MAX = 256,           /* streams at once; the oldest is flushed first */
    KEY_MAX_BYTES = 128,        /* of a member's name that may say what its value is */
    MAX_DEPTH = 64              /* of an object; what is nested deeper is scrubbed as text */
};

/*  A block of a message that comes in deltas. */
typedef struct s_block {
    TAILQ_ENTRY (s_block) link;
    ag_draft_t *form;           /* its last delta, or what is left of it: names the block */
    ag_scrub_stream_t stream;
    int64_t deadline_us;        /* when what is held must come out */
} s_block_t;

struct ag_redact {
    ag_draft_sink_fn *sink;
    void *context;              /* of the sink */
    ag_scrub_t *scrub;
    ag_buf_t out;               /* a text without its secrets */
    uint64_t count;             /* of secrets; deltas are not counted, since their whole follows */
    TAILQ_HEAD (s_blocks, s_block) blocks;      /* by their first delta */
    size_t block_count;
    ag_draft_t *last_piece;     /* names the text whose last piece left something open; NULL: none */
    ag_scrub_open_t open;       /* what it left */
    ag_scrub_open_t raw_open, stderr_open;      /* what the last raw line, and the last of stderr, left */
    bool disabled;              /* passes everything on */
};

ag_redact_t *ag_redact_new (const ag_str_t *secrets, size_t count, ag_draft_sink_fn *sink, void *context)
{
    ag_redact_t *self = ag_calloc (1, sizeof *self);
    self->sink = sink;
    self->context = context;
    self->scrub = ag_scrub_new (secrets, count);
    TAILQ_INIT (&self->blocks);
    return self;
}

static void s_destroy_block (ag_redact_t *self, s_block_t *block)
{
    TAILQ_REMOVE (&self->blocks, block, link);
    self->block_count--;
    ag_draft_destroy (&block->form);
    ag_buf_free (&block->stream.held);
    free (block);
}

void ag_redact_destroy (ag_redact_t **self_p)
{
    ag_redact_t *self = *self_p;
    if (!self)
        return;
    while (!TAILQ_EMPTY (&self->blocks))
        s_destroy_block (self, TAILQ_FIRST (&self->blocks));
    ag_scrub_destroy (&self->scrub);
    ag_buf_free (&self->out);
    ag_draft_destroy (&self->last_piece);
    free (self);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Texts and objects */

static ag_str_t s_out (const ag_redact_t *self)
{
    return (ag_str_t) { self->out.len ? self->out.data : "", self->out.len };
}

/*  Only what may have as many characters by its bytes is counted. */
static bool s_is_preview (ag_str_t text)
{
    return text.len >= AG_PREVIEW_CHARS && text.len <= 4 * AG_PREVIEW_CHARS
        && ag_utf8_count (text.ptr, text.len) == AG_PREVIEW_CHARS;
}

/*  A text that is as long as texts may be was cut before it came here, perhaps in
    the middle of a secret: then the beginning of one counts too. */
static bool s_is_full (ag_str_t text)
{
    return text.len > AG_TEXT_MAX_BYTES - 4 || s_is_preview (text);
}

/*  True: the field was changed. */
static bool s_scrub_field (ag_redact_t *self, ag_draft_t *draft, ag_field_t field, bool cut)
{
    ag_str_t text = ag_draft_string (draft, field);
    if (!text.len || !ag_scrub_text (self->scrub, text, cut, NULL, &self->out, &self->count))
        return false;
    ag_draft_set_string (draft, field, self->out.data, self->out.len);
    return true;
}

static struct json_object *s_scrub_tree (ag_redact_t *self, struct json_object *value, int depth);

static struct json_object *s_scrub_string (ag_redact_t *self, const char *text, size_t len)
{
    ag_str_t given = { text, len };
    if (!ag_scrub_text (self->scrub, given, s_is_full (given), NULL, &self->out, &self->count))
        return NULL;
    return json_object_new_string_len (self->out.data ? self->out.data : "", (int) self->out.len);
}

/*  {"password":"..."}: an assignment in two parts, so it is looked at as one. */
static struct json_object *s_scrub_pair (ag_redact_t *self, const char *key, const char *text, size_t len)
{
    ag_buf_t line = { 0 };
    uint64_t count = 0;
    struct json_object *scrubbed = NULL;
    bool cut = s_is_full ((ag_str_t) { text, len });
    ag_buf_printf (&line, "%s=\"", key);
    size_t head = line.len;
    ag_buf_append (&line, text, len);
    if (!cut)
        ag_buf_append_char (&line, '"');
    bool found = ag_scrub_text (self->scrub, (ag_str_t) { line.data, line.len }, cut, NULL, &self->out, &count);
    bool framed = found && self->out.len > head && !memcmp (self->out.data, line.data, head)
        && (cut || self->out.data[self->out.len - 1] == '"');
    if (framed) {
        scrubbed = json_object_new_string_len (self->out.data + head, (int) (self->out.len - head - !cut));
        self->count += count;
    }
    ag_buf_free (&line);
    return found && !framed ? s_scrub_string (self, text, len) : scrubbed;
}

static struct json_object *s_scrub_member (ag_redact_t *self, const char *key, struct json_object *value, int depth)
{
    if (!json_object_is_type (value, json_type_string))
        return s_scrub_tree (self, value, depth);
    const char *text = json_object_get_string (value);
    size_t len = (size_t) json_object_get_string_len (value);
    return strlen (key) < KEY_MAX_BYTES ? s_scrub_pair (self, key, text, len) : s_scrub_string (self, text, len);
}

/*  A copy to replace members of; the members are shared. */
static struct json_object *s_copy_shallow (struct json_object *value)
{
    struct json_object *copy;
    if (json_object_is_type (value, json_type_array)) {
        copy = json_object_new_array ();
        for (size_t i = 0; i < json_object_array_length (value); i++)
            json_object_array_add (copy, json_object_get (json_object_array_get_idx (value, i)));
        return copy;
    }
    copy = json_object_new_object ();
    json_object_object_foreach (value, key, member) {
        json_object_object_add (copy, key, json_object_get (member));
    }
    return copy;
}

static bool s_is_secret_key (ag_redact_t *self, const char *key)
{
    size_t len = strlen (key);
    return len >= AG_REDACT_MIN_BYTES
        && ag_scrub_text (self->scrub, (ag_str_t) { key, len }, false, NULL, &self->out, &self->count);
}

/*  A copy with the names of members scrubbed too; members that then have the same name get a number. */
static struct json_object *s_rename (ag_redact_t *self, struct json_object *value)
{
    struct json_object *copy = json_object_new_object ();
    uint64_t number = 0;
    json_object_object_foreach (value, key, member) {
        if (!s_is_secret_key (self, key)) {
            json_object_object_add (copy, key, json_object_get (member));
            continue;
        }
        if (json_object_object_get_ex (copy, ag_buf_cstr (&self->out), NULL))
            ag_buf_printf (&self->out, " %llu", (unsigned long long) ++number);
        json_object_object_add (copy, ag_buf_cstr (&self->out), json_object_get (member));
    }
    return copy;
}

static struct json_object *s_scrub_object (ag_redact_t *self, struct json_object *value, int depth)
{
    struct json_object *copy = NULL;
    bool rename = false;
    uint64_t count = self->count;
    json_object_object_foreach (value, key, member) {
        rename |= s_is_secret_key (self, key);
        self->count = count;            /* counted when it is renamed */
        struct json_object *scrubbed = s_scrub_member (self, key, member, depth + 1);
        count = self->count;
        if (!scrubbed)
            continue;
        if (!copy)
            copy = s_copy_shallow (value);
        json_object_object_add (copy, key, scrubbed);
    }
    if (!rename)
        return copy;
    struct json_object *renamed = s_rename (self, copy ? copy : value);
    json_object_put (copy);
    return renamed;
}

static struct json_object *s_scrub_array (ag_redact_t *self, struct json_object *value, int depth)
{
    struct json_object *copy = NULL;
    for (size_t i = 0; i < json_object_array_length (value); i++) {
        struct json_object *scrubbed = s_scrub_tree (self, json_object_array_get_idx (value, i), depth + 1);
        if (!scrubbed)
            continue;
        if (!copy)
            copy = s_copy_shallow (value);
        json_object_array_put_idx (copy, i, scrubbed);
    }
    return copy;
}

/*  NULL: nothing to hide. Else a new tree; the given one, which others share,
    is never changed. */
static struct json_object *s_scrub_tree (ag_redact_t *self, struct json_object *value, int depth)
{
    size_t len;
    if (json_object_is_type (value, json_type_string))
        return s_scrub_string (self, json_object_get_string (value), (size_t) json_object_get_string_len (value));
    bool nested = json_object_is_type (value, json_type_object) || json_object_is_type (value, json_type_array);
    if (nested && depth > MAX_DEPTH) {
        const char *text = json_object_to_json_string_length (value, JSON_C_TO_STRING_PLAIN, &len);
        return s_scrub_string (self, text, len);
    }
    if (json_object_is_type (value, json_type_object))
        return s_scrub_object (self, value, depth);
    return nested ? s_scrub_array (self, value, depth) : NULL;
}

static void s_scrub_object_field (ag_redact_t *self, ag_draft_t *draft, ag_field_t field)
{
    struct json_object *value = ag_draft_object (draft, field);
    struct json_object *scrubbed = value ? s_scrub_tree (self, value, 0) : NULL;
    if (!scrubbed)
        return;
    ag_draft_set_object (draft, field, scrubbed);
    json_object_put (scrubbed);
}

/* ---------------------------------------------------------------------- */
/*  Drafts */

/*  The preview is the beginning of the content: it is made anew from what is
    left, so that no secret survives cut in half. Where less of the content is
    kept than of the preview, or nothing, the preview is looked at by itself. */
static void s_scrub_content (ag_redact_t *self, ag_draft_t *draft)
{
    bool truncated = ag_draft_boolean (draft, AG_F_CONTENT_TRUNCATED, false);
    if (ag_draft_string (draft, AG_F_CONTENT).len < ag_draft_string (draft, AG_F_CONTENT_PREVIEW).len) {
        int64_t whole = ag_draft_integer (draft, AG_F_CONTENT_LENGTH, 0);
        s_scrub_field (self, draft, AG_F_CONTENT_PREVIEW, whole > AG_PREVIEW_CHARS);
        uint64_t count = self->count;
        s_scrub_field (self, draft, AG_F_CONTENT, truncated);
        self->count = count;    /* it repeats the preview */
        return;
    }
    if (!s_scrub_field (self, draft, AG_F_CONTENT, truncated))
        return;
    size_t len = ag_utf8_prefix_chars (self->out.data, self->out.len, AG_PREVIEW_CHARS);
    ag_draft_set_string (draft, AG_F_CONTENT_PREVIEW, self->out.data, len);
}

static void s_scrub_draft (ag_redact_t *self, ag_draft_t *draft)
{
    static const ag_field_t fields[] = { AG_F_MESSAGE, AG_F_COMMAND, AG_F_CWD, AG_F_TOOL_NAME, AG_F_PATH,
                                         AG_F_RESULT_PREVIEW, AG_F_TASK_PROMPT };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        s_scrub_field (self, draft, fields[i], s_is_full (ag_draft_string (draft, fields[i])));
    s_scrub_object_field (self, draft, AG_F_INPUT);
    s_scrub_object_field (self, draft, AG_F_DETAILS);
    uint64_t count = self->count;
    s_scrub_content (self, draft);
    bool told = self->count > count;
    count = self->count;
    ag_str_t error = ag_draft_string (draft, AG_F_ERROR);      /* a preview, perhaps with words before it */
    s_scrub_field (self, draft, AG_F_ERROR, ag_utf8_count (error.ptr, error.len) >= AG_PREVIEW_CHARS);
    if (told)
        self->count = count;    /* the error of a result repeats its content */
}

static bool s_same_field (const ag_draft_t *a, const ag_draft_t *b, ag_field_t field)
{
    return ag_str_eq (ag_draft_string (a, field), ag_draft_string (b, field));
}

static bool s_same_block (const ag_draft_t *a, const ag_draft_t *b)
{
    return s_same_field (a, b, AG_F_MESSAGE_ID) && s_same_field (a, b, AG_F_PARENT_TOOL_USE_ID)
        && s_same_field (a, b, AG_F_KIND)
        && ag_draft_integer (a, AG_F_BLOCK_INDEX, -1) == ag_draft_integer (b, AG_F_BLOCK_INDEX, -1);
}

static void s_send (ag_redact_t *self, ag_draft_t **draft_p)
{
    self->sink (self->context, draft_p);
}

/*  The block's name alone, as a draft. */
static ag_draft_t *s_name (const ag_draft_t *draft)
{
    static const ag_field_t fields[] = { AG_F_MESSAGE_ID, AG_F_PARENT_TOOL_USE_ID, AG_F_KIND };
    ag_draft_t *name = ag_draft_new (AG_AGENT_OUTPUT);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        ag_str_t text = ag_draft_string (draft, fields[i]);
        if (text.ptr)
            ag_draft_set_string (name, fields[i], text.ptr, text.len);
    }
    if (ag_draft_has (draft, AG_F_BLOCK_INDEX))
        ag_draft_set_integer (name, AG_F_BLOCK_INDEX, ag_draft_integer (draft, AG_F_BLOCK_INDEX, 0));
    return name;
}

/* ---------------------------------------------------------------------- */
/*  Deltas */

static s_block_t *s_block (ag_redact_t *self, const ag_draft_t *draft)
{
    for (s_block_t *block = TAILQ_FIRST (&self->blocks); block; block = TAILQ_NEXT (block, link))
        if (s_same_block (block->form, draft))
            return block;
    return NULL;
}

/*  Sends a delta with the text in `out`, in the form of the block's. */
static void s_send_held (ag_redact_t *self, s_block_t *block)
{
    if (!self->out.len)
        return;
    ag_draft_t *draft = s_name (block->form);
    ag_draft_set_string (draft, AG_F_CONTENT, self->out.data, self->out.len);
    ag_draft_set_boolean (draft, AG_F_PARTIAL, true);
    s_send (self, &draft);
}

static void s_flush_block (ag_redact_t *self, s_block_t *block)
{
    ag_buf_clear (&self->out);
    ag_scrub_flush (self->scrub, &block->stream, &self->out);
    s_send_held (self, block);
}

static s_block_t *s_new_block (ag_redact_t *self, const ag_draft_t *draft)
{
    if (self->block_count == BLOCKS_MAX) {
        s_block_t *oldest = TAILQ_FIRST (&self->blocks);
        s_flush_block (self, oldest);
        s_destroy_block (self, oldest);
    }
    s_block_t *block = ag_calloc (1, sizeof *block);
    block->form = s_name (draft);
    TAILQ_INSERT_TAIL (&self->blocks, block, link);
    self->block_count++;
    return block;
}

static void s_push_delta (ag_redact_t *self, ag_draft_t **draft_p, int64_t now_us)
{
    s_block_t *block = s_block (self, *draft_p);
    if (!block)
        block = s_new_block (self, *draft_p);
    bool held = ag_scrub_holds (&block->stream);
    ag_buf_clear (&self->out);
    ag_scrub_feed (self->scrub, &block->stream, ag_draft_string (*draft_p, AG_F_CONTENT), &self->out);
    if (ag_scrub_holds (&block->stream) && (!held || self->out.len))
        block->deadline_us = now_us + HOLD_US;
    if (!self->out.len) {
        ag_draft_destroy (draft_p);
        return;
    }
    ag_draft_set_string (*draft_p, AG_F_CONTENT, self->out.data, self->out.len);
    s_send (self, draft_p);
}

/*  A whole text ends the deltas of its block. */
static void s_end_deltas (ag_redact_t *self, const ag_draft_t *whole)
{
    s_block_t *block = s_block (self, whole);
    if (!block)
        return;
    s_flush_block (self, block);
    s_destroy_block (self, block);
}

/*  A key that is printed line by line comes as a draft a line. What is nothing
    but more of it says nothing. */
static void s_push_line (ag_redact_t *self, ag_draft_t **draft_p, ag_field_t field, ag_scrub_open_t *open)
{
    ag_str_t line = ag_draft_string (*draft_p, field);
    ag_scrub_next_line (self->scrub, open, line);
    if (ag_scrub_text (self->scrub, line, false, open, &self->out, &self->count)) {
        bool says_more = ag_draft_has (*draft_p, AG_F_DETAILS);
        if (!self->out.len && !says_more) {
            ag_draft_destroy (draft_p);
            return;
        }
        if (!self->out.len)
            ag_buf_append_cstr (&self->out, "[redacted]");
        ag_draft_set_string (*draft_p, field, self->out.data, self->out.len);
    }
    s_send (self, draft_p);
}

static bool s_is_line (const ag_draft_t *output)
{
    return ag_str_is (ag_draft_string (output, AG_F_KIND), "raw") && !ag_draft_has (output, AG_F_MESSAGE_ID);
}

static bool s_is_stderr (const ag_draft_t *draft)
{
    return ag_draft_kind (draft) == AG_AGENT_ERROR && ag_str_is (ag_draft_string (draft, AG_F_SOURCE), "stderr");
}

static void s_push_text (ag_redact_t *self, ag_draft_t **draft_p)
{
    s_end_deltas (self, *draft_p);
    bool goes_on = self->last_piece && s_same_block (self->last_piece, *draft_p);
    ag_scrub_open_t open = goes_on ? self->open : (ag_scrub_open_t) { 0 };
    ag_str_t content = ag_draft_string (*draft_p, AG_F_CONTENT);
    if (ag_scrub_text (self->scrub, content, false, &open, &self->out, &self->count))
        ag_draft_set_string (*draft_p, AG_F_CONTENT, s_out (self).ptr, self->out.len);
    ag_draft_destroy (&self->last_piece);
    if (open.state != AG_SCRUB_CLOSED && ag_draft_has (*draft_p, AG_F_MESSAGE_ID))
        self->last_piece = s_name (*draft_p);
    self->open = open;
    s_send (self, draft_p);
}

/* ---------------------------------------------------------------------- */

void ag_redact_tick (ag_redact_t *self, int64_t now_us)
{
    for (s_block_t *block = TAILQ_FIRST (&self->blocks); block; block = TAILQ_NEXT (block, link))
        if (ag_scrub_holds (&block->stream) && block->deadline_us <= now_us)
            s_flush_block (self, block);
}

void ag_redact_disable (ag_redact_t *self)
{
    self->disabled = true;
}

void ag_redact_push (ag_redact_t *self, ag_draft_t **draft_p, int64_t now_us)
{
    if (self->disabled) {
        self->sink (self->context, draft_p);
        return;
    }
    ag_redact_tick (self, now_us);
    if (s_is_stderr (*draft_p)) {
        s_scrub_object_field (self, *draft_p, AG_F_DETAILS);
        s_push_line (self, draft_p, AG_F_MESSAGE, &self->stderr_open);
    }
    else if (ag_draft_kind (*draft_p) != AG_AGENT_OUTPUT) {
        s_scrub_draft (self, *draft_p);
        s_send (self, draft_p);
    }
    else if (s_is_line (*draft_p))
        s_push_line (self, draft_p, AG_F_CONTENT, &self->raw_open);
    else if (ag_draft_boolean (*draft_p, AG_F_PARTIAL, false))
        s_push_delta (self, draft_p, now_us);
    else
        s_push_text (self, draft_p);
}

void ag_redact_flush (ag_redact_t *self)
{
    ag_redact_tick (self, INT64_MAX);
}

int64_t ag_redact_deadline_us (const ag_redact_t *self)
{
    int64_t deadline_us = INT64_MAX;
    for (const s_block_t *block = TAILQ_FIRST (&self->blocks); block; block = TAILQ_NEXT (block, link))
        if (ag_scrub_holds (&block->stream) && block->deadline_us < deadline_us)
            deadline_us = block->deadline_us;
    return deadline_us;
}

uint64_t ag_redact_count (const ag_redact_t *self)
{
    return self->count;
}
