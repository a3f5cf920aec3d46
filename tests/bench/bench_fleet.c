/*
 * bench_fleet: what a fleet costs and how fast it is, with the real etcd: the
 * figures of p2p-gateway-fleet(7) with their goals beside them. Prints; judges
 * nothing. Members are light ones of this process (fleet_rig.h), but where a
 * line says gateways.
 *
 * BENCH_ONLY: names of rows by commas. BENCH_MEMBERS: the largest fleet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/fleet_rig.h"
#include "tests/lib/etcd.h"
#include "tests/lib/net.h"

static void
say_where(void)
{
	double load[3] = {0};

	(void)getloadavg(load, 3);
	printf("load %.2f %.2f %.2f, %ld cores, shared with the engine\n"
	       "  %-44s %7s %7s %7s   goal (ms)\n",
	    load[0], load[1], load[2], sysconf(_SC_NPROCESSORS_ONLN), "ms",
	    "p50", "p99", "max");
}

static void
many_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

static void
bench_with(const char *endpoint, size_t most)
{
	static const size_t fleets[] = {3, 100, 1000};

	for (size_t i = 0; i < sizeof(fleets) / sizeof(*fleets); i++) {
		if (fleets[i] > most)
			continue;
		if (row_wanted("BENCH_ONLY", "bite"))
			bench_bite(
			    endpoint, fleets[i], fleets[i] > 100 ? 20 : 60);
		if (row_wanted("BENCH_ONLY", "claims"))
			bench_claims(endpoint, fleets[i], 5, 2000);
		if (row_wanted("BENCH_ONLY", "claims-at-once"))
			bench_claims(endpoint, fleets[i], 5, 0);
	}
	if (row_wanted("BENCH_ONLY", "writers"))
		bench_writers(endpoint, 8, 10);
	if (row_wanted("BENCH_ONLY", "join"))
		bench_join(endpoint, 99000);
}

int
main(void)
{
	char dir[] = "/tmp/bench_fleet.XXXXXX", command[64];
	const char *text = getenv("BENCH_MEMBERS");
	struct etcd etcd;

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return 1;
	many_files();
	say_where();
	if (row_wanted("BENCH_ONLY", "start"))
		bench_start(99000, 50000);
	if (etcd_have()) {
		if (row_wanted("BENCH_ONLY", "gateways"))
			bench_gateways();
		etcd_start(&etcd, "etcd", &(struct etcd_options){0});
		bench_with(etcd.urls[0],
		    text != NULL ? strtoul(text, NULL, 10) : 1000);
		etcd_stop(&etcd);
	} else {
		printf("  no etcd: the rest is not measured\n");
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) != 0;
}
