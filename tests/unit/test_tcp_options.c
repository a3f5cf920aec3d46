/* tcp_options: what the kernel says of a socket that has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/tcp_options.h"

static int
get(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
	return value;
}

static void
what_is_configured_is_set(void **state)
{
	const struct conf_limits conf = {
	    .keepalive_ms = 42000, .user_timeout_ms = 77000};
	const struct conf_limits brief = {.keepalive_ms = 1};
	int families[] = {AF_INET, AF_INET6};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int fd = socket(families[i], SOCK_STREAM, 0);

		if (fd < 0)
			continue; /* no IPv6 here */
		assert_int_equal(tcp_options_set(fd, families[i], &conf), 0);
		assert_int_equal(get(fd, IPPROTO_TCP, TCP_NODELAY), 1);
		assert_int_equal(get(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
		assert_int_equal(get(fd, IPPROTO_TCP, TCP_KEEPIDLE), 42);
		assert_int_equal(get(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
		assert_int_equal(
		    get(fd, IPPROTO_TCP, TCP_KEEPCNT), TCP_OPTIONS_PROBES);
		assert_int_equal(get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 77000);
		assert_int_equal(tcp_options_set(fd, families[i], &brief), 0);
		assert_int_equal(get(fd, IPPROTO_TCP, TCP_KEEPIDLE), 1);
		close(fd);
	}
}

/* A listener goes on under another configuration; who comes has it at once. */
static void
what_was_set_is_taken_back(void **state)
{
	const struct conf_limits conf = {
	    .keepalive_ms = 42000, .user_timeout_ms = 77000};
	const struct conf_limits none = {0};
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(fd, 2), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	for (int i = 0; i < 2; i++) {
		int dialled = socket(AF_INET, SOCK_STREAM, 0), got;

		assert_int_equal(
		    tcp_options_set(fd, AF_INET, i == 0 ? &conf : &none), 0);
		assert_int_equal(
		    connect(dialled, (struct sockaddr *)&in, len), 0);
		got = accept(fd, NULL, NULL);
		assert_true(got >= 0);
		assert_int_equal(get(got, IPPROTO_TCP, TCP_NODELAY), 1);
		assert_int_equal(get(got, SOL_SOCKET, SO_KEEPALIVE), i == 0);
		assert_int_equal(get(got, IPPROTO_TCP, TCP_USER_TIMEOUT),
		    i == 0 ? 77000 : 0);
		if (i == 0)
			assert_int_equal(
			    get(got, IPPROTO_TCP, TCP_KEEPIDLE), 42);
		close(got);
		close(dialled);
	}
	close(fd);
}

static void
none_is_none(void **state)
{
	const struct conf_limits conf = {0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(tcp_options_set(fd, AF_INET, &conf), 0);
	assert_int_equal(get(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(get(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(tcp_options_set(fd, AF_UNIX, &conf), 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_configured_is_set),
	    cmocka_unit_test(what_was_set_is_taken_back),
	    cmocka_unit_test(none_is_none),
	};

	return cmocka_run_group_tests_name("tcp_options", tests, NULL, NULL);
}
