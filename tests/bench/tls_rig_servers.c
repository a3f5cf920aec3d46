/*
 * tls_rig_servers: the servers to compare: their configurations, their
 * processes, and what these have spent.
 */
#include "tests/bench/tls_rig_parts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER_CORE 0

static int
free_port(void)
{
	int port, fd = rig_listen_any(&port);

	close(fd);
	return port;
}

static bool
await_port(int port)
{
	for (int i = 0; i < 3000; i++) {
		int fd = rig_dial(port);

		if (fd >= 0) {
			close(fd);
			return true;
		}
		usleep(10000);
	}
	return false;
}

/* ---- configurations */

static FILE *
conf_file(struct rig *r, const char *name, char path[300])
{
	FILE *f;

	snprintf(path, 300, "%s/%s.conf", r->dir, name);
	f = fopen(path, "w");
	if (f == NULL)
		rig_give_up("cannot write '%s'", path);
	return f;
}

/* Certificate and key in one file, as HAProxy and hitch want it. */
static void
write_bundle(struct rig *r, char path[300])
{
	char command[1000];

	snprintf(path, 300, "%s/bundle.pem", r->dir);
	snprintf(command, sizeof(command),
	    "cat '%s/gateway.pem' '%s/gateway.key' > '%s'", r->net, r->net,
	    path);
	if (system(command) != 0)
		rig_give_up("cannot write '%s'", path);
}

static void
write_gateway(struct rig *r, FILE *f, int port, int backend, int version)
{
	const char *v = version == TLS1_3_VERSION ? "1.3" : "1.2";

	fprintf(f,
	    "{\"listen\":\"127.0.0.1:%d\",\"workers\":1,"
	    "\"node\":{\"addresses\":[\"127.0.0.1:%d\"]},"
	    "\"identities\":[{\"name\":\"gateway\","
	    "\"certificate\":\"%s/gateway.pem\",\"key\":\"%s/gateway.key\"}],"
	    "\"trust\":[{\"group\":\"town\",\"anchors\":\"%s/trust.pem\"}],"
	    "\"tls\":{\"min_version\":\"%s\",\"max_version\":\"%s\"},"
	    "\"limits\":{\"max_connections\":20000,\"max_per_address\":0,"
	    "\"max_handshakes\":20000,\"handshakes_per_sec\":0},"
	    "\"log\":{\"level\":\"warn\"},"
	    "\"revocation\":{\"mode\":\"HARD_FAIL\",\"order\":\"CRL\","
	    "\"any_port\":true,\"allow_addresses\":[\"127.0.0.1\"]}}\n",
	    port, backend, r->net, r->net, r->net, v, v);
}

