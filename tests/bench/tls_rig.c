/*
 * tls_rig: see the header. The bare server is the yardstick: one thread,
 * epoll, mutual TLS with the chain verified by OpenSSL, no tickets, no
 * revocation, echo. The node is one epoll loop, too, with three ports.
 */
#include "tests/bench/tls_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define SERVER_CORE 0

static void __attribute__((format(printf, 1, 2), noreturn))
give_up(const char *fmt, ...)
{
	va_list ap;

	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void
rig_pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* ---- sockets ----------------------------------------------------------------
 */

static int
listen_any(int *port)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
	    listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		give_up("cannot listen: %s", strerror(errno));
	*port = ntohs(in.sin_port);
	return fd;
}

int
rig_dial(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
free_port(void)
{
	int port, fd = listen_any(&port);

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

static pid_t
fork_child(int core)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		rig_pin(core);
		signal(SIGPIPE, SIG_IGN);
	}
	return pid;
}

/* ---- the node
 * ------------------------------------------------------------------ */

enum {
	NODE_BLOCK = 65536
};

static uint8_t node_block[NODE_BLOCK];

struct node_conn {
	int fd;
	int role; /* enum rig_backend */
};

static void
node_serve(int ep, struct node_conn *c, uint32_t events)
{
	ssize_t n;

	if (c->role == RIG_SOURCE && events & EPOLLOUT) {
		n = send(c->fd, node_block, NODE_BLOCK, MSG_DONTWAIT);
		if (n >= 0 || errno == EAGAIN)
			return;
	} else {
		n = recv(c->fd, node_block, NODE_BLOCK, MSG_DONTWAIT);
		if (n > 0 && c->role == RIG_ECHO) {
			/* Ping-pong: what came fits into what is free. */
			if (send(c->fd, node_block, (size_t)n, 0) == n)
				return;
		} else if (n > 0 || (n < 0 && errno == EAGAIN)) {
			return;
		}
	}
	epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	free(c);
}

static void
node_accept(int ep, int listen_fd, int role)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct node_conn *c;
	int fd, one = 1;

	while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			_exit(1);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		c->role = role;
		ev.data.ptr = c;
		if (role == RIG_SOURCE)
			ev.events |= EPOLLOUT;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	}
}

static void __attribute__((noreturn)) node_main(const int fds[3])
{
	struct node_conn listeners[3];
	int ep = epoll_create1(0);

	for (int i = 0; i < 3; i++) {
		struct epoll_event ev = {
		    .events = EPOLLIN, .data.ptr = &listeners[i]};

		listeners[i] = (struct node_conn){.fd = fds[i], .role = i};
		epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev);
	}
	for (;;) {
		struct epoll_event evs[64];
		int n = epoll_wait(ep, evs, 64, -1);

		for (int i = 0; i < n; i++) {
			struct node_conn *c = evs[i].data.ptr;

			if (c >= listeners && c < listeners + 3)
				node_accept(ep, c->fd, c->role);
			else
				node_serve(ep, c, evs[i].events);
		}
	}
}

/* ---- certificates -----------------------------------------------------------
 */

static void *
read_pem(const char *dir, const char *name, bool key)
{
	char path[400];
	FILE *f;
	void *p;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (f == NULL)
		give_up("cannot read '%s': %s", path, strerror(errno));
	p = key ? (void *)PEM_read_PrivateKey(f, NULL, NULL, NULL)
		: (void *)PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (p == NULL)
		give_up("cannot read '%s': not PEM", path);
	return p;
}

/* Like the town's good peer, with another serial and another key. */
static void
mint_client(struct rig *r, struct rig_client *c, size_t i)
{
	ASN1_INTEGER *serial;
	BIGNUM *bn = BN_new();

	c->key = EVP_EC_gen("P-256");
	c->leaf = X509_dup(r->model);
	if (c->key == NULL || c->leaf == NULL || bn == NULL ||
	    !BN_set_word(bn, 0x40000000ul + i))
		give_up("cannot mint");
	serial = BN_to_ASN1_INTEGER(bn, NULL);
	if (serial == NULL || !X509_set_serialNumber(c->leaf, serial) ||
	    !X509_set_pubkey(c->leaf, c->key) ||
	    X509_sign(c->leaf, r->issuer_key, EVP_sha256()) <= 0)
		give_up("cannot mint");
	ASN1_INTEGER_free(serial);
	BN_free(bn);
}

