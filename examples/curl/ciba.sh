#!/usr/bin/env bash
# Asks Alice for a yes with curl, and waits for the tokens. See README.md.
set -euo pipefail

issuer=${ISSUER:-http://localhost:8080}
client=${CLIENT_ID:-shop}
secret=${CLIENT_SECRET:-shop-secret}
user=${LOGIN_HINT:-alice}

# The secret goes through a file descriptor, so that it shows in no process list.
post() { curl --silent --show-error --config <(printf 'user = "%s:%s"\n' "$client" "$secret") "$@"; }

# One member of a flat JSON object.
member() { sed -n "s/.*\"$1\" *: *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

asked=$(post "$issuer/as/bc-auth.ciba" --data scope=openid --data binding_message=K7Q2 --data-urlencode "login_hint=$user")
echo "$asked"
auth_req_id=$(member auth_req_id <<<"$asked")
interval=$(member interval <<<"$asked")
[ -n "$auth_req_id" ] || exit 1

while true; do
    sleep "${interval:-5}"
    answer=$(post "$issuer/as/token.oauth2" --data-urlencode "grant_type=urn:openid:params:grant-type:ciba" \
        --data-urlencode "auth_req_id=$auth_req_id")
    echo "$answer"
    case $(member error <<<"$answer") in
        authorization_pending) ;;
        slow_down) interval=$((${interval:-5} + 5)) ;;
        expired_token) exit 8 ;;
        access_denied) exit 9 ;;
        '') break ;;
        *) exit 1 ;;
    esac
done

access_token=$(member access_token <<<"$answer")
curl --silent --show-error --config <(printf 'oauth2-bearer = "%s"\n' "$access_token") "$issuer/idp/userinfo.openid"
echo
