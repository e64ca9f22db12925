/*  core/wire.c - the bytes on the bus

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/wire.h"

#include <msgpack.h>
#include <string.h>

#include "core/mem.h"
#include "core/mpread.h"

static const unsigned char s_magic[4] = { 'A', 'G', 'E', '1' };

static void s_put_u64 (unsigned char *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        at[i] = (unsigned char) value;
}

static uint64_t s_get_u64 (const unsigned char *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

void ag_header_pack (unsigned char header[AG_HEADER_SIZE], uint64_t epoch, uint64_t seq)
{
    memcpy (header, s_magic, sizeof s_magic);
    memset (header + 4, 0, 4);
    s_put_u64 (header + 8, epoch);
    s_put_u64 (header + 16, seq);
}

int ag_header_unpack (const void *data, size_t len, uint64_t *epoch_r, uint64_t *seq_r)
{
    const unsigned char *header = data;
    if (len != AG_HEADER_SIZE || memcmp (header, s_magic, sizeof s_magic) != 0)
        return -1;
    *epoch_r = s_get_u64 (header + 8);
    *seq_r = s_get_u64 (header + 16);
    return *epoch_r && *seq_r ? 0 : -1;
}

void ag_percent_append (ag_buf_t *out, ag_str_t text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char) text.ptr[i];
        if (c < 0x20 || c == 0x7f || c == '/' || c == '%' || c == '@') {
            char escape[3] = { '%', hex[c >> 4], hex[c & 15] };
            ag_buf_append (out, escape, sizeof escape);
        } else
            ag_buf_append_char (out, (char) c);
    }
}

void ag_topic_append_prefix (ag_buf_t *out, ag_str_t work_order, ag_str_t run)
{
    ag_buf_append_cstr (out, AG_TOPIC_ROOT);
    ag_percent_append (out, work_order);
    ag_buf_append_char (out, '/');
    if (!run.ptr)
        return;
    if (ag_str_is (run, "@"))
        ag_buf_append_char (out, '@');
    else
        ag_percent_append (out, run);
    ag_buf_append_char (out, '/');
}

void ag_topic_append (ag_buf_t *out, const ag_event_t *event)
{
    ag_str_t stream = ag_event_stream (event);
    ag_topic_append_prefix (out, ag_event_work_order (event), stream.ptr[0] == '@' ? AG_STR ("@") : stream);
    ag_buf_append_str (out, ag_event_type (event));
}

/* ---------------------------------------------------------------------- */
/*  Control messages: one table of keys serves both directions */

typedef enum { S_STRING, S_UNSIGNED, S_BOOLEAN, S_INT } s_key_type_t;

typedef struct {
    const char *name;           /* in the msgpack map */
    s_key_type_t type;
    size_t offset;              /* in ag_control_t */
} s_key_t;

static const s_key_t s_keys[] = {
    { "version", S_INT, offsetof (ag_control_t, version) },
    { "stream", S_STRING, offsetof (ag_control_t, stream) },
    { "workOrderId", S_STRING, offsetof (ag_control_t, work_order) },
    { "runId", S_STRING, offsetof (ag_control_t, run) },
    { "epoch", S_UNSIGNED, offsetof (ag_control_t, epoch) },
    { "first", S_UNSIGNED, offsetof (ag_control_t, first) },
    { "last", S_UNSIGNED, offsetof (ag_control_t, last) },
    { "ended", S_BOOLEAN, offsetof (ag_control_t, ended) },
    { "resume", S_UNSIGNED, offsetof (ag_control_t, resume) },
    { "durable", S_UNSIGNED, offsetof (ag_control_t, durable) },
    { "conflict", S_BOOLEAN, offsetof (ag_control_t, conflict) },
    { "error", S_STRING, offsetof (ag_control_t, error) },
    { "from", S_UNSIGNED, offsetof (ag_control_t, from) },
    { "to", S_UNSIGNED, offsetof (ag_control_t, to) },
    { "gone", S_UNSIGNED, offsetof (ag_control_t, gone) },
    { "maxBytes", S_UNSIGNED, offsetof (ag_control_t, max_bytes) },
};
enum { S_KEY_COUNT = sizeof s_keys / sizeof s_keys[0] };

static const char *const s_names[AG_CONTROL_COUNT] = { "", "HELLO", "WELCOME", "RESEND", "EVENT", "RESENT", "HEARTBEAT",
    "GOODBYE", "ACK", "CANCEL", "WHO" };

