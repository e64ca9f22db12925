# The web page: TypeScript in src/, built by npm into dist/ (index.html, assets
# with their hash in the name, each also gzipped). From a git checkout dist/ is
# made here, in the build directory; a release tarball brings it ready in its
# source directory, so that neither npm nor the network is needed then.
# DASHBOARD_DIST is where it is, DASHBOARD_STAMP what depends on it.

dashboard_files = \
	gateway/dashboard/src/core/api.ts \
	gateway/dashboard/src/core/backfill.ts \
	gateway/dashboard/src/core/bodies.ts \
	gateway/dashboard/src/core/env.ts \
	gateway/dashboard/src/core/events.gen.ts \
	gateway/dashboard/src/core/facts.ts \
	gateway/dashboard/src/core/filerun.ts \
	gateway/dashboard/src/core/files.ts \
	gateway/dashboard/src/core/fleet.ts \
	gateway/dashboard/src/core/gather.ts \
	gateway/dashboard/src/core/intervals.ts \
	gateway/dashboard/src/core/link.ts \
	gateway/dashboard/src/core/meter.ts \
	gateway/dashboard/src/core/notify.ts \
	gateway/dashboard/src/core/player.ts \
	gateway/dashboard/src/core/protocol.ts \
	gateway/dashboard/src/core/rows.ts \
	gateway/dashboard/src/core/run.ts \
	gateway/dashboard/src/core/runlog.ts \
	gateway/dashboard/src/core/runstream.ts \
	gateway/dashboard/src/core/sorted.ts \
	gateway/dashboard/src/core/status.ts \
	gateway/dashboard/src/core/timeline.ts \
	gateway/dashboard/src/core/todos.ts \
	gateway/dashboard/src/core/view.ts \
	gateway/dashboard/src/hooks/react.ts \
	gateway/dashboard/src/hooks/useRunStream.ts \
	gateway/dashboard/src/index.html \
	gateway/dashboard/src/page/Announcer.tsx \
	gateway/dashboard/src/page/App.tsx \
	gateway/dashboard/src/page/Drawer.tsx \
	gateway/dashboard/src/page/Feed.tsx \
	gateway/dashboard/src/page/FilePage.tsx \
	gateway/dashboard/src/page/Files.tsx \
	gateway/dashboard/src/page/Grid.tsx \
	gateway/dashboard/src/page/Header.tsx \
	gateway/dashboard/src/page/Help.tsx \
	gateway/dashboard/src/page/Hud.tsx \
	gateway/dashboard/src/page/Markdown.tsx \
	gateway/dashboard/src/page/Minimap.tsx \
	gateway/dashboard/src/page/Output.tsx \
	gateway/dashboard/src/page/Rail.tsx \
	gateway/dashboard/src/page/ReplayBar.tsx \
	gateway/dashboard/src/page/RunPage.tsx \
	gateway/dashboard/src/page/RunView.tsx \
	gateway/dashboard/src/page/SortBar.tsx \
	gateway/dashboard/src/page/Splitter.tsx \
	gateway/dashboard/src/page/Summary.tsx \
	gateway/dashboard/src/page/Tabs.tsx \
	gateway/dashboard/src/page/Toolbar.tsx \
	gateway/dashboard/src/page/ViewMenu.tsx \
	gateway/dashboard/src/page/blocks.tsx \
	gateway/dashboard/src/page/browser.ts \
	gateway/dashboard/src/page/chips.ts \
	gateway/dashboard/src/page/details.tsx \
	gateway/dashboard/src/page/extras.ts \
	gateway/dashboard/src/page/finder.ts \
	gateway/dashboard/src/page/highlight.ts \
	gateway/dashboard/src/page/icons.tsx \
	gateway/dashboard/src/page/keys.ts \
	gateway/dashboard/src/page/main.tsx \
	gateway/dashboard/src/page/parts.tsx \
	gateway/dashboard/src/page/prefs.ts \
	gateway/dashboard/src/page/route.ts \
	gateway/dashboard/src/page/rowlist.ts \
	gateway/dashboard/src/page/rownode.ts \
	gateway/dashboard/src/page/save.ts \
	gateway/dashboard/src/page/search.ts \
	gateway/dashboard/src/page/style.css \
	gateway/dashboard/src/page/theme.ts \
	gateway/dashboard/src/page/views.ts \
	gateway/dashboard/src/text/accumulate.ts \
	gateway/dashboard/src/text/ansi.ts \
	gateway/dashboard/src/text/diff.ts \
	gateway/dashboard/src/text/format.ts \
	gateway/dashboard/src/text/markdown.ts \
	gateway/dashboard/src/text/summary.ts \
	gateway/dashboard/src/text/visible.ts

