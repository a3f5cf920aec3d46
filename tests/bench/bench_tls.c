/*
 * bench_tls: what a TLS handshake, a megabyte, a round trip and an idle
 * connection cost the server, in CPU time of its processes: the gateway with
 * revocation in force beside a bare OpenSSL server and beside proxies that
 * check no revocation. Runs are interleaved; medians are printed with the
 * smallest and largest run. Servers on one core, everything else on another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/tls_bench.h"

static const struct row {
	const char *name;
	void (*run)(struct setting *);
	bool both; /* versions; otherwise TLS 1.3 alone */
} rows[] = {
    {"handshake", bench_handshakes, true},
    {"up", bench_up, false},
    {"down", bench_down, false},
    {"ping", bench_ping, false},
    {"node", bench_node, false},
    {"idle", bench_idle, false},
    {"floods", bench_floods, false},
    {"crl", bench_crl, false},
    {"count", bench_count, true},
    {"hang", bench_hang, false},
    {"arrival", bench_arrival, false},
    {"cut", bench_cut, false},
    {"workers", bench_workers, false},
};

#define NUM_ROWS (sizeof(rows) / sizeof(*rows))

static size_t
number(const char *name, size_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoul(text, NULL, 10);
}

static void
say_first_line(const char *what, const char *command)
{
	FILE *f = popen(command, "r");
	char line[200] = "";

	if (f != NULL && fgets(line, sizeof(line), f) != NULL)
		printf("  %-8s %s", what, line);
	if (f != NULL)
		pclose(f);
}

/* Wall-clock figures of a busy machine are noise: the load is said first. */
static void
say_where(void)
{
	double load[3] = {0};

	(void)getloadavg(load, 3);
	printf("load %.2f %.2f %.2f, %ld cores\n", load[0], load[1], load[2],
	    sysconf(_SC_NPROCESSORS_ONLN));
	say_first_line("kernel", "uname -r");
	say_first_line("OpenSSL", "openssl version");
	say_first_line("gateway", "\"$BENCH_GATEWAY\" --version");
	say_first_line("nginx", "/usr/sbin/nginx -v 2>&1");
	say_first_line("haproxy", "/usr/sbin/haproxy -v");
	say_first_line("hitch", "/usr/sbin/hitch --version 2>&1");
	say_first_line(
	    "stunnel", "/usr/bin/stunnel4 -version 2>&1 | grep -m 1 ^stunnel");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	static const char *const all[] = {
	    "bare", "gateway", "nginx", "haproxy", "hitch", "stunnel"};
	static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
	static struct setting s;

	if (argc == 3 && strcmp(argv[1], "--bare") == 0)
		rig_bare_main(argv[2]);
	if (argc != 2) {
		fprintf(stderr, "usage: bench_tls FIXTURES-DIRECTORY\n");
		return 2;
	}
	s.names = all;
	s.num_names = number("BENCH_SERVERS", sizeof(all) / sizeof(*all));
	s.runs = (int)number("BENCH_RUNS", 5);
	s.runs = s.runs > MAX_RUNS ? MAX_RUNS : s.runs;
	s.handshakes = number("BENCH_HANDSHAKES", 200);
	s.megabytes = number("BENCH_MEGABYTES", 256);
	s.trips = number("BENCH_TRIPS", 5000);
	s.idle = number("BENCH_IDLE", 5000);
	say_where();
	rig_pin(1);
	rig_init(&s.rig, argv[1]);
	(void)client_fresh(&s, 1);
	for (int v = 0; v < 2; v++) {
		s.version = versions[v];
		s.ctx = rig_client_ctx(&s.rig, s.version);
		for (size_t i = 0; i < NUM_ROWS; i++)
			if ((v == 0 || rows[i].both) &&
			    row_wanted("BENCH_ONLY", rows[i].name))
				rows[i].run(&s);
		SSL_CTX_free(s.ctx);
	}
	rig_cleanup(&s.rig);
	return 0;
}
