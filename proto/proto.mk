# The contract. kinds.h, kinds_table.h and the TypeScript types are generated
# from events.json by generate.py and checked in; tests/proto/test_drift.py fails on drift.
EXTRA_DIST += proto/README.md proto/events.json proto/generate.py proto/events.schema.json
