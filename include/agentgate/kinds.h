/*  agentgate/kinds.h - event types, fields and priorities (SPEC section 4)

    Made by proto/generate.py from proto/events.json. Change that, not this.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AGENTGATE_KINDS_H
#define AGENTGATE_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*  Version of the event table. */
#define AG_EVENTS_VERSION 1

/*  Event types. Unknown is one that a newer writer has sent. */
typedef enum {
    AG_KIND_UNKNOWN,
    AG_WORK_ORDER_CREATED,
    AG_WORK_ORDER_UPDATED,
    AG_RUN_STARTED,
    AG_RUN_ITERATION,
    AG_RUN_COMPLETED,
    AG_RUN_FAILED,
    AG_AGENT_TOOL_CALL,
    AG_AGENT_TOOL_RESULT,
    AG_AGENT_OUTPUT,
    AG_AGENT_ERROR,
    AG_AGENT_USAGE,
    AG_FILE_CHANGED,
    AG_PROGRESS_UPDATE,
    AG_KIND_COUNT
} ag_kind_t;

/*  Field names; one name has one type in all events. */
typedef enum {
    AG_F_NONE,
    AG_F_ACTION,                            /* string */
    AG_F_AGENT,                             /* string */
    AG_F_BLOCK_INDEX,                       /* integer */
    AG_F_BRANCH_NAME,                       /* string */
    AG_F_CACHE_READ_TOKENS,                 /* integer */
    AG_F_CACHE_WRITE_TOKENS,                /* integer */
    AG_F_CODE,                              /* string */
    AG_F_COMMAND,                           /* string */
    AG_F_CONTENT,                           /* string */
    AG_F_CONTENT_LENGTH,                    /* integer */
    AG_F_CONTENT_PREVIEW,                   /* string */
    AG_F_CONTENT_TRUNCATED,                 /* boolean */
    AG_F_COST_USD,                          /* number */
    AG_F_CURRENT_PHASE,                     /* string */
    AG_F_CWD,                               /* string */
    AG_F_DETAILS,                           /* object */
    AG_F_DURATION_MS,                       /* integer */
    AG_F_ELAPSED_SECONDS,                   /* integer */
    AG_F_ERROR,                             /* string */
    AG_F_ESTIMATED_REMAINING_SECONDS,       /* integer */
    AG_F_EXIT_CODE,                         /* integer */
    AG_F_INCOMPLETE,                        /* boolean */
    AG_F_INPUT,                             /* object */
    AG_F_INPUT_TOKENS,                      /* integer */
    AG_F_INPUT_TRUNCATED,                   /* boolean */
    AG_F_ITERATION_NUMBER,                  /* integer */
    AG_F_JOURNAL,                           /* string */
    AG_F_KIND,                              /* string */
    AG_F_MESSAGE,                           /* string */
    AG_F_MESSAGE_ID,                        /* string */
    AG_F_MODEL,                             /* string */
    AG_F_NUM_TURNS,                         /* integer */
    AG_F_OUTPUT_TOKENS,                     /* integer */
    AG_F_PARENT_TOOL_USE_ID,                /* string */
    AG_F_PARTIAL,                           /* boolean */
    AG_F_PATH,                              /* string */
    AG_F_PERCENTAGE,                        /* integer */
    AG_F_PR_URL,                            /* string */
    AG_F_PREVIOUS_STATUS,                   /* string */
    AG_F_REASON,                            /* string */
    AG_F_REDACTIONS,                        /* integer */
    AG_F_RESULT_PREVIEW,                    /* string */
    AG_F_RUN_NUMBER,                        /* integer */
    AG_F_SESSION_ID,                        /* string */
    AG_F_SEVERITY,                          /* string */
    AG_F_SIGNAL,                            /* string */
    AG_F_SIZE_BYTES,                        /* integer */
    AG_F_SOURCE,                            /* string */
    AG_F_STATUS,                            /* string */
    AG_F_SUCCESS,                           /* boolean */
    AG_F_TASK_PROMPT,                       /* string */
    AG_F_TODOS_DONE,                        /* integer */
    AG_F_TODOS_TOTAL,                       /* integer */
    AG_F_TOOL,                              /* string */
    AG_F_TOOL_CALL_COUNT,                   /* integer */
    AG_F_TOOL_NAME,                         /* string */
    AG_F_TOOL_USE_ID,                       /* string */
    AG_F_TOTAL_ITERATIONS,                  /* integer */
    AG_F_VERIFICATION_DETAILS,              /* object */
    AG_F_VERIFICATION_PASSED,               /* boolean */
    AG_F_COUNT
} ag_field_t;

typedef enum { AG_CRITICAL, AG_HIGH, AG_NORMAL, AG_LOW } ag_priority_t;
typedef enum { AG_TYPE_STRING, AG_TYPE_INTEGER, AG_TYPE_NUMBER, AG_TYPE_BOOLEAN, AG_TYPE_OBJECT } ag_type_t;

/*  "agent_tool_call"; "unknown" for what is no kind. */
const char *ag_kind_name (ag_kind_t kind);
/*  AG_KIND_UNKNOWN when there is no such type. */
ag_kind_t ag_kind_by_name (const char *name, size_t len);
/*  The class of the type; of agent_error, that of severity "error". */
ag_priority_t ag_kind_priority (ag_kind_t kind);
/*  The subscribe filter that switches it off ("includeToolCalls"), or NULL. */
const char *ag_kind_filter (ag_kind_t kind);
/*  Part of what a subscription to "*" gets. */
bool ag_kind_overview (ag_kind_t kind);
/*  The last event of a run's stream. */
bool ag_kind_ends (ag_kind_t kind);

const char *ag_field_name (ag_field_t field);
/*  AG_F_NONE when there is no such field. */
ag_field_t ag_field_by_name (const char *name, size_t len);
ag_type_t ag_field_type (ag_field_t field);

/*  The fields of a kind, in the order of the table. */
typedef struct {
    ag_field_t field;
    bool required;
    const char *const *values;      /* allowed texts, NULL-terminated; NULL: any */
} ag_field_rule_t;
const ag_field_rule_t *ag_kind_fields (ag_kind_t kind, size_t *count_r);

const char *ag_priority_name (ag_priority_t priority);

#ifdef __cplusplus
}
#endif
#endif