const char *ag_control_name (ag_control_kind_t kind)
{
    return s_names[(unsigned) kind < AG_CONTROL_COUNT ? kind : AG_CONTROL_UNKNOWN];
}

ag_control_kind_t ag_control_kind (const void *name, size_t len)
{
    for (int kind = 1; kind < AG_CONTROL_COUNT; kind++)
        if (strlen (s_names[kind]) == len && memcmp (s_names[kind], name, len) == 0)
            return (ag_control_kind_t) kind;
    return AG_CONTROL_UNKNOWN;
}

/*  A field at its zero is absent, and is not written. */
static bool s_set (const ag_control_t *message, const s_key_t *key)
{
    const char *at = (const char *) message + key->offset;
    switch (key->type) {
    case S_STRING: return ((const ag_str_t *) (const void *) at)->ptr != NULL;
    case S_UNSIGNED: return *(const uint64_t *) (const void *) at != 0;
    case S_BOOLEAN: return *(const bool *) at;
    case S_INT: return *(const int *) (const void *) at != 0;
    }
    return false;
}

static int s_write (void *context, const char *bytes, size_t len)
{
    ag_buf_append (context, bytes, len);
    return 0;
}

static void s_pack_value (msgpack_packer *packer, const ag_control_t *message, const s_key_t *key)
{
    const char *at = (const char *) message + key->offset;
    switch (key->type) {
    case S_STRING: {
        const ag_str_t *text = (const void *) at;
        msgpack_pack_str (packer, text->len);
        msgpack_pack_str_body (packer, text->ptr, text->len);
        break;
    }
    case S_UNSIGNED: msgpack_pack_uint64 (packer, *(const uint64_t *) (const void *) at); break;
    case S_BOOLEAN: msgpack_pack_true (packer); break;
    case S_INT: msgpack_pack_int (packer, *(const int *) (const void *) at); break;
    }
}

void ag_control_pack (const ag_control_t *message, ag_buf_t *out)
{
    msgpack_packer packer;
    msgpack_packer_init (&packer, out, s_write);
    size_t count = 0;
    for (size_t i = 0; i < S_KEY_COUNT; i++)
        count += s_set (message, &s_keys[i]);
    msgpack_pack_map (&packer, count);
    for (size_t i = 0; i < S_KEY_COUNT; i++) {
        if (!s_set (message, &s_keys[i]))
            continue;
        msgpack_pack_str (&packer, strlen (s_keys[i].name));
        msgpack_pack_str_body (&packer, s_keys[i].name, strlen (s_keys[i].name));
        s_pack_value (&packer, message, &s_keys[i]);
    }
}

static int s_unpack_value (ag_control_t *message, const s_key_t *key, const ag_mp_value_t *value)
{
    char *at = (char *) message + key->offset;
    switch (key->type) {
    case S_STRING:
        if (value->type != AG_MP_STRING)
            return -1;
        *(ag_str_t *) (void *) at = value->u.bytes;
        return 0;
    case S_UNSIGNED:
        if (value->type != AG_MP_UNSIGNED && (value->type != AG_MP_INTEGER || value->u.integer < 0))
            return -1;
        *(uint64_t *) (void *) at = value->type == AG_MP_UNSIGNED ? value->u.uint : (uint64_t) value->u.integer;
        return 0;
    case S_BOOLEAN:
        if (value->type != AG_MP_BOOLEAN)
            return -1;
        *(bool *) at = value->u.boolean;
        return 0;
    case S_INT:
        if (value->type != AG_MP_INTEGER || value->u.integer < 0 || value->u.integer > 1000000)
            return -1;
        *(int *) (void *) at = (int) value->u.integer;
        return 0;
    }
    return -1;
}

int ag_control_unpack (ag_control_kind_t kind, const void *data, size_t len, ag_control_t *message_r)
{
    *message_r = (ag_control_t) { .kind = kind };
    ag_mp_t at = ag_mp (data, len);
    if (ag_mp_skip (&at, 8) || !ag_mp_at_end (&at))
        return -1;
    for (size_t i = 0; i < S_KEY_COUNT; i++) {
        ag_mp_value_t value;
        int found = ag_mp_map_get (ag_mp (data, len), s_keys[i].name, &value);
        if (found < 0 || (found && s_unpack_value (message_r, &s_keys[i], &value)))
            return -1;
    }
    return 0;
}
