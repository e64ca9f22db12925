/*  agent/said.c - which record said which message, for an agent that takes it back

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/said.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "core/mem.h"

enum {
    RECORDS_MAX = 256,          /* the oldest is forgotten first */
    ID_SIZE = 80                /* of a uuid or a message, with NUL; longer ones are not remembered */
};

typedef struct {
    char uuid[ID_SIZE];         /* "": free */
    char message_id[ID_SIZE];
} s_record_t;

struct ag_said {
    s_record_t records[RECORDS_MAX];
    size_t next;                /* where the next one goes */
};

ag_said_t *ag_said_new (void)
{
    return ag_calloc (1, sizeof (ag_said_t));
}

void ag_said_destroy (ag_said_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

void ag_said_note (ag_said_t *self, ag_str_t uuid, ag_str_t message_id)
{
    if (!uuid.len || !message_id.len || uuid.len >= ID_SIZE || message_id.len >= ID_SIZE)
        return;
    s_record_t *record = &self->records[self->next++ % RECORDS_MAX];
    memcpy (record->uuid, uuid.ptr, uuid.len);
    record->uuid[uuid.len] = 0;
    memcpy (record->message_id, message_id.ptr, message_id.len);
    record->message_id[message_id.len] = 0;
}

static s_record_t *s_find (ag_said_t *self, ag_str_t uuid)
{
    for (size_t i = 0; i < RECORDS_MAX; i++)
        if (self->records[i].uuid[0] && ag_str_is (uuid, self->records[i].uuid))
            return &self->records[i];
    return NULL;
}

static bool s_holds (struct json_object *ids, const char *id)
{
    for (size_t i = 0; i < json_object_array_length (ids); i++)
        if (!strcmp (json_object_get_string (json_object_array_get_idx (ids, i)), id))
            return true;
    return false;
}

struct json_object *ag_said_take (ag_said_t *self, ag_val_t *uuids)
{
    struct json_object *ids = NULL;
    size_t count = 0;
    for (ag_val_t *uuid = ag_val_first (uuids); uuid && count++ < RECORDS_MAX; uuid = ag_val_next (uuids, uuid)) {
        s_record_t *record = s_find (self, ag_val_text (uuid));
        if (!record)
            continue;
        if (!ids)
            ids = json_object_new_array ();
        if (!s_holds (ids, record->message_id))
            json_object_array_add (ids, json_object_new_string (record->message_id));
        record->uuid[0] = 0;
    }
    return ids;
}
