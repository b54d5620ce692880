#!/bin/sh
# Asks a person for a yes, waits for the answer, and shows who it was.
set -eu

issuer='http://localhost:8080'
client='shop'
secret='shop-secret'
person='alice'

post() { curl --silent --show-error --user "$client:$secret" "$@"; }
# One member of a flat JSON object.
member() { sed -n "s/.*\"$1\" *: *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

asked=$(post "$issuer/as/bc-auth.ciba" \
    --data 'scope=openid profile' --data "login_hint=$person" --data binding_message=K7Q2)
echo "$asked"
auth_req_id=$(echo "$asked" | member auth_req_id)
interval=$(echo "$asked" | member interval)
[ -n "$auth_req_id" ] || exit 1

while :; do
    sleep "$interval"
    answer=$(post "$issuer/as/token.oauth2" \
        --data grant_type=urn:openid:params:grant-type:ciba --data "auth_req_id=$auth_req_id")
    case $(echo "$answer" | member error) in
        authorization_pending) echo 'not yet' ;;
        slow_down) interval=$((interval + 5)) ;;
        '') break ;;
        *) echo "$answer"; exit 1 ;;
    esac
done

curl --silent --show-error --oauth2-bearer "$(echo "$answer" | member access_token)" "$issuer/idp/userinfo.openid"
echo
