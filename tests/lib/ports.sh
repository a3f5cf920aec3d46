# ports: for servers that must be told which port is theirs. Sourced; its
# user ends what is in $pids.

# ports_hold NUM: $ports, of the kernel's choice; until the script ends they are
# nobody else's.
ports_hold() {
	mkfifo ports.held ports.out
	"$FIXTURES/ports" "$1" <ports.held >ports.out &
	pids="$pids $!"
	exec 6>ports.held
	read -r ports <ports.out
	rm ports.held ports.out
}
