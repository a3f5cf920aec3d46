#!/bin/sh
# The metrics of a gateway through which peers have come, as Prometheus' own
# tool judges them; and what watches them, the alert rules and the dashboard,
# held against what is really there.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/promtool.sh
. "$TOP/tests/lib/promtool.sh"
of='metrics'
FIX=$FIXTURES
TMPDIR=$(pwd)
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
trap 'stage_down' EXIT
stage_up || exit 1
gateway_configure
jq '.revocation.prefetch_crls = true' "$D/gateway.json" >"$D/more" &&
    mv "$D/more" "$D/gateway.json"
gateway_up "$D/gateway.log" || exit 1
rules=$TOP/gateway/alerts/p2p-gateway.rules.yml
board=$TOP/gateway/alerts/grafana.json
page=$TOP/gateway/man/p2p-gateway.8

scrape() {
	curl --insecure -s -u "$REST_API_USER:$REST_API_PASSWORD" -o metrics \
	    "$REST_API_URL/metrics"
}
# What is there once peers have come and evidence is kept; bounded.
curl --insecure -s -u nobody:nothing -o /dev/null "$REST_API_URL/status"
"$FIX/peer" --connect "$PORT" --as "$NET/peers/revoked" >out 2>&1
i=0
until "$FIX/peer" --connect "$PORT" --as "$NET/peers/good" >out 2>&1 &&
    scrape && grep -q '^revcheck_crl_next_update_timestamp_seconds{' metrics; do
	i=$((i + 1))
	[ $i -lt 300 ] || break
done

# value SERIES: of the sample that begins so.
value() { grep -v '^#' metrics | grep -F "$1" | sed -n 's/.* //p' | head -n 1; }
above() { [ "$(value "$1")" != '' ] && [ "$(value "$1" | cut -d. -f1)" -gt "$2" ]; }

cp metrics out
t 'well made' sh -c "'$PROMTOOL' check metrics <metrics >out 2>err &&
    ! test -s err"
# Every one is in the manual, as what it is.
sed -n 's/^# TYPE //p' metrics >types
t 'each in the manual with its type' sh -c 'while read -r name type; do
    grep -qE "^\.It Li $name([{].*)? Em $type\$" "$1" ||
	{ echo "$name $type"; exit 1; }; done <types >out' - "$page"
t 'none twice' test -z "$(sort types | uniq -d)"
t 'its own build' grep -qE \
    '^p2p_gateway_build_info\{version="[0-9.]+",openssl="3[^"]+",libevent="[^"]+",sqlite="[^"]+",libcurl="[^"]+"\} 1$' metrics
t 'ready' test "$(value p2p_gateway_ready\ )" = 1
t 'each kind of reason' sh -c 'for r in warming_up tls_off sessions_off one_way \
    exempt_issuers own_certificate token crl crl_file state; do
    grep -qx "p2p_gateway_degraded_reasons{reason=\"$r\"} 0" metrics || exit 1; done'
t 'none of them' sh -c '! grep "^p2p_gateway_degraded_reasons{.*} [^0]" metrics >out'
t 'CPU' sh -c 'grep -qE "^process_cpu_seconds_total [0-9.e-]+$" metrics'
pages=$(awk '/VmRSS/ {print $2}' "/proc/$GATEWAY/status")
t 'memory' above process_resident_memory_bytes\  $((pages * 512))
t 'not of another process' test \
    "$(value process_resident_memory_bytes\ )" -lt $((pages * 2048))
t 'descriptors' above process_open_fds\  5
t 'their limit' test "$(value process_max_fds\ )" = \
    "$(awk '/Max open files/ {print $4}' "/proc/$GATEWAY/limits")"
now=$(date +%s)
t 'its start, by the wall clock' above process_start_time_seconds\  $((now - 600))
t 'not in the future' test \
    "$(value process_start_time_seconds\ | cut -d. -f1)" -le "$now"
t 'a handshake took its time' above \
    'p2p_gateway_handshake_duration_seconds_count{direction="inbound"}' 0
t 'in a bucket' above \
    'p2p_gateway_handshake_duration_seconds_bucket{direction="inbound",le="30"}' 0
t 'a fetch of a CRL' above \
    'revcheck_fetch_duration_seconds_bucket{kind="crl",le="60"}' 0
