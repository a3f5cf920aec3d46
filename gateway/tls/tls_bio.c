/*
 * tls_bio: a source/sink BIO over send(2) and recv(2). Never blocks, never
 * closes the socket.
 */
#include "gateway/tls/tls_bio.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <sys/socket.h>

/* Owned by its BIO. */
struct tls_bio {
	int fd;
	struct tls_bio_burst *burst; /* while gathering */
	uint8_t *rest;               /* what the socket did not take */
	size_t rest_off, rest_len;
};

/* Made once, never freed. */
static BIO_METHOD *wire_method;
static int wire_type;

ssize_t
tls_bio_push(int fd, const void *p, size_t len)
{
	ssize_t n;

	do
		n = send(fd, p, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
}

static enum tls_bio_sent
tls_bio_flush_rest(struct tls_bio *w)
{
	while (w->rest_off < w->rest_len) {
		ssize_t n = tls_bio_push(
		    w->fd, w->rest + w->rest_off, w->rest_len - w->rest_off);

		if (n < 0)
			return TLS_BIO_BROKEN;
		if (n == 0)
			return TLS_BIO_SOME;
		w->rest_off += (size_t)n;
	}
	free(w->rest);
	w->rest = NULL;
	w->rest_off = w->rest_len = 0;
	return TLS_BIO_ALL;
}

static enum tls_bio_sent
tls_bio_flush_burst(struct tls_bio *w)
{
	struct tls_bio_burst *b = w->burst;
	size_t done = 0;
	ssize_t n = 1;

	w->burst = NULL;
	while (done < b->len && n > 0) {
		n = tls_bio_push(w->fd, b->p + done, b->len - done);
		if (n < 0)
			return TLS_BIO_BROKEN;
		done += (size_t)n;
	}
	if (done == b->len)
		return TLS_BIO_ALL;
	w->rest_len = b->len - done;
	w->rest = malloc(w->rest_len);
	if (w->rest == NULL)
		return TLS_BIO_BROKEN;
	memcpy(w->rest, b->p + done, w->rest_len);
	return TLS_BIO_SOME;
}

/* The BIO. */

static int
tls_bio_write(BIO *bio, const char *p, size_t len, size_t *taken)
{
	struct tls_bio *w = BIO_get_data(bio);
	ssize_t n = 0;

	BIO_clear_retry_flags(bio);
	*taken = 0;
	if (w->burst != NULL) {
		if (len <= sizeof(w->burst->p) - w->burst->len) {
			memcpy(w->burst->p + w->burst->len, p, len);
			w->burst->len += len;
			*taken = len;
			return 1;
		}
		if (tls_bio_flush_burst(w) == TLS_BIO_BROKEN)
			return 0;
	}
	switch (tls_bio_flush_rest(w)) {
	case TLS_BIO_ALL:
		n = tls_bio_push(w->fd, p, len);
		break;
	case TLS_BIO_SOME:
		break;
	case TLS_BIO_BROKEN:
		return 0;
	}
	if (n == 0)
		BIO_set_retry_write(bio);
	if (n <= 0)
		return 0;
	*taken = (size_t)n;
	return 1;
}

static int
tls_bio_read(BIO *bio, char *p, size_t size, size_t *got)
{
	struct tls_bio *w = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	*got = 0;
	do
		n = recv(w->fd, p, size, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		*got = (size_t)n;
		return 1;
	}
	if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	else if (errno == EAGAIN || errno == EWOULDBLOCK)
		BIO_set_retry_read(bio);
	return 0;
}

static long
tls_bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	const struct tls_bio *w = BIO_get_data(bio);

	(void)num;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DUP:
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	case BIO_CTRL_WPENDING:
		return (long)(w->rest_len - w->rest_off);
	case BIO_C_GET_FD:
		if (ptr != NULL)
			*(int *)ptr = w->fd;
		return w->fd;
	default:
		return 0;
	}
}

static int
tls_bio_destroy(BIO *bio)
{
	struct tls_bio *w = BIO_get_data(bio);

	if (w != NULL)
		free(w->rest);
	free(w);
	return 1;
}

static void
tls_bio_make_method(void)
{
	/* "Descriptor": SSL_get_fd works. */
	int type = BIO_get_new_index();
	BIO_METHOD *m;

	if (type == -1)
		return;
	type |= BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR;
	m = BIO_meth_new(type, "tls_bio");
	if (m == NULL)
		return;
	if (BIO_meth_set_write_ex(m, tls_bio_write) != 1 ||
	    BIO_meth_set_read_ex(m, tls_bio_read) != 1 ||
	    BIO_meth_set_ctrl(m, tls_bio_ctrl) != 1 ||
	    BIO_meth_set_destroy(m, tls_bio_destroy) != 1) {
		BIO_meth_free(m);
		return;
	}
	wire_type = type;
	wire_method = m;
}

int
tls_bio_attach(SSL *ssl, int fd)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct tls_bio *w = calloc(1, sizeof(*w));
	BIO *bio;

	pthread_once(&once, tls_bio_make_method);
	bio = wire_method == NULL || w == NULL ? NULL : BIO_new(wire_method);
	if (bio == NULL) {
		free(w);
		return E_NOMEM;
	}
	w->fd = fd;
	BIO_set_data(bio, w);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	return 0;
}

/* Bursts. */

static struct tls_bio *
tls_bio_of(const SSL *ssl)
{
	BIO *bio = SSL_get_wbio(ssl);

	if (bio == NULL || wire_method == NULL ||
	    BIO_method_type(bio) != wire_type)
		return NULL;
	return BIO_get_data(bio);
}

bool
tls_bio_gather(SSL *ssl, struct tls_bio_burst *burst)
{
	struct tls_bio *w = tls_bio_of(ssl);

	if (w == NULL || w->rest != NULL)
		return false;
	burst->len = 0;
	w->burst = burst;
	return true;
}

enum tls_bio_sent
tls_bio_send(SSL *ssl)
{
	struct tls_bio *w = tls_bio_of(ssl);

	if (w == NULL)
		return TLS_BIO_ALL;
	return w->burst != NULL ? tls_bio_flush_burst(w)
				: tls_bio_flush_rest(w);
}
