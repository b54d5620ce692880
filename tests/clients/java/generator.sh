# shellcheck shell=bash
# Sourced: fetches what pom.xml names into "$jars", once, and sets `generator`.
. ../../../scripts/jars
fetch_jars . "$NOD_KEPT"
generator() {
    local log
    # It tells of every file that it writes. What it says matters only if it fails.
    log=$(java -XX:TieredStopAtLevel=1 -jar "$jars"/openapi-generator-cli-*.jar generate \
        --input-spec "$NOD_DOCUMENTS/nod.json" \
        --global-property apiDocs=false,modelDocs=false,apiTests=false,modelTests=false "$@" 2>&1) ||
        { printf '%s\n' "$log" >&2 && return 1; }
}