static void
write_nginx(struct rig *r, FILE *f, int port, int backend, int version)
{
	fprintf(f,
	    "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
	    "daemon off; worker_processes 1; pid %s/nginx.pid;\n"
	    "error_log /dev/null; worker_rlimit_nofile 20000;\n"
	    "events { worker_connections 18000; }\n"
	    "stream { server { listen 127.0.0.1:%d ssl backlog=4096;\n"
	    "ssl_certificate %s/gateway.pem; ssl_certificate_key "
	    "%s/gateway.key;\n"
	    "ssl_client_certificate %s/trust.pem; ssl_verify_client on;\n"
	    "ssl_verify_depth 4; ssl_protocols %s; tcp_nodelay on;\n"
	    "proxy_pass 127.0.0.1:%d; } }\n",
	    r->dir, port, r->net, r->net, r->net,
	    version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2", backend);
}

static void
write_haproxy(struct rig *r, FILE *f, int port, int backend, int version)
{
	const char *v = version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2";
	char bundle[300];

	write_bundle(r, bundle);
	fprintf(f,
	    "global\n nbthread 1\n maxconn 8000\n"
	    "defaults\n mode tcp\n timeout client 600s\n timeout server 600s\n"
	    " timeout connect 10s\n"
	    "frontend f\n bind 127.0.0.1:%d ssl crt %s ca-file %s/trust.pem "
	    "verify required ssl-min-ver %s ssl-max-ver %s\n"
	    " default_backend b\n"
	    "backend b\n server s 127.0.0.1:%d\n",
	    port, bundle, r->net, v, v, backend);
}

static void
write_hitch(struct rig *r, FILE *f, int port, int backend, int version)
{
	char bundle[300];

	write_bundle(r, bundle);
	fprintf(f,
	    "frontend = \"[127.0.0.1]:%d\"\nbackend = \"[127.0.0.1]:%d\"\n"
	    "pem-file = \"%s\"\nworkers = 1\nquiet = on\n"
	    "client-verify = required\nclient-verify-ca = \"%s/trust.pem\"\n"
	    "tls-protos = %s\nuser = \"nobody\"\nbacklog = 4096\n",
	    port, backend, bundle, r->net,
	    version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
}

static void
write_stunnel(struct rig *r, FILE *f, int port, int backend, int version)
{
	fprintf(f,
	    "foreground = yes\npid =\ndebug = 0\nsyslog = no\n"
	    "[s]\naccept = 127.0.0.1:%d\nconnect = 127.0.0.1:%d\n"
	    "cert = %s/gateway.pem\nkey = %s/gateway.key\nCAfile = "
	    "%s/trust.pem\n"
	    "verifyChain = yes\nsslVersion = %s\n"
	    "socket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n",
	    port, backend, r->net, r->net, r->net,
	    version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
}

static const struct rig_kind {
	const char *name, *program;
	const char *args[4]; /* "%" is the configuration file */
	void (*write)(struct rig *, FILE *, int, int, int);
} rig_kinds[] = {
    {"gateway", NULL, {"--config", "%"}, write_gateway},
    {"nginx", "/usr/sbin/nginx", {"-c", "%"}, write_nginx},
    {"haproxy", "/usr/sbin/haproxy", {"-db", "-f", "%"}, write_haproxy},
    {"hitch", "/usr/sbin/hitch", {"--config=%"}, write_hitch},
    {"stunnel", "/usr/bin/stunnel4", {"%"}, write_stunnel},
};

static void __attribute__((noreturn)) exec_server(
    struct rig *r, const struct rig_kind *k, const char *path, const char *log)
{
	const char *program = k->program;
	const char *argv[6] = {NULL};
	char arg[400];
	int n = 1, fd;

	if (program == NULL)
		program = getenv("BENCH_GATEWAY");
	argv[0] = program;
	for (int i = 0; i < 4 && k->args[i] != NULL; i++) {
		const char *percent = strchr(k->args[i], '%');

		argv[n++] = k->args[i];
		if (percent == NULL)
			continue;
		snprintf(arg, sizeof(arg), "%.*s%s",
		    (int)(percent - k->args[i]), k->args[i], path);
		argv[n - 1] = arg;
	}
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		dup2(fd, 1);
		dup2(fd, 2);
	}
	if (chdir(r->dir) == 0 && program != NULL)
		execv(program, (char **)(void *)argv);
	_exit(127);
}

static void
show_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		fputs(line, stderr);
	if (f != NULL)
		fclose(f);
}

bool
rig_start(struct rig *r, struct rig_server *s, const char *name,
    enum rig_backend backend, int tls_version)
{
	const int backends[] = {r->echo_port, r->sink_port, r->source_port};
	const struct rig_kind *k = NULL;
	char path[300], log[300];
	FILE *f;
	int fd;

	memset(s, 0, sizeof(*s));
	s->name = name;
	if (strcmp(name, "bare") == 0) {
		s->bare = true;
		fd = rig_listen_any(&s->port);
		s->pid = rig_fork(SERVER_CORE);
		if (s->pid == 0)
			rig_bare_main(r, fd, tls_version);
		close(fd);
		return true;
	}
	for (size_t i = 0; i < sizeof(rig_kinds) / sizeof(*rig_kinds); i++)
		if (strcmp(rig_kinds[i].name, name) == 0)
			k = &rig_kinds[i];
	if (k == NULL ||
	    (k->program != NULL && access(k->program, X_OK) != 0)) {
		fprintf(stderr, "bench: %s is not installed\n", name);
		return false;
	}
	s->port = free_port();
	f = conf_file(r, name, path);
	k->write(r, f, s->port, backends[backend], tls_version);
	fclose(f);
	snprintf(log, sizeof(log), "%s/%s.log", r->dir, name);
	s->pid = rig_fork(SERVER_CORE);
	if (s->pid == 0)
		exec_server(r, k, path, log);
	if (await_port(s->port))
		return true;
	fprintf(stderr, "bench: %s did not start; it says:\n", name);
	show_file(log);
	rig_stop(s);
	return false;
}

/* ---- processes */

/* The process, and those that it made. */
static size_t
family(pid_t pid, pid_t *out, size_t max)
{
	char path[64], text[512];
	size_t n = 0;
	FILE *f;

	out[n++] = pid;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "r");
	if (f == NULL)
		return n;
	if (fgets(text, sizeof(text), f) != NULL) {
		char *save = NULL, *word = strtok_r(text, " \n", &save);

		for (; word != NULL && n < max;
		     word = strtok_r(NULL, " \n", &save))
			out[n++] = atoi(word);
	}
	fclose(f);
	return n;
}

uint64_t
rig_cpu_ns(const struct rig_server *s)
{
	pid_t pids[16];
	size_t n = family(s->pid, pids, 16);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		struct timespec ts;
		clockid_t clock;

		/* Threads that have ended count, too. */
		if (clock_getcpuclockid(pids[i], &clock) == 0 &&
		    clock_gettime(clock, &ts) == 0)
			sum += (uint64_t)ts.tv_sec * 1000000000u +
			    (uint64_t)ts.tv_nsec;
	}
	return sum;
}

size_t
rig_rss(const struct rig_server *s)
{
	pid_t pids[16];
	size_t n = family(s->pid, pids, 16), sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned long size, resident;
		char path[64];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/statm", pids[i]);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu %lu", &size, &resident) == 2)
			sum += resident * (size_t)sysconf(_SC_PAGESIZE);
		fclose(f);
	}
	return sum;
}

void
rig_stop(struct rig_server *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGTERM);
	for (int i = 0; i < 500; i++) {
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
			s->pid = 0;
			return;
		}
		usleep(10000);
	}
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}
