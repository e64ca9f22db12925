/*  agent/json.h - reading what a draft holds, a json-c tree

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    For who looks at drafts: progress, redaction. The agent's lines are read by
    agent/val.h.
*/
#ifndef AG_AGENT_JSON_H
#define AG_AGENT_JSON_H

#include <json-c/json.h>

#include <agentgate/event.h>

/*  Members; absent ({NULL, 0}, NULL, the fallback) when there is none, when it
    is null or of another type, and when `object` is none. */
struct json_object *ag_json_array (struct json_object *object, const char *key);
ag_str_t ag_json_str (struct json_object *object, const char *key);
bool ag_json_bool (struct json_object *object, const char *key, bool fallback);
bool ag_json_is (struct json_object *object, const char *key, const char *literal);
/*  The first of the NULL-terminated keys that holds a string. */
ag_str_t ag_json_str_any (struct json_object *object, const char *const *keys);

#endif
