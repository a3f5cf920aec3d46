/*
 * tls_hang: how long peers with cached answers take while the responder hangs
 * and hundreds of unknown peers wait for it.
 */
#include "tests/bench/tls_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/err.h>

#define NUM_WAITING 500
#define NUM_KNOWN   16
/* Longer than any run: who waits must wait until the end of the row. */
#define PATIENT "\"deadline_ms\":3500000,\"fetch_timeout_ms\":3500000"

/* Sends all that a client has to say, and waits for no verdict. */
static SSL *
knock(struct setting *s, int port, size_t client)
{
	int fd = rig_dial(port);
	SSL *ssl = SSL_new(s->ctx);

	if (fd < 0 || ssl == NULL)
		exit(1);
	rig_use_client(&s->rig, ssl, client);
	SSL_set_fd(ssl, fd);
	/* TLS 1.3: the client is through before the server has judged. */
	if (SSL_connect(ssl) != 1) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	return ssl;
}

/* The end of a row proves that they have waited all the time. */
static void
must_wait(SSL *const *ssl)
{
	char byte;

	for (size_t i = 0; i < NUM_WAITING; i++)
		if (recv(SSL_get_fd(ssl[i]), &byte, 1,
			MSG_PEEK | MSG_DONTWAIT) >= 0) {
			fprintf(stderr,
			    "bench: unknown peer %zu waits no "
			    "more\n",
			    i);
			exit(1);
		}
}

static void
measure_hang(struct setting *s, const struct rig_server *srv, size_t known,
    struct calm *c)
{
	size_t num = s->handshakes * 2;

	for (int r = 0; r < s->runs; r++) {
		struct sample took[2] = {{0}};

		/* In turn, so that what the machine does meets both. */
		for (size_t i = 0; i < num * 2; i++)
			client_time(s, &took[i % 2], srv[i % 2].port,
			    known + i / 2 % NUM_KNOWN);
		for (int w = 0; w < 2; w++)
			calm_add(c, w, &took[w]);
	}
}

/*
 * Two gateways whose peers' answers are cached; the responder hangs, and five
 * hundred peers that nobody knows wait at the second one.
 */
void
bench_hang(struct setting *s)
{
	const struct rig_want want = {.tls_version = s->version,
	    .revocation = "\"order\":\"OCSP\"," PATIENT};
	size_t known = client_fresh(s, NUM_KNOWN);
	size_t unknown = client_fresh(s, NUM_WAITING);
	struct rig_server srv[2];
	struct calm c = {0};
	SSL *ssl[NUM_WAITING];

	rig_enrol(&s->rig, known, NUM_KNOWN);
	rig_control(s->rig.ocsp_control, "/_script", "/* origin");
	for (int i = 0; i < 2; i++) {
		if (!rig_start(&s->rig, &srv[i], "gateway", &want))
			exit(1);
		for (size_t k = 0; k < NUM_KNOWN; k++)
			client_handshake(s, srv[i].port, known + k);
	}
	rig_control(s->rig.ocsp_control, "/_script", "/* never");
	for (size_t i = 0; i < NUM_WAITING; i++)
		ssl[i] = knock(s, srv[1].port, unknown + i);
	measure_hang(s, srv, known, &c);
	must_wait(ssl);
	for (size_t i = 0; i < NUM_WAITING; i++)
		client_close(ssl[i]);
	for (int i = 0; i < 2; i++)
		rig_stop(&srv[i]);
	rig_control(s->rig.ocsp_control, "/_script", "/* origin");
	calm_print(&c,
	    "from dialling to the end, peers with cached answers, while the "
	    "responder hangs",
	    "nobody waits", "500 unknown peers wait");
}
