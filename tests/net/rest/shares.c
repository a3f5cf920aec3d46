/*
 * Callers with credentials who keep their connections busy: one address has
 * half of the places, and this host always some. In a network of its own, for
 * it takes addresses that are not this host's loopback.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/lib/scene.h"

#define PLACES 20
#define HERE   "127.0.0.1"
#define ONE    "192.0.2.1"
#define OTHER  "192.0.2.2"

static bool possible; /* otherwise everything is skipped */
static struct tls held[2 * PLACES];
static size_t num_held;

static bool
add_address(int fd, const char *label, const char *address)
{
	struct ifreq r = {.ifr_flags = 0};
	struct sockaddr_in *sa = (struct sockaddr_in *)&r.ifr_addr;

	(void)strncpy(r.ifr_name, label, sizeof(r.ifr_name) - 1);
	sa->sin_family = AF_INET;
	return inet_pton(AF_INET, address, &sa->sin_addr) == 1 &&
	    ioctl(fd, SIOCSIFADDR, &r) == 0;
}

static bool
own_network(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	bool ok;
	int fd;

	if (getuid() != 0 || unshare(CLONE_NEWNET) != 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0 &&
	    add_address(fd, "lo:1", ONE) && add_address(fd, "lo:2", OTHER);
	if (fd >= 0)
		close(fd);
	return ok;
}

static int
setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	possible = own_network();
	if (possible)
		scene_up("rest.users", REST_CHEAP_USERS, "rest.max_connections",
		    "20", "rest.request_timeout_ms", "600000");
	return 0;
}

static int
teardown(void **state)
{
	return possible ? scene_teardown(state) : 0;
}

/* From an address: TLS, or all zero when it was not let have it. */
static bool
dial_from(struct tls *t, const char *from)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	const struct timeval tv = {.tv_sec = WAIT_MS / 1000};

	*t = (struct tls){.alert = -1};
	t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(t->fd >= 0);
	assert_int_equal(
	    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(inet_pton(AF_INET, from, &sa.sin_addr), 1);
	assert_int_equal(bind(t->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(inet_pton(AF_INET, HERE, &sa.sin_addr), 1);
	sa.sin_port = htons((uint16_t)gw.rest_port);
	assert_int_equal(connect(t->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	t->ctx = SSL_CTX_new(TLS_client_method());
	t->ssl = SSL_new(t->ctx);
	assert_non_null(t->ssl);
	assert_int_equal(SSL_set_fd(t->ssl, t->fd), 1);
	return SSL_connect(t->ssl) == 1;
}

/* Logs in, is answered, and begins another request that never ends. */
static bool
hold(const char *from)
{
	/* "operator:demo-password" */
	static const char request[] =
	    "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Basic "
	    "b3BlcmF0b3I6ZGVtby1wYXNzd29yZA==\r\n\r\n";
	struct tls *t = &held[num_held];
	char text[65536];
	size_t len = 0;
	int n = 0;

	if (dial_from(t, from) &&
	    SSL_write(t->ssl, request, sizeof(request) - 1) > 0)
		n = SSL_read(t->ssl, text, sizeof(text) - 1);
	if (n <= 0) {
		tls_free(t);
		return false;
	}
	for (;;) {
		const char *body, *length;

		len += (size_t)n;
		text[len] = '\0';
		assert_non_null(strstr(text, "HTTP/1.1 200"));
		body = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		if (body != NULL && length != NULL &&
		    len >= (size_t)(body + 4 - text) +
			    strtoul(length + 16, NULL, 10))
			break;
		n = SSL_read(t->ssl, text + len, (int)(sizeof(text) - 1 - len));
		assert_true(n > 0);
	}
	assert_true(SSL_write(t->ssl, request, 20) > 0);
	num_held++;
	return true;
}

static size_t
hold_many(const char *from, size_t tries)
{
	size_t num = 0;

	for (size_t i = 0; i < tries; i++)
		num += hold(from);
	return num;
}

static void
places_are_shared(void **state)
{
	(void)state;
	if (!possible)
		skip();
	/* Half of 20, then what is left but three for this host. */
	assert_int_equal(hold_many(ONE, PLACES), PLACES / 2);
	rest_expect(&gw, "GET", "/status", 200);
	assert_int_equal(hold_many(OTHER, PLACES), 7);
	assert_int_equal(hold_many(HERE, 2), 2);
	rest_expect(&gw, "GET", "/status", 200);
	while (num_held > 0)
		tls_free(&held[--num_held]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(places_are_shared),
	};

	return cmocka_run_group_tests_name(
	    "shares of REST", tests, setup, teardown);
}
