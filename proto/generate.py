#!/usr/bin/python3
"""Makes the C tables, the TypeScript types and the JSON Schema from events.json.

    proto/generate.py            write the files
    proto/generate.py --check    write nothing; exit 1 and name the files that differ

The generated files are checked in, so that building needs no Python.
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LICENCE = """\
    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
"""
MADE = "Made by proto/generate.py from proto/events.json. Change that, not this."


def constant(name):
    """toolUseId -> TOOL_USE_ID, run_started -> RUN_STARTED"""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).upper()


def all_fields(table):
    """Every field name once, sorted, with its type and enum; one name means one thing everywhere."""
    known = {}
    for event in table["events"]:
        for field in event["fields"]:
            seen = known.setdefault(field["name"], field["type"])
            if seen != field["type"]:
                sys.exit(f"events.json: {field['name']} is {seen} and {field['type']}")
    return dict(sorted(known.items()))


def check(table):
    names = [event["type"] for event in table["events"]]
    if len(set(names)) != len(names) or len(names) > 31:
        sys.exit("events.json: types must be unique, and at most 31 (they are bits of a word)")
    for event in table["events"]:
        if event["priority"] not in table["priorities"]:
            sys.exit(f"events.json: {event['type']}: unknown priority {event['priority']}")
        for field in event["fields"]:
            if "enum" in field and field["enum"] not in table["enums"]:
                sys.exit(f"events.json: {event['type']}.{field['name']}: unknown enum {field['enum']}")


def kinds_header(table):
    kinds = "\n".join(f"    AG_{constant(e['type'])}," for e in table["events"])
    fields = "\n".join(f"    AG_F_{constant(name)},{' ' * max(1, 34 - len(constant(name)))}/* {kind} */"
                       for name, kind in all_fields(table).items())
    return f"""\
/*  agentgate/kinds.h - event types, fields and priorities (SPEC section 4)

    {MADE}

{LICENCE}*/
#ifndef AGENTGATE_KINDS_H
#define AGENTGATE_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {{
#endif

/*  Version of the event table. */
#define AG_EVENTS_VERSION {table['version']}

/*  Event types. Unknown is one that a newer writer has sent. */
typedef enum {{
    AG_KIND_UNKNOWN,
{kinds}
    AG_KIND_COUNT
}} ag_kind_t;

/*  Field names; one name has one type in all events. */
typedef enum {{
    AG_F_NONE,
{fields}
    AG_F_COUNT
}} ag_field_t;

typedef enum {{ {', '.join('AG_' + p.upper() for p in table['priorities'])} }} ag_priority_t;
typedef enum {{ AG_TYPE_STRING, AG_TYPE_INTEGER, AG_TYPE_NUMBER, AG_TYPE_BOOLEAN, AG_TYPE_OBJECT }} ag_type_t;

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
typedef struct {{
    ag_field_t field;
    bool required;
    const char *const *values;      /* allowed texts, NULL-terminated; NULL: any */
}} ag_field_rule_t;
const ag_field_rule_t *ag_kind_fields (ag_kind_t kind, size_t *count_r);

const char *ag_priority_name (ag_priority_t priority);

