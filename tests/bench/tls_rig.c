/*
 * tls_rig: see the header. The town, the certificates and the sockets; the
 * servers are in tls_rig_servers.c.
 */
#include "tests/bench/tls_rig_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <cjson/cJSON.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

void
rig_give_up(const char *fmt, ...)
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
	CPU_SET(core == RIG_BOTH_CORES ? 0 : core, &set);
	CPU_SET(core == RIG_BOTH_CORES ? 1 : core, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* ---- sockets, children */

int
rig_listen(int *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)*port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
	    listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		rig_give_up("cannot listen: %s", strerror(errno));
	*port = ntohs(in.sin_port);
	return fd;
}

/* At a Unix socket in dir. */
static int
listen_at(const char *dir)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%.80s/node.sock", dir);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    listen(fd, 4096) != 0)
		rig_give_up(
		    "cannot listen at '%s': %s", un.sun_path, strerror(errno));
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

pid_t
rig_fork(int core)
{
	pid_t pid = fork();

	if (pid < 0)
		rig_give_up("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		rig_pin(core);
		signal(SIGPIPE, SIG_IGN);
	}
	return pid;
}

/* ---- certificates, the town */

static void *
read_pem(const char *dir, const char *name, bool key)
{
	char path[400];
	FILE *f;
	void *p;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (f == NULL)
		rig_give_up("cannot read '%s': %s", path, strerror(errno));
	p = key ? (void *)PEM_read_PrivateKey(f, NULL, NULL, NULL)
		: (void *)PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (p == NULL)
		rig_give_up("cannot read '%s': not PEM", path);
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
		rig_give_up("cannot run ca");
	serial = BN_to_ASN1_INTEGER(bn, NULL);
	if (serial == NULL || !X509_set_serialNumber(c->leaf, serial) ||
	    !X509_set_pubkey(c->leaf, c->key) ||
	    X509_sign(c->leaf, r->issuer_key, EVP_sha256()) <= 0)
		rig_give_up("cannot run ca");
	ASN1_INTEGER_free(serial);
	BN_free(bn);
}

/* The town says where everything is as one line of JSON. */
static void
read_town(struct rig *r, const char *line)
{
	cJSON *o = cJSON_Parse(line);
	const cJSON *ocsp = cJSON_GetObjectItem(o, "ocsp");
	const cJSON *web = cJSON_GetObjectItem(o, "web");

	r->ocsp_control =
	    (int)cJSON_GetNumberValue(cJSON_GetObjectItem(ocsp, "control"));
	r->web_control =
	    (int)cJSON_GetNumberValue(cJSON_GetObjectItem(web, "control"));
	r->web = (pid_t)cJSON_GetNumberValue(cJSON_GetObjectItem(web, "pid"));
	cJSON_Delete(o);
}

static void
start_town(struct rig *r, const char *tools)
{
	char program[400], line[4096] = "";
	int out[2], in[2];
	FILE *f;

	snprintf(program, sizeof(program), "%s/town", tools);
	if (pipe(out) != 0 || pipe(in) != 0)
		rig_give_up("pipe: %s", strerror(errno));
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	r->town = rig_fork(1);
	if (r->town == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(out[0]);
		close(in[1]);
		/* No pages of 40 MB given back on the client's core. */
		setenv("MALLOC_MMAP_MAX_", "0", 1);
		setenv("MALLOC_TRIM_THRESHOLD_", "1000000000", 1);
		execl(program, program, "--dir", r->net, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	f = fdopen(out[0], "r");
	while (f != NULL && strncmp(line, "ready", 5) != 0)
		if (fgets(line, sizeof(line), f) == NULL)
			rig_give_up("'%s' did not start", program);
		else if (*line == '{')
			read_town(r, line);
	/* Both pipes stay open: their end is what stops the town. */
}

void
rig_init(struct rig *r, const char *tools)
{
	struct rlimit many = {65536, 65536};
	int fds[4];

	(void)setrlimit(RLIMIT_NOFILE, &many);
	memset(r, 0, sizeof(*r));
	r->crl_number = 1000; /* the town's own are below */
	signal(SIGPIPE, SIG_IGN);
	if (readlink("/proc/self/exe", r->self, sizeof(r->self) - 1) <= 0)
		rig_give_up("cannot find myself: %s", strerror(errno));
	snprintf(r->dir, sizeof(r->dir), "/tmp/bench-tls.XXXXXX");
	if (mkdtemp(r->dir) == NULL || chmod(r->dir, 0755) != 0)
		rig_give_up("cannot make '%s'", r->dir);
	snprintf(r->net, sizeof(r->net), "%s/net", r->dir);
	start_town(r, tools);
	for (int i = 0; i < 3; i++)
		fds[i] = rig_listen(&r->backends[i]);
	fds[3] = listen_at(r->dir);
	r->node = rig_fork(1);
	if (r->node == 0)
		rig_node_main(fds);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	r->issuer = read_pem(r->net, "doorman/ca.pem", false);
	r->issuer_key = read_pem(r->net, "doorman/ca.key", true);
	r->model = read_pem(r->net, "peers/good.pem", false);
}

void
rig_mint(struct rig *r, size_t num)
{
	if (num <= r->num_clients)
		return;
	r->clients = realloc(r->clients, num * sizeof(*r->clients));
	if (r->clients == NULL)
		rig_give_up("out of memory");
	for (; r->num_clients < num; r->num_clients++)
		mint_client(r, &r->clients[r->num_clients], r->num_clients);
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
		rig_give_up("cannot set up TLS");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* Not every server says goodbye. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	return ctx;
}

void
rig_use_client(struct rig *r, SSL *ssl, size_t i)
{
	struct rig_client *c = &r->clients[i];
	STACK_OF(X509) *chain = sk_X509_new_null();

	if (i >= r->num_clients)
		rig_give_up("client %zu was never minted", i);
	if (chain == NULL || !sk_X509_push(chain, r->issuer) ||
	    SSL_use_cert_and_key(ssl, c->leaf, c->key, chain, 1) != 1)
		rig_give_up("cannot use a client certificate");
	sk_X509_free(chain);
}
