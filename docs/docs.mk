EXTRA_DIST += docs/design.md
