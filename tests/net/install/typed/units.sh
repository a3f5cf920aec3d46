# What net/install/systemd types inside: as root, with systemd running.
set -u
. ./tap.sh
of=units
: >out 2>err
state() { [ "$(systemctl show -P "$2" "$1")" = "$3" ]; }
# ready UNIT: it says so itself, a moment after a reload was asked for.
ready() {
	for _ in $(seq 600); do
		[ "$(systemctl show -P ActiveState "$1")" = reloading ] || break
		sleep 0.1
	done
	state "$1" ActiveState active
}
failed() { systemctl --failed --no-legend >out; [ ! -s out ]; }
log() { journalctl -q -b -u "$1" >out 2>&1; }

# Installed, and nothing is configured.
t 'no unit has failed' failed
for u in p2p-gateway doorman; do
	t "$u waits for its configuration" state $u.service ActiveState inactive
	t 'that is a condition, no error' state $u.service ConditionResult no
	t 'it is enabled' run 0 systemctl is-enabled $u.service
done
for u in p2p-gateway.socket doorman-ocsp.service doorman-sign-reissue.timer; do
	t "$u is for the operator to enable" run 1 systemctl is-enabled $u
	t 'and does not run' state $u ActiveState inactive
done

# The gateway, as the README has it.
p2p-gateway --init try --demo-pki >out 2>err
cp try/pki/root.pem anchors.pem
cp try/pki/gateway.pem try/pki/gateway.key .
t 'the README has its commands' test "$(grep -c . readme.sh)" = 4
# This CA names no CRL in its certificates: a file has it.
cp try/pki/root.crl /etc/p2p-gateway/
sed -i 's|// "crl_paths": \["crls"\]|"crl_paths": ["root.crl"]|; s|SOFT_FAIL"|HARD_FAIL"|' \
    /usr/share/doc/p2p-gateway/examples/p2p-gateway.json
t 'the gateway is started' run 0 sh -e readme.sh
log p2p-gateway
t 'it is ready' state p2p-gateway ActiveState active
t 'as its own user' test "$(ps -o user= -p "$(systemctl show -P MainPID p2p-gateway)" 2>/dev/null ||
    stat -c %U "/proc/$(systemctl show -P MainPID p2p-gateway)")" = p2p-gateway
t 'what it keeps is there' test -e /var/lib/p2p-gateway/state.db
t 'for itself' test "$(stat -c '%a %U' /var/lib/p2p-gateway)" = '700 p2p-gateway'
ask() { # ask WHO: a line to the node
	echo hello | timeout 20 openssl s_client -quiet -connect localhost:8443 \
	    -CAfile try/pki/root.pem -cert "try/pki/$1.pem" -key "try/pki/$1.key" >out 2>err
}
ask good
t 'a good peer reaches the node' grep -q 'the node heard hello' out
ask revoked
t 'a revoked one is told' grep -qi 'certificate.revoked' err
t 'and nothing comes back' test ! -s out
t 'it reads its file again' run 0 systemctl reload p2p-gateway
t 'and is ready' ready p2p-gateway
cp /etc/p2p-gateway/p2p-gateway.json good.json
echo '{' >/etc/p2p-gateway/p2p-gateway.json
t 'with a broken file it does not start' run 1 systemctl restart p2p-gateway
log p2p-gateway
t 'the log names it' grep -q 'p2p-gateway.json.*line' out
systemctl stop p2p-gateway
cat good.json >/etc/p2p-gateway/p2p-gateway.json
systemctl reset-failed p2p-gateway
t 'the port by a socket of systemd' run 0 systemctl start p2p-gateway.socket
t 'the first peer starts it' state p2p-gateway ActiveState inactive
ask good
t 'and is served' grep -q 'the node heard hello' out
t 'it is stopped' run 0 systemctl stop p2p-gateway.socket p2p-gateway
t 'in order' state p2p-gateway Result success

# The doorman, as doorman(8) has it.
{
	doorman init /etc/doorman --unencrypted --listen 127.0.0.1:8080 \
	    --public-url http://crl.example.net --ocsp-listen 127.0.0.1:8081 &&
	mv /etc/doorman/doorman.sqlite /var/lib/doorman/ &&
	cat >>/etc/doorman/doorman.conf <<END &&
database = /var/lib/doorman/doorman.sqlite
sign_socket = /run/doorman/sign.sock
sign_uids = doorman-sign, root
END
	sed -i 's|^service = .*|service = unix:/run/doorman/sign.sock|' \
	    /etc/doorman/sign.conf &&
	chown -R root:doorman /etc/doorman &&
	chmod -R u=rwX,g=rX,o= /etc/doorman &&
	cd /etc/doorman &&
	chmod go= ca/*-key.pem internal/ca-key.pem internal/signer-key.pem &&
	chown doorman-sign ca/*-key.pem internal/signer-key.pem sign.conf &&
	chown -R doorman:doorman /var/lib/doorman
} >/root/out 2>/root/err
made=$?
cd /root
t 'a doorman is made' test $made = 0
t 'it is started' run 0 systemctl enable --now doorman doorman-ocsp
log doorman
t 'the service is ready' state doorman ActiveState active
t 'the responder is ready' state doorman-ocsp ActiveState active
: >pin
systemd-creds encrypt --name=pin pin /etc/doorman/pin >out 2>err
t 'lists are looked at by the signer' run 0 systemctl start doorman-sign-reissue
log doorman-sign-reissue
t 'to whom there was nothing to do' state doorman-sign-reissue Result success
t 'hourly' run 0 systemctl enable --now doorman-sign-reissue.timer
t 'by a timer' state doorman-sign-reissue.timer ActiveState active
t 'reloaded' run 0 systemctl reload doorman doorman-ocsp
t 'no unit has failed meanwhile' failed

# Another version while they run: they go on as that one.
systemctl start p2p-gateway
pid_of() { systemctl show -P MainPID "$1"; }
before="$(pid_of p2p-gateway) $(pid_of doorman) $(pid_of doorman-ocsp)"
t 'upgraded while they run' sh -c 'dpkg -i /debs/p2p-gateway*.deb /debs/doorman*.deb >out 2>err'
for u in p2p-gateway doorman doorman-ocsp; do
	t "$u runs" state $u ActiveState active
	t 'as what is there now' sh -c "case ' $before ' in *' $(pid_of $u) '*) false ;; esac"
done
ask good
t 'a good peer reaches the node again' grep -q 'the node heard hello' out
t 'the timer is as it was' state doorman-sign-reissue.timer ActiveState active

# Taken away while they run.
t 'removed while they run' run 0 dpkg --remove p2p-gateway doorman
t 'the gateway has stopped' state p2p-gateway ActiveState inactive
t 'the doorman has' state doorman ActiveState inactive
t 'and failed in nothing' failed
echo "1..$n"
exit $bad
