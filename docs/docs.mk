EXTRA_DIST += docs/design.md docs/design/dashboard.md bench/latency.md

# With the programs comes what a stranger needs to write a client: the wires, and two examples.
dist_doc_DATA = README.md LICENSE
protodir = $(docdir)/proto
dist_proto_DATA = proto/README.md proto/events.json proto/events.schema.json proto/messages.schema.json proto/golden.json
exampledir = $(docdir)/examples
dist_example_DATA = packaging/stream.conf docs/examples/follow.c docs/examples/publish.c

# What make uninstall would leave of the folders that are ours alone.
uninstall-hook: uninstall-folders
uninstall-folders:
	for folder in $(agentgateincludedir) $(exampledir) $(protodir) $(docdir); do \
	  rmdir $(DESTDIR)$$folder 2>/dev/null || :; done
