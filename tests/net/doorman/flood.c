/*
 * Strangers take all they can get: the list is served all the same, the
 * signer sits down at the desk, and the log stays short.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "fixtures/doorman/service/store/store.h"
#include "tests/doorman/doorman_net.h"

#define FLOOD   80
#define LOG_MAX 4096
#define HALF_CSR                                    \
	"POST /certificate HTTP/1.1\r\nHost: x\r\n" \
	"Content-Length: 60000\r\n\r\n"

static struct doorman_net net;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	return 0;
}

static int
port(void)
{
	return (int)strtol(strrchr(net.url, ':') + 1, NULL, 10);
}

/* With so many descriptors and no more. */
static void
start_with(const char *descriptors)
{
	char *path = fixture_path("doorman"), *line;
	const char *argv[] = {"/bin/sh", "-c",
	    "ulimit -n $2; exec \"$0\" serve -c \"$1\"", path, net.conf,
	    descriptors, NULL};

	proc_start(&net.serve, "doorman", "flood.log", argv);
	line = proc_await(&net.serve, "ready http=", WAIT_MS);
	if (line == NULL)
		fail_msg("doorman did not start: %s", proc_log_end(&net.serve));
	free(line);
	free(path);
}

static void
log_is_short(void)
{
	char *log = proc_log(&net.serve);

	if (strlen(log) > LOG_MAX)
		fail_msg("%zu bytes of log", strlen(log));
	free(log);
}

static void
half_sent_requests_make_room(void **state)
{
	int fds[FLOOD];
	char *out;

	(void)state;
	start_with("64");
	for (int i = 0; i < FLOOD; i++) {
		fds[i] = tcp_dial(port());
		(void)!write(fds[i], HALF_CSR, strlen(HALF_CSR));
	}
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 1);
	assert_int_equal(doorman_net_crl_number(&net, "root"), 1);
	if (doorman_net_sign(&net, "sign doorman 2 +0\n", &out, "crl") != 0)
		fail_msg("%s", out);
	free(out);
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
	assert_true(proc_says(&net.serve, "closed to make room"));
	log_is_short();
	for (int i = 0; i < FLOOD; i++)
		close(fds[i]);
	doorman_net_stop(&net);
}

/* accept(2) fails for a while: no busy loop, and then all is well. */
static void
descriptors_may_run_out(void **state)
{
	struct rlimit before, none = {1, 0};
	int fd;

	(void)state;
	doorman_net_start(&net);
	assert_int_equal(
	    prlimit(net.serve.pid, RLIMIT_NOFILE, NULL, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(prlimit(net.serve.pid, RLIMIT_NOFILE, &none, NULL), 0);
	fd = tcp_dial(port());
	assert_true(proc_says(&net.serve, "could not be accepted"));
	log_is_short();
	assert_int_equal(
	    prlimit(net.serve.pid, RLIMIT_NOFILE, &before, NULL), 0);
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
	log_is_short();
	close(fd);
	doorman_net_stop(&net);
}

/* Another writes to the database for long: the lists do not wait for it. */
static void
the_list_does_not_wait_for_a_lock(void **state)
{
	static const char ask[] =
	    "POST /certificate-revocation-request HTTP/1.1\r\nHost: x\r\n"
	    "Content-Type: application/json\r\nContent-Length: 99\r\n"
	    "Connection: close\r\n\r\n"
	    "{\"legalName\": \"CN=Doorman CA, O=Private Network, C=GB\","
	    " \"reason\": \"CA_COMPROMISE\", \"reporter\": \"a\"}";
	char answer[1024] = "";
	size_t len = 0;
	struct fault f;
	struct store st;
	ssize_t n;
	int fd;

	(void)state;
	doorman_net_start(&net);
	if (store_open(&st, "dm/doorman.sqlite", false, &f) != 0 ||
	    store_begin(&st, &f) != 0)
		fail_msg("%s", f.msg);
	fd = tcp_dial(port());
	assert_int_equal(write(fd, ask, strlen(ask)), strlen(ask));
	/* Ends before the wait for the lock would. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
	assert_int_equal(recv(fd, answer, 1, MSG_DONTWAIT), -1);
	store_rollback(&st);
	store_close(&st);
	while ((n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
		fail_msg("%s", answer);
	close(fd);
	doorman_net_stop(&net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(half_sent_requests_make_room),
	    cmocka_unit_test(descriptors_may_run_out),
	    cmocka_unit_test(the_list_does_not_wait_for_a_lock),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
