#!/bin/sh
# The units under a real systemd: a clean root with the packages is booted in a
# container without a network; what the README and doorman(8) say is typed there.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
of=units
: >out 2>err
command -v systemd-nspawn >/dev/null || { echo 1..1; echo "ok 1 - $of # SKIP no systemd-nspawn"; exit 0; }
# shellcheck source=tests/lib/debroot.sh
. "$TOP/tests/lib/debroot.sh"

apt p2p-gateway revcheck doorman >out 2>err ||
    { echo "1..1"; cat err; echo "not ok 1 - $of: installed"; exit 1; }
umount root/proc root/dev/pts root/dev
echo "127.0.0.1 localhost" >root/etc/hosts
# As the README has it, but for the place that a package has.
awk '/^Then, as root, with certificate/ {on = 1; next} on && /^    / {print; seen = 1}
    on && seen && /^[^ ]/ {exit}' "$TOP/README.md" |
    sed 's|/usr/local/|/usr/|' >"$R/root/readme.sh"
cp "$TOP/tests/lib/tap.sh" "$TOP/tests/net/install/typed/units.sh" "$R/root/"
cat >"$R/etc/systemd/system/typed.service" <<'U'
[Unit]
Description=What the test types
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
WorkingDirectory=/root
ExecStart=/bin/sh -c 'sh units.sh >typed.tap 2>&1; sync'
TimeoutStartSec=150
[Install]
WantedBy=default.target
U
# A node: a line in, a line out.
cat >"$R/etc/systemd/system/node.socket" <<'U'
[Socket]
ListenStream=127.0.0.1:9000
Accept=yes
[Install]
WantedBy=sockets.target
U
cat >"$R/etc/systemd/system/node@.service" <<'U'
[Service]
StandardInput=socket
ExecStart=-/bin/sh -c 'read -r line; echo "the node heard $line"'
U
in_root systemctl enable typed.service node.socket >out 2>err
timeout -k 5 200 systemd-nspawn --quiet --register=no --keep-unit \
    --private-network --directory="$R" --machine="units-$$" --boot \
    </dev/null >boot.log 2>&1
if [ ! -e "$R/root/typed.tap" ]; then
	if grep -q 'Reached target' boot.log; then
		tail -n 40 boot.log
		echo "not ok 1 - $of: something is typed once it has booted"
		exit 1
	fi
	skip_all "systemd does not boot here: $(grep -v '^$' boot.log | tail -n 1)"
fi
cat "$R/root/typed.tap"
! grep -q '^not ok' "$R/root/typed.tap" && grep -q '^1\.\.' "$R/root/typed.tap"
