# debroot: a clean Debian that a test may do with as it likes. Sourced, behind
# tap.sh; begins the script anew in a mount namespace, so that nothing of it is
# left. $R is its place; `in_root COMMAND...` runs there.
D=$TOP/build/debroot
skip_all() { echo "1..1"; echo "ok 1 - $of # SKIP $*"; exit 0; }
if [ ! -e "$D/root/.made" ]; then
	skip_all "no clean root: $(cat "$D/why" 2>/dev/null || echo 'make debroot')"
fi
if [ -z "${IN_DEBROOT:-}" ]; then
	IN_DEBROOT=1 exec unshare --mount --propagation private sh "$0"
fi
R=$PWD/root
mkdir root upper work
# What is changed lies beside it; where that cannot be mounted it is copied.
mount -t overlay overlay -o "lowerdir=$D/root,upperdir=$PWD/upper,workdir=$PWD/work" \
    root 2>/dev/null || { rmdir root && cp -a "$D/root" root; }
mount --bind /dev root/dev
mount -t devpts devpts root/dev/pts
mount -t proc proc root/proc
# It does not outlive the test: nothing need reach the disk.
echo force-unsafe-io >root/etc/dpkg/dpkg.cfg.d/tests
in_root() {
	chroot "$R" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}
# apt NAME...: installs packages of ours by name, and what they need.
debs=$TOP/build/deb
apt() {
	mkdir -p "$R/debs"
	for p in "$@"; do cp "$debs/${p}"_[0-9]*.deb "$R/debs/"; done
	in_root apt-get install -y -qq --no-install-recommends \
	    $(for p in "$@"; do (cd "$R" && ls debs/"${p}"_[0-9]*.deb | sed 's|^|/|'); done)
}