#ifdef __cplusplus
}}
#endif
#endif
"""


def kinds_table(table):
    out = [f"/*  core/kinds_table.h - the tables behind agentgate/kinds.h, for core/kinds.c alone\n\n    {MADE}\n\n{LICENCE}*/\n"]
    for name, values in table["enums"].items():
        texts = ", ".join(f'"{v}"' for v in values)
        out.append(f"static const char *const s_enum_{name}[] = {{ {texts}, NULL }};")
    out.append("")
    for event in table["events"]:
        out.append(f"static const ag_field_rule_t s_fields_{event['type']}[] = {{")
        for field in event["fields"]:
            values = f"s_enum_{field['enum']}" if "enum" in field else "NULL"
            out.append(f"    {{ AG_F_{constant(field['name'])}, {str(field['required']).lower()}, {values} }},")
        out.append("};")
    out.append("")
    out.append("static const s_kind_row_t s_kinds[AG_KIND_COUNT] = {")
    out.append('    [AG_KIND_UNKNOWN] = { "unknown", AG_NORMAL, NULL, false, false, NULL, 0 },')
    for event in table["events"]:
        text = f'"{event["filter"]}"' if "filter" in event else "NULL"
        flags = ", ".join(str(event.get(key, False)).lower() for key in ("overview", "ends"))
        out.append(f'    [AG_{constant(event["type"])}] = {{ "{event["type"]}", AG_{event["priority"].upper()}, {text}, {flags},\n'
                   f'        s_fields_{event["type"]}, {len(event["fields"])} }},')
    out.append("};\n")
    out.append("static const s_field_row_t s_fields[AG_F_COUNT] = {")
    out.append('    [AG_F_NONE] = { "", AG_TYPE_STRING },')
    for name, kind in all_fields(table).items():
        out.append(f'    [AG_F_{constant(name)}] = {{ "{name}", AG_TYPE_{kind.upper()} }},')
    out.append("};\n")
    texts = ", ".join(f'"{p}"' for p in table["priorities"])
    out.append(f"static const char *const s_priorities[] = {{ {texts} }};\n")
    return "\n".join(out)


TS_TYPES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "object": "JsonObject"}


def typescript(table):
    out = [f"// {MADE}", "// Event types of agentgate-stream as JSON (SPEC section 4).", "",
           "export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;",
           "export interface JsonObject { [key: string]: JsonValue }", "",
           f"export const EVENTS_VERSION = {table['version']};", ""]
    for name, values in table["enums"].items():
        out.append(f"export type {name[0].upper() + name[1:]} = " + " | ".join(f'"{v}"' for v in values) + ";")
    out += ["export type Priority = " + " | ".join(f'"{p}"' for p in table["priorities"]) + ";", "",
            "export interface EventCommon {", "  workOrderId: string;", "  runId?: string;", "  stream?: string;",
            "  seq: number;", "  seqFirst?: number;", "  timestamp: string;", "}", ""]
    names = []
    for event in table["events"]:
        name = "".join(part.capitalize() for part in event["type"].split("_"))
        names.append(name)
        out.append(f"export interface {name} extends EventCommon {{")
        out.append(f'  type: "{event["type"]}";')
        for field in event["fields"]:
            kind = field["enum"][0].upper() + field["enum"][1:] if "enum" in field else TS_TYPES[field["type"]]
            out.append(f"  {field['name']}{'' if field['required'] else '?'}: {kind};")
        out += ["}", ""]
    out.append("export type AgentGateEvent =\n  | " + "\n  | ".join(names) + ";")
    out.append('export type EventType = AgentGateEvent["type"];')
    out.append("export const EVENT_TYPES = [" + ", ".join(f'"{e["type"]}"' for e in table["events"]) + "] as const;")
    out.append("export const PRIORITY: Record<EventType, Priority> = {")
    out += [f'  {e["type"]}: "{e["priority"]}",' for e in table["events"]]
    out += ["};", ""]
    return "\n".join(out)


# What the common fields may hold, beyond their type. An id has 128 bytes, so at most as many characters.
COMMON_RULES = {
    "workOrderId": {"minLength": 1, "maxLength": 128},
    "runId": {"minLength": 1, "maxLength": 128, "pattern": "^[^@]"},
    "stream": {"minLength": 1, "maxLength": 129},
    "seq": {"minimum": 1},
    "seqFirst": {"minimum": 1},
    "timestamp": {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$"},
}


def field_schema(table, field):
    """All numbers of the table are counts, sizes, times or costs: none is below 0."""
    if "enum" in field:
        return {"enum": table["enums"][field["enum"]]}
    out = {"type": field["type"]}
    if field["type"] in ("integer", "number"):
        out["minimum"] = 0
    if "maximum" in field:
        out["maximum"] = field["maximum"]
    if "members" in field:
        out["properties"] = {name: {"type": "boolean"} for name in field["members"]}
        out["required"] = [name for name, required in field["members"].items() if required]
    return out


def schema(table):
    common = {f["name"]: {"type": f["type"], **COMMON_RULES[f["name"]]} for f in table["common"] if f["name"] != "type"}
    required = [f["name"] for f in table["common"] if f["required"]]
    variants = []
    for event in table["events"]:
        variants.append({
            "title": event["type"], "type": "object",
            "properties": {"type": {"const": event["type"]}, **common,
                           **{f["name"]: field_schema(table, f) for f in event["fields"]}},
            "required": required + [f["name"] for f in event["fields"] if f["required"]],
        })
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": MADE,
                       "title": "agentgate-stream event (JSON)", "oneOf": variants}, indent=1) + "\n"


def main():
    table = json.loads((ROOT / "proto/events.json").read_text())
    check(table)
    files = {
        "include/agentgate/kinds.h": kinds_header(table),
        "src/core/kinds_table.h": kinds_table(table),
        "gateway/dashboard/src/core/events.gen.ts": typescript(table),
        "proto/events.schema.json": schema(table),
    }
    stale = [name for name, text in files.items()
             if not (ROOT / name).exists() or (ROOT / name).read_text() != text]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"{name}: differs from proto/events.json; run proto/generate.py", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(files[name])
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
