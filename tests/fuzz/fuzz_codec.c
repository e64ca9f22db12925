/*  tests/fuzz/fuzz_codec.c - what comes from the bus, with nobody vouching for it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The first byte chooses: an event, a control message, a header. An event
    that is taken must give JSON that json-c takes, and the same event again
    from its own bytes.
*/
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/rolled.h"
#include "core/wire.h"

int LLVMFuzzerTestOneInput (const unsigned char *data, size_t size);

static void s_require (int holds)
{
    if (!holds)
        abort ();
}

static void s_check_json (ag_str_t text)
{
    struct json_tokener *tokener = json_tokener_new_ex (AG_EVENT_MAX_DEPTH + 8);
    struct json_object *json = json_tokener_parse_ex (tokener, text.ptr, (int) text.len);
    s_require (json_tokener_get_error (tokener) == json_tokener_success && json_object_is_type (json, json_type_object));
    json_object_put (json);
    json_tokener_free (tokener);
}

static void s_event (const unsigned char *data, size_t size)
{
    char *error = NULL;
    ag_event_t *event = ag_event_decode (data, size, 1, &error);
    s_require (!event == !!error);
    free (error);
    if (!event)
        return;
    s_check_json (ag_event_json (event));
    ag_buf_t out = { 0 };
    ag_str_t content = AG_STR ("rolled");
    ag_rolled_json (event, 1, &content, &out);
    s_check_json ((ag_str_t) { out.data, out.len });
    ag_buf_clear (&out);
    ag_topic_append (&out, event);
    s_require (out.len > strlen (AG_TOPIC_ROOT));
    for (int field = 1; field < AG_F_COUNT; field++)
        switch (ag_field_type ((ag_field_t) field)) {
        case AG_TYPE_STRING: ag_event_string (event, (ag_field_t) field); break;
        case AG_TYPE_INTEGER: ag_event_integer (event, (ag_field_t) field, 0); break;
        case AG_TYPE_NUMBER: ag_event_number (event, (ag_field_t) field, 0); break;
        case AG_TYPE_BOOLEAN: ag_event_boolean (event, (ag_field_t) field, false); break;
        case AG_TYPE_OBJECT: break;
        }
    ag_buf_free (&out);
    ag_event_unref (&event);
}

static void s_control (const unsigned char *data, size_t size)
{
    ag_control_t message, again;
    if (ag_control_unpack (AG_CONTROL_HELLO, data, size, &message))
        return;
    ag_buf_t out = { 0 };
    ag_control_pack (&message, &out);
    s_require (ag_control_unpack (AG_CONTROL_HELLO, out.data, out.len, &again) == 0);
    s_require (again.epoch == message.epoch && again.last == message.last && again.stream.len == message.stream.len);
    ag_buf_free (&out);
}

int LLVMFuzzerTestOneInput (const unsigned char *data, size_t size)
{
    uint64_t epoch, seq;
    if (!size)
        return 0;
    switch (data[0] % 4) {
    case 0: s_control (data + 1, size - 1); break;
    case 1: ag_header_unpack (data + 1, size - 1, &epoch, &seq); break;
    default: s_event (data + 1, size - 1);
    }
    return 0;
}
