# shellcheck shell=bash
# Sourced: fetches what pom.xml names into "$jars", once, and sets `generator`.
digest=$(cat pom.xml jars.sha256 | sha256sum)
readonly jars="$NOD_KEPT/jars-${digest:0:12}"
(
    flock 9
    [ -e "$jars/complete" ] && exit
    rm -rf "$NOD_KEPT"/jars-*
    mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
        -DoutputDirectory="$jars"
    (cd "$jars" && sha256sum --quiet --strict --check) <jars.sha256
    touch "$jars/complete"
) 9>"$NOD_KEPT/jars.lock"
generator() {
    local log
    # It tells of every file that it writes. What it says matters only if it fails.
    log=$(java -XX:TieredStopAtLevel=1 -jar "$jars"/openapi-generator-cli-*.jar generate \
        --input-spec "$NOD_DOCUMENTS/nod.json" \
        --global-property apiDocs=false,modelDocs=false,apiTests=false,modelTests=false "$@" 2>&1) ||
        { printf '%s\n' "$log" >&2 && return 1; }
}
