#!/bin/sh
# The alert rules: a gateway that is well sets off none, and each thing that is
# wrong with it exactly its own. Read at one hour, a scrape a minute.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/lib/promtool.sh
. "$TOP/tests/lib/promtool.sh"
rules=$TOP/gateway/alerts/p2p-gateway.rules.yml
of='alerts'
at='job="p2p-gateway",instance="gw-1:8888"'

# A gateway that is well: a series without job and instance, and its values. The
# CRL began twelve hours before, and ends eleven hours after the moment of truth.
cat >well <<'EOF'
up{} 1x90
p2p_gateway_build_info{version="0.1.0"} 1x90
p2p_gateway_ready{} 1x90
p2p_gateway_mode{scope="tls",mode="OFF"} 0x90
p2p_gateway_mode{scope="tls",mode="SOFT_FAIL"} 0x90
p2p_gateway_mode{scope="tls",mode="HARD_FAIL"} 1x90
p2p_gateway_one_way{} 0x90
p2p_gateway_exempt_issuers{} 0x90
p2p_gateway_soft_accepted_total{} 7x90
p2p_gateway_verdicts_total{way="session",mode="SOFT_FAIL",status="unknown",why="unreachable",outcome="accept"} 3x90
p2p_gateway_verdicts_total{way="session",mode="HARD_FAIL",status="good",why="none",outcome="accept"} 0+1x90
p2p_gateway_verdicts_total{way="session",mode="HARD_FAIL",status="unknown",why="unreachable",outcome="refuse"} 0+1x90
revcheck_fetch_failures_total{reason="forged"} 1x90
revcheck_fetch_failures_total{reason="unreachable"} 5x90
revcheck_fetch_failures_total{reason="backoff"} 0+1x90
revcheck_fetch_failures_total{reason="stale"} 0+1x90
revcheck_source_failures{kind="crl",url="http://crl/a"} 0x90
revcheck_crl_this_update_timestamp_seconds{url="http://crl/a",key="00"} -43200x90
revcheck_crl_next_update_timestamp_seconds{url="http://crl/a",key="00"} 43200x90
p2p_gateway_certificate_not_after_timestamp_seconds{identity="main",index="0"} 8640000x90
p2p_gateway_certificate_status{identity="main",status="good"} 1x90
p2p_gateway_shed_total{reason="rate"} 4x90
p2p_gateway_node_unreachable_total{} 2x90
p2p_gateway_degraded_reasons{reason="crl"} 0x90
p2p_gateway_log_lines_dropped_total{} 9x90
revcheck_disk_writes_lost_total{} 1x90
process_open_fds{} 90x90
process_max_fds{} 100x90
p2p_gateway_rest_logins_refused_total{reason="wrong"} 0+1x90
p2p_gateway_fleet_lag_seconds{} 2x90
p2p_gateway_fleet_refused_total{reason="seal"} 3x90
EOF

# wrong TITLE [ALERT LABELS SERIES VALUES [SERIES]]: a gateway that is well but
# for one series, and without the last one; ALERT fires, with these labels, and
# no other does.
wrong() {
	title=$1 alert=${2-} labels=${3-} series=${4-} values=${5-} gone=${6-}
	{
		echo "  - name: '$title'"
		echo '    interval: 1m'
		echo '    input_series:'
		{
			grep -vF -e "${series:-none} " -e "${gone:-none} " well
			[ -z "$series" ] || echo "$series $values"
		} | sed "s/^\\([a-z0-9_]*\\){\\([^}]*\\)} \\(.*\\)/\
      - {series: '\\1{$at,\\2}', values: '\\3'}/; s/,}'/}'/"
		echo '    promql_expr_test:'
		echo "      - expr: 'ALERTS{alertstate=\"firing\"}'"
		echo '        eval_time: 1h'
		[ -n "$alert" ] || return 0
		severity=$(sed -n "/alert: $alert\$/,/severity/s/.*severity: //p" "$rules")
		echo '        exp_samples:'
		echo "          - labels: 'ALERTS{alertname=\"$alert\",alertstate=\"firing\",severity=\"$severity\",$at${labels:+,$labels}}'"
		echo '            value: 1'
	} >>cases
}

: >cases
wrong 'all is well'
wrong 'the process is gone' P2pGatewayDown '' \
    'up{}' '0x90'
wrong 'no certificate in date' P2pGatewayNotReady '' \
    'p2p_gateway_ready{}' '0x90'
wrong 'switched off' P2pGatewayChecksOff 'scope="tls",mode="OFF"' \
    'p2p_gateway_mode{scope="tls",mode="OFF"}' '1x90'
wrong 'one-way' P2pGatewayOneWay '' \
    'p2p_gateway_one_way{}' '1x90'
wrong 'exempt' P2pGatewayExemptIssuers '' \
    'p2p_gateway_exempt_issuers{}' '2x90'
wrong 'a soft one' P2pGatewaySoftLetIn '' \
    'p2p_gateway_soft_accepted_total{}' '7x55 8x34'
wrong 'a soft session, one more' P2pGatewaySoftSession 'way="session",mode="SOFT_FAIL",status="unknown",why="unreachable",outcome="accept"' \
    'p2p_gateway_verdicts_total{way="session",mode="SOFT_FAIL",status="unknown",why="unreachable",outcome="accept"}' '3x55 4x34'
