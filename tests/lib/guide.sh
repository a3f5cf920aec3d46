# guide: the configurations of gateway/guides, as their readers would write
# them, in a town. Sourced after tap.sh. A block of a guide is named by the line
# before it, `/path/of/the/file`: or `file`: words. Ports become the kernel's or
# Unix sockets, directories those of the test; everything else is the guide's.
FIX=$FIXTURES
TMPDIR=$(pwd)
# shellcheck source=/dev/null
. "$TOP/fixtures/demo/stage.sh"
guide_pids=
guide_down() {
	for p in $guide_pids; do
		kill "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	stage_down
}

# guide_up GUIDE: a town, and in $D/guide-N the files of the N-th part (## line)
# of the guide, by their last names.
guide_up() {
	trap 'guide_down' EXIT
	stage_up || exit 1
	E=$D
	mkdir "$D/run" "$D/var"
	chmod 755 "$D" "$D/run"
	cp "$NET/gateway.pem" "$E/server.pem"
	cp "$NET/gateway.key" "$E/server.key"
	cp "$NET/trust.pem" "$E/network-root.pem"
	cp "$NET/doorman/ca.pem" "$E/issuers.pem"
	awk -v d="$D/guide-" '
		/^## / { part++ }
		/^```/ && open { close(file); open = 0; next }
		/^```/ && name != "" {
			file = d part "-" name; open = 1; next
		}
		/^```/ { print "a block without a name: " $0; exit 1 }
		open { print >file; next }
		/^`[^` ]*`:/ {
			name = $0
			sub(/`:.*/, "", name)
			sub(/.*[`\/]/, "", name)
			next
		}
		/./ { name = "" }' "$TOP/gateway/guides/$1" || exit 1
	for f in "$D"/guide-*; do
		sed -e "s|/etc/p2p-gateway|$E|g" -e "s|/etc/stunnel|$E|g" \
		    -e "s|/run/p2p-gateway|$D/run|g" \
		    -e "s|/var/lib/p2p-gateway|$D/var|g" \
		    -e "s|127\.0\.0\.1:9000|$NODE|g" "$f" >"$D/x" &&
		    mv "$D/x" "$f"
	done
}

# guide_gateway PART JQ-FILTER: the gateway of that part. What a town is not
# like the world in (loopback, ports) is added to the guide's file.
guide_gateway() {
	jq '. * {"revocation": {"any_port": true,
	    "allow_addresses": ["127.0.0.1"]}} | .rest.listen = "127.0.0.1:0" |
	    if .listen == [] then . else
	    .listen = "127.0.0.1:0" end | '"$2" "$D/guide-$1-gateway.json" \
	    >"$E/gateway.json" || exit 1
	REST_API_USER=operator REST_API_PASSWORD=choose-one
	gateway_up "$D/gateway.log" || exit 1
}
guide_gateway_end() {
	end_of "$GATEWAY"
	GATEWAY=''
}

# guide_run LOG COMMAND...: in the background until the end. PID: its number.
guide_run() {
	log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null 7<&- 8<&- 9>&- &
	PID=$!
	guide_pids="$guide_pids $PID"
}

# await COMMAND...: until it succeeds; at most half a minute.
await() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || return 1
		sleep 0.1
	done
}

# operator METHOD PATH [CURL-OPTIONS...]
operator() {
	m=$1 p=$2
	shift 2
	curl -k -s -f -o out -u "$REST_API_USER:$REST_API_PASSWORD" -X "$m" \
	    "$@" "$REST_API_URL$p"
}