dashboard_tools = \
	gateway/dashboard/.gitignore \
	gateway/dashboard/.npmrc \
	gateway/dashboard/build.mjs \
	gateway/dashboard/package.json \
	gateway/dashboard/package-lock.json

EXTRA_DIST += $(dashboard_files) $(dashboard_tools) \
	gateway/dashboard/biome.json \
	gateway/dashboard/tsconfig.json \
	gateway/dashboard/dev/agent.mjs \
	gateway/dashboard/dev/gateway.mjs \
	gateway/dashboard/dev/serve.mjs \
	gateway/dashboard/scripts/check-sources.mjs \
	gateway/dashboard/scripts/test.mjs \
	gateway/dashboard/test/accumulate.test.ts \
	gateway/dashboard/test/facts.test.ts \
	gateway/dashboard/test/fakes.ts \
	gateway/dashboard/test/fleet.test.ts \
	gateway/dashboard/test/intervals.test.ts \
	gateway/dashboard/test/link.test.ts \
	gateway/dashboard/test/page.test.ts \
	gateway/dashboard/test/player.test.ts \
	gateway/dashboard/test/runlog.test.ts \
	gateway/dashboard/test/runstream.test.ts \
	gateway/dashboard/test/text.test.ts \
	gateway/dashboard/test/view.test.ts \
	tests/page/access.test.mjs \
	tests/page/build.test.mjs \
	tests/page/features.test.mjs \
	tests/page/sse.test.mjs \
	tests/page/hook.test.mjs \
	tests/page/leak.test.mjs \
	tests/page/lib.mjs \
	tests/page/page.test.mjs \
	tests/page/real.mjs \
	tests/page/real.test.mjs \
	tests/page/roles.txt \
	tests/page/run.mjs \
	tests/page/speed.test.mjs \
	tests/page/states.test.mjs \
	tests/page/tarball.test.mjs

if BUILD_DASHBOARD

DASHBOARD_DIST = gateway/dashboard/dist
DASHBOARD_STAMP = gateway/dashboard/dist.stamp
DASHBOARD_MODULES = $(srcdir)/gateway/dashboard/node_modules/.package-lock.json

# What is installed already is used as it is: building offline is possible then.
$(DASHBOARD_MODULES): gateway/dashboard/package-lock.json
	$(AM_V_GEN)cd $(srcdir)/gateway/dashboard && $(NPM) ci --no-audit --no-fund --loglevel=error \
	  || { echo "the dashboard's build tools could not be installed: give npm a network, or configure --without-dashboard" >&2; exit 1; }
	@touch $@

$(DASHBOARD_STAMP): $(dashboard_files) $(dashboard_tools) $(DASHBOARD_MODULES)
	$(AM_V_GEN)$(MKDIR_P) gateway/dashboard && \
	$(NODE) $(srcdir)/gateway/dashboard/build.mjs --out $(DASHBOARD_DIST)

all-local: $(DASHBOARD_STAMP)

clean-local: clean-dashboard
clean-dashboard:
	rm -rf $(DASHBOARD_DIST) $(DASHBOARD_STAMP)

else

DASHBOARD_DIST = $(srcdir)/gateway/dashboard/dist
DASHBOARD_STAMP =

endif

if WITH_DASHBOARD
dist-hook: dist-dashboard
dist-dashboard: $(DASHBOARD_STAMP)
	$(MKDIR_P) $(distdir)/gateway/dashboard
	cp -R $(DASHBOARD_DIST) $(distdir)/gateway/dashboard/dist
	chmod -R u+w $(distdir)/gateway/dashboard/dist
endif