wrong 'a soft session, the first of its kind' P2pGatewaySoftSession 'way="session",mode="SOFT_FAIL",status="unknown",why="stale",outcome="accept"' \
    'p2p_gateway_verdicts_total{way="session",mode="SOFT_FAIL",status="unknown",why="stale",outcome="accept"}' '_x55 1x34'
wrong 'a forged one' P2pGatewayForgedEvidence 'reason="forged"' \
    'revcheck_fetch_failures_total{reason="forged"}' '1x55 2x34'
wrong 'a silent CRL server' P2pGatewaySourceSilent 'kind="crl",url="http://crl/a"' \
    'revcheck_source_failures{kind="crl",url="http://crl/a"}' '0x30 3x59'
wrong 'a source that never answered' P2pGatewayFetchesFail 'reason="unreachable"' \
    'revcheck_fetch_failures_total{reason="unreachable"}' '5x20 5+1x69'
wrong 'a CRL near its end' P2pGatewayCrlNearEnd 'url="http://crl/a",key="00"' \
    'revcheck_crl_next_update_timestamp_seconds{url="http://crl/a",key="00"}' '7200x90'
wrong 'a CRL past it' P2pGatewayCrlRanOut 'url="http://crl/a",key="00"' \
    'revcheck_crl_next_update_timestamp_seconds{url="http://crl/a",key="00"}' '3500x90'
wrong 'an own certificate near its end' P2pGatewayCertificateNearEnd 'identity="main",index="0"' \
    'p2p_gateway_certificate_not_after_timestamp_seconds{identity="main",index="0"}' '864000x90'
wrong 'an own certificate past it' P2pGatewayCertificateNearEnd 'identity="main",index="0"' \
    'p2p_gateway_certificate_not_after_timestamp_seconds{identity="main",index="0"}' '0x90'
wrong 'an own certificate is revoked' P2pGatewayCertificateRevoked 'identity="main",status="revoked"' \
    'p2p_gateway_certificate_status{identity="main",status="revoked"}' '1x90' \
    'p2p_gateway_certificate_status{identity="main",status="good"}'
wrong 'a flood' P2pGatewayShed 'reason="rate"' \
    'p2p_gateway_shed_total{reason="rate"}' '4x40 4+30x49'
wrong 'no node' P2pGatewayNodeUnreachable '' \
    'p2p_gateway_node_unreachable_total{}' '2x56 3x33'
wrong 'degraded' P2pGatewayDegraded 'reason="crl"' \
    'p2p_gateway_degraded_reasons{reason="crl"}' '0x40 1x49'
wrong 'an unread log' P2pGatewayLogLinesDropped '' \
    'p2p_gateway_log_lines_dropped_total{}' '9x55 99x34'
wrong 'a full disk' P2pGatewayDiskWritesLost '' \
    'revcheck_disk_writes_lost_total{}' '1x55 2x34'
wrong 'no descriptors' P2pGatewayFewDescriptors '' \
    'process_open_fds{}' '91x90'
wrong 'somebody guesses' P2pGatewayLoginsRefused '' \
    'p2p_gateway_rest_logins_refused_total{reason="wrong"}' '0+2x90'

wrong 'out of touch' P2pGatewayFleetLag '' \
    'p2p_gateway_fleet_lag_seconds{}' '2x50 61x39'
wrong 'a forged record' P2pGatewayFleetRefused 'reason="seal"' \
    'p2p_gateway_fleet_refused_total{reason="seal"}' '3x55 4x34'

# names FILE: the alerts named in it.
names() { grep -oE 'P2pGateway[A-Za-z]+' "$1" | sort -u; }
{
	echo "rule_files: ['$rules']"
	echo 'evaluation_interval: 1m'
	echo tests:
	cat cases
} >test.yml
# What a person reads, with a number in it.
cat >>test.yml <<EOF
  - name: 'words'
    interval: 1m
    input_series:
      - {series: 'revcheck_crl_next_update_timestamp_seconds{$at,url="http://crl/a"}', values: '3500x90'}
    alert_rule_test:
      - eval_time: 1h
        alertname: P2pGatewayCrlRanOut
        exp_alerts:
          - exp_labels: {job: p2p-gateway, instance: 'gw-1:8888', url: 'http://crl/a', severity: critical}
            exp_annotations:
              summary: 'The CRL of http://crl/a ran out 1m 40s ago at gw-1:8888'
              description: 'HARD_FAIL refuses whom it is about, SOFT_FAIL lets them in unasked.'
EOF

t 'the rules are well made' run 0 "$PROMTOOL" check rules "$rules"
t 'each fires for its reason, and for no other' run 0 "$PROMTOOL" test rules \
    test.yml
grep 'alert:' "$rules" >given
names given >there
names cases >tried
t 'each is tried' cmp there tried
# The proof can fail: without its series an alert does not fire.
sed "s/values: '0x90'/values: '1x90'/" test.yml >broken.yml
t 'the proof can fail' run 1 "$PROMTOOL" test rules broken.yml
echo "1..$n"
exit $bad
