# Everyday commands. `./scripts/start` and `./scripts/test` need no just.

# What there is.
default:
    @just --list --unsorted

# Dev mode: just start --port 9000
start *args:
    scripts/start {{args}}

# Every test, as CI runs them.
test:
    scripts/test

# The quick look while writing.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# The tests whose names contain a word: just only ciba_11
only name:
    cargo test --locked --test suite {{name}}

# Licences, bans and sources of what we link (deny.toml).
deny:
    cargo deny --locked --workspace check --hide-inclusion-graph bans licenses sources

# Known holes in what we link. Fetches the RustSec database.
advisories:
    cargo deny --locked --workspace check --hide-inclusion-graph advisories

# The load driver; docs/performance.md says how to read it.
bench *args:
    cargo bench --locked --bench load -- {{args}}

# The pages of dev mode in a browser, against target/debug/nod.
browser:
    . scripts/node && use_node && cd tests/browser && npm ci --no-audit --no-fund && npm test

# The same, taking the pictures of the README.
screenshots:
    . scripts/node && use_node && cd tests/browser && npm ci --no-audit --no-fund && NOD_SCREENSHOTS=1 node --test axe.test.mjs

# The relying party that nobody here wrote, against target/debug/nod.
relying-party:
    . scripts/node && use_node && cd examples/openid-client && npm ci --no-audit --no-fund && npm test

# The device SDK for browsers: the vectors, and a story against target/debug/nod.
device-sdk-typescript:
    . scripts/node && use_node && cd device-sdk/typescript && npm ci --no-audit --no-fund && npm test

# The device SDK for Kotlin and Swift: writes both into target/bindings, and holds the Kotlin to the vectors.
bindings:
    cargo build --locked -p nod-device-bindings
    scripts/bindings

# Clients that generators make, against target/debug/nod: just clients, or just clients go rust
clients *parts:
    node tests/clients/run.mjs {{parts}}

# Writes the documents under openapi/ anew.
openapi:
    cargo run --quiet -- openapi > openapi/nod.json
    cargo run --quiet -- openapi --oas 3.1 > openapi/nod-3.1.json
    cargo run --quiet -- openapi --part protocol > openapi/protocol.json
    cargo run --quiet -- openapi --part flow > openapi/flow.json
    cargo run --quiet -- openapi --part device > openapi/device.json
    cargo run --quiet -- openapi --part admin > openapi/admin.json

# At a release: what `openapi/nod.json` promises from then on.
release-openapi:
    mkdir -p openapi/released
    cp openapi/nod.json openapi/released/nod.json
