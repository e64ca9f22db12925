#!/bin/sh
# embed.sh DIR: the files in DIR as a C table on stdout; without DIR, or when it
# has no index.html, a table with one page that says why there is no dashboard.
# Needs only POSIX sh, find, sort, od, sed, cksum and wc: a server that builds
# from a release tarball has no Node.
set -eu
LC_ALL=C
export LC_ALL

bytes() {       # NAME FILE
    printf 'static const unsigned char %s[] = {\n' "$1"
    od -An -v -tu1 "$2" | sed 's/  */,/g; s/^,//; s/$/,/'
    printf '};\n'
}

kind() {        # PATH
    case $1 in
        *.html) echo 'text/html; charset=utf-8' ;;
        *.js|*.mjs) echo 'text/javascript; charset=utf-8' ;;
        *.css) echo 'text/css; charset=utf-8' ;;
        *.svg) echo 'image/svg+xml' ;;
        *.png) echo 'image/png' ;;
        *.ico) echo 'image/x-icon' ;;
        *.json|*.webmanifest) echo 'application/json' ;;
        *.txt) echo 'text/plain; charset=utf-8' ;;
        *) echo 'application/octet-stream' ;;
    esac
}

echo '/*  Made by gateway/net/embed.sh from the built dashboard. */'
echo '#include "net/static.h"'

dir=${1-}
scratch=
if [ -z "$dir" ] || [ ! -f "$dir/index.html" ]; then
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/embed.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    dir=$scratch
    cat >"$dir/index.html" <<'PAGE'
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>agentgate-gateway</title></head>
<body><h1>agentgate-gateway</h1>
<p>This gateway was built without its dashboard (configure said so). It works all the same:
<a href="/api/v1/runs">runs</a>, <a href="/metrics">metrics</a>, WebSocket at <code>/ws</code>.</p>
<p>To get the page, build with Node and npm installed, or from a release tarball, which holds it built;
or name a folder with a built one: <code>agentgate-gateway --dashboard-dir DIR</code>.</p>
</body></html>
PAGE
fi

rows=
n=0
for file in $(cd "$dir" && find . -type f ! -name '*.gz' ! -name '.*' | sed 's/^\.//' | sort); do
    n=$((n + 1))
    bytes "s_file_$n" "$dir$file"
    packed='NULL, 0'
    if [ -f "$dir$file.gz" ]; then
        bytes "s_gzip_$n" "$dir$file.gz"
        packed="s_gzip_$n, sizeof s_gzip_$n"
    fi
    sum=$(cksum <"$dir$file" | sed 's/[^0-9].*//')
    size=$(wc -c <"$dir$file" | tr -d ' ')
    rows="$rows    { \"$file\", \"$(kind "$file")\", \"$sum-$size\", s_file_$n, sizeof s_file_$n, $packed },
"
done
printf 'const ag_asset_t ag_assets[] = {\n%s};\n' "$rows"
printf 'const size_t ag_assets_count = sizeof ag_assets / sizeof ag_assets[0];\n'
