EXTRA_DIST += docs/design.md docs/design/dashboard.md