t 'one of OCSP' above 'revcheck_fetch_duration_seconds_count{kind="ocsp"}' 0
t 'a source that answers' test "$(value 'revcheck_source_failures{kind="ocsp"')" = 0
t 'since when' above 'revcheck_source_last_success_timestamp_seconds{kind="crl"' \
    $((now - 600))
# The CRL server goes; refreshing it fails, and that is said of its URL.
kill "$WEB_PID"
# Within a second of the last fetch a refresh does nothing.
i=0
until above 'revcheck_source_failures{kind="crl"' 0 || [ $i -eq 300 ]; do
	i=$((i + 1))
	curl --insecure -s -u "$REST_API_USER:$REST_API_PASSWORD" -X POST \
	    -o /dev/null "$REST_API_URL/cache/refresh"
	scrape
done
t 'a source that is silent' above 'revcheck_source_failures{kind="crl"' 0
t 'a refused peer by its reason' test \
    "$(value 'p2p_gateway_peers_refused_total{reason="revoked"}')" = 1
t 'a refused login' test \
    "$(value 'p2p_gateway_rest_logins_refused_total{reason="wrong"}')" = 1
t 'by its status' test "$(value \
    'p2p_gateway_rest_requests_total{method="GET",route="/status",status="401"}')" = 1
curl --insecure -s -u "$REST_API_USER:$REST_API_PASSWORD" -o /dev/null \
    "$REST_API_URL/no/such/path"
scrape
t 'a path that is none' test "$(value \
    'p2p_gateway_rest_requests_total{method="GET",route="none",status="404"}')" = 1
t 'itself waits' test "$(value p2p_gateway_rest_requests_waiting\ )" = 1

# What watches them: every expression is one, every name and label is there.
jq -r '.panels[].targets[]?.expr' "$board" >exprs
sed -n 's/^        expr: \([^>].*\)/\1/p; /^        expr: >-/,/^        [lf]/s/^          //p' \
    "$rules" >>exprs
{
	echo 'groups: [{name: board, rules: ['
	jq -c '.panels[].targets[]?.expr | gsub("\\$__rate_interval"; "5m")' \
	    "$board" | awk '{printf "{record: board:panel_%d, expr: %s},\n", NR, $0}'
	echo ']}]'
} >board.yml
t 'the dashboard is JSON of some panels' sh -c "[ \$(jq '.panels | length' \
    '$board') -gt 20 ]"
t 'each expression of it can be parsed' run 0 "$PROMTOOL" check rules board.yml
t 'each panel is numbered once' test -z \
    "$(jq '.panels[].id' "$board" | sort | uniq -d)"
t 'and explained, with a title' test -z "$(jq -r '.panels[] |
    select(.type != "row" and ((.description // "") == "" or
	(.title // "") == "")) | .id' "$board")"
t 'none lies upon another' test 0 = "$(jq '[.panels[] | .id as $i | .gridPos as
    $g | range($g.x; $g.x + $g.w) as $x | range($g.y; $g.y + $g.h) as $y |
    "\($x) \($y)"] | length - (unique | length)' "$board")"
t 'each asks the source that is chosen' test -z "$(jq -r '.panels[].targets[]? |
    select(.datasource.uid != "${datasource}") | .expr' "$board")"
grep -oE '(p2p_gateway|revcheck|process)_[a-z0-9_]+' exprs |
    sed -E 's/_(bucket|sum|count)$//' | sort -u >names
# Those of a fleet only where there is one: they are in the manual.
t 'each name is there' sh -c 'test -s names && while read -r name; do
    case $name in
    p2p_gateway_fleet_*) grep -q "^\.It Li $name[ {]" "$1" ;;
    *) grep -q "^# TYPE $name " metrics ;;
    esac || { echo "$name"; exit 1; }; done <names >out' - "$page"
# name label: of each that an expression picks by.
grep -oE '(p2p_gateway|revcheck|process)_[a-z0-9_]+\{[^}]*\}' exprs |
    sed 's/instance=~"$instance"//' |
    awk -F'[{}]' '{n = split($2, l, ","); for (i = 1; i <= n; i++)
	if (split(l[i], kv, /[=!~]+/) > 1) print $1, kv[1]}' | sort -u >labels
t 'each label is there' sh -c 'test -s labels && while read -r name label; do
    grep -qE "^$name\{(.*,)?$label=" metrics ||
	{ echo "$name $label"; exit 1; }; done <labels >out'
echo "1..$n"
exit $bad
