# The contract. kinds.h, kinds_table.h, the TypeScript types and the schema are
# generated from events.json by generate.py and checked in; tests/proto fails on drift.
EXTRA_DIST += proto/README.md proto/events.json proto/generate.py proto/events.schema.json proto/messages.schema.json proto/golden.json proto/golden.py \
	gateway/dashboard/src/core/events.gen.ts