static void
start_town(struct rig *r, const char *tools)
{
	char program[400], line[64] = "";
	int out[2], in[2];
	FILE *f;

	snprintf(program, sizeof(program), "%s/town", tools);
	if (pipe(out) != 0 || pipe(in) != 0)
		give_up("pipe: %s", strerror(errno));
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	r->town = fork_child(1);
	if (r->town == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(out[0]);
		close(in[1]);
		execl(program, program, "--dir", r->net, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	f = fdopen(out[0], "r");
	while (f != NULL && strncmp(line, "ready", 5) != 0)
		if (fgets(line, sizeof(line), f) == NULL)
			give_up("'%s' did not start", program);
	/* Both pipes stay open: their end is what stops the town. */
}

void
rig_init(struct rig *r, const char *tools, size_t num_clients)
{
	struct rlimit many = {65536, 65536};
	int fds[3];

	(void)setrlimit(RLIMIT_NOFILE, &many);
	memset(r, 0, sizeof(*r));
	signal(SIGPIPE, SIG_IGN);
	snprintf(r->dir, sizeof(r->dir), "/tmp/bench-tls.XXXXXX");
	if (mkdtemp(r->dir) == NULL || chmod(r->dir, 0755) != 0)
		give_up("cannot make '%s'", r->dir);
	snprintf(r->net, sizeof(r->net), "%s/net", r->dir);
	start_town(r, tools);
	fds[RIG_ECHO] = listen_any(&r->echo_port);
	fds[RIG_SINK] = listen_any(&r->sink_port);
	fds[RIG_SOURCE] = listen_any(&r->source_port);
	r->node = fork_child(1);
	if (r->node == 0)
		node_main(fds);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	r->issuer = read_pem(r->net, "doorman/ca.pem", false);
	r->issuer_key = read_pem(r->net, "doorman/ca.key", true);
	r->model = read_pem(r->net, "peers/good.pem", false);
	r->clients = calloc(num_clients, sizeof(*r->clients));
	if (r->clients == NULL)
		give_up("out of memory");
	for (size_t i = 0; i < num_clients; i++)
		mint_client(r, &r->clients[i], i);
	r->num_clients = num_clients;
}

void
rig_cleanup(struct rig *r)
{
	char command[200];

	kill(r->node, SIGKILL);
	kill(r->town, SIGTERM);
	waitpid(r->node, NULL, 0);
	waitpid(r->town, NULL, 0);
	for (size_t i = 0; i < r->num_clients; i++) {
		X509_free(r->clients[i].leaf);
		EVP_PKEY_free(r->clients[i].key);
	}
	free(r->clients);
	X509_free(r->issuer);
	X509_free(r->model);
	EVP_PKEY_free(r->issuer_key);
	snprintf(command, sizeof(command), "rm -rf '%s'", r->dir);
	if (system(command) != 0)
		fprintf(stderr, "bench: '%s' is left behind\n", r->dir);
}

SSL_CTX *
rig_client_ctx(struct rig *r, int tls_version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	(void)r;
	if (ctx == NULL || !SSL_CTX_set_min_proto_version(ctx, tls_version) ||
	    !SSL_CTX_set_max_proto_version(ctx, tls_version))
		give_up("cannot set up TLS");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* Not every server says goodbye. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	return ctx;
}

void
rig_use_client(struct rig *r, SSL *ssl, size_t i)
{
	struct rig_client *c = &r->clients[i % r->num_clients];
	STACK_OF(X509) *chain = sk_X509_new_null();

	if (chain == NULL || !sk_X509_push(chain, r->issuer) ||
	    SSL_use_cert_and_key(ssl, c->leaf, c->key, chain, 1) != 1)
		give_up("cannot use a client certificate");
	sk_X509_free(chain);
}

/* ---- the bare server
 * ------------------------------------------------------------ */

static void
bare_serve(int ep, SSL *ssl)
{
	static uint8_t block[65536];
	int fd = SSL_get_fd(ssl), n, e;

	ERR_clear_error();
	if (!SSL_is_init_finished(ssl)) {
		n = SSL_do_handshake(ssl);
		if (n == 1)
			return;
	} else {
		n = SSL_read(ssl, block, sizeof(block));
		if (n > 0) {
			/* Ping-pong never fills a socket; a sink sends none. */
			SSL_write(ssl, block, n);
			return;
		}
	}
	e = SSL_get_error(ssl, n);
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return;
	if (e == SSL_ERROR_ZERO_RETURN)
		SSL_shutdown(ssl);
	epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
	SSL_free(ssl);
	close(fd);
}

static void
bare_accept(int ep, int listen_fd, SSL_CTX *ctx)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int fd, one = 1;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		SSL *ssl = SSL_new(ctx);

		if (ssl == NULL)
			_exit(1);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		SSL_set_fd(ssl, fd);
		SSL_set_accept_state(ssl);
		ev.data.ptr = ssl;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	}
}

static void __attribute__((noreturn))
bare_main(struct rig *r, int listen_fd, int tls_version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
	char path[300], key[300];
	int ep = epoll_create1(0);

	snprintf(path, sizeof(path), "%s/gateway.pem", r->net);
	snprintf(key, sizeof(key), "%s/gateway.key", r->net);
	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, path) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		_exit(1);
	snprintf(path, sizeof(path), "%s/trust.pem", r->net);
	if (SSL_CTX_load_verify_file(ctx, path) != 1)
		_exit(1);
	SSL_CTX_set_min_proto_version(ctx, tls_version);
	SSL_CTX_set_max_proto_version(ctx, tls_version);
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	epoll_ctl(ep, EPOLL_CTL_ADD, listen_fd, &ev);
	for (;;) {
		struct epoll_event evs[64];
		int n = epoll_wait(ep, evs, 64, -1);

		for (int i = 0; i < n; i++)
			if (evs[i].data.ptr == NULL)
				bare_accept(ep, listen_fd, ctx);
			else
				bare_serve(ep, evs[i].data.ptr);
	}
}

/* ---- configurations of the others
 * ------------------------------------------------- */

static FILE *
conf_file(struct rig *r, const char *name, char path[300])
{
	FILE *f;

	snprintf(path, 300, "%s/%s.conf", r->dir, name);
	f = fopen(path, "w");
	if (f == NULL)
		give_up("cannot write '%s'", path);
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
		give_up("cannot write '%s'", path);
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
		fd = listen_any(&s->port);
		s->pid = fork_child(SERVER_CORE);
		if (s->pid == 0)
			bare_main(r, fd, tls_version);
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
	s->pid = fork_child(SERVER_CORE);
	if (s->pid == 0)
		exec_server(r, k, path, log);
	if (await_port(s->port))
		return true;
	fprintf(stderr, "bench: %s did not start; it says:\n", name);
	show_file(log);
	rig_stop(s);
	return false;
}

/* ---- processes
 * ---------------------------------------------------------------- */

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
