#!/bin/sh
# Installs the Debian packages named as arguments that are missing.
set -eu
missing=
for p in "$@"; do
	s=$(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null || :)
	case "$s" in ii*) ;; *) missing="$missing $p" ;; esac
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
# Servers that tests run themselves are not started by being installed.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	# shellcheck disable=SC2064 # $sudo as it is now
	trap "$sudo rm -f $policy" EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends $missing >/dev/null
