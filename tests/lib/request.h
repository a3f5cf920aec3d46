/*
 * request: an HTTP client that says exactly what it is told, byte by byte, to
 * the gateway's door, and reads one answer after the other.
 */
#ifndef TESTS_LIB_REQUEST_H
#define TESTS_LIB_REQUEST_H

#include "fixtures/lib/tls.h"
#include "tests/lib/net.h"

struct client {
	struct tls t;
	char *buf; /* read and not yet used */
	size_t len;
};

struct answer {
	int status; /* 0: the connection ended instead */
	char *head; /* NUL-terminated, with the empty line */
	char *body; /* likewise, unchunked */
	size_t len;
	int whole; /* the body was there to its end */
};

/* Dials as NET/peers/NAME (NULL: without a certificate); must shake hands. */
void client_enter(struct client *c, const struct town *town, const char *peer,
    int port, int version);
void client_leave(struct client *c);

void client_send(struct client *c, const char *text);
void client_read(struct client *c, struct answer *a);
/* The head alone, as of HEAD and of what lasts until the end. */
void client_read_head(struct client *c, struct answer *a);
/*
 * All that comes, into c->buf. 1 when the gateway then ended the connection in
 * good order; 0 when it was cut.
 */
int client_read_rest(struct client *c);
/* The value of a header, or NULL; free it. */
char *answer_header(const struct answer *a, const char *name);
void answer_free(struct answer *a);

/* Sends, reads one answer and returns its status. */
int client_ask(struct client *c, const char *text);
/* 1 when the gateway has ended the connection in good order, nothing more. */
int client_ended(struct client *c);

/*
 * "POST target HTTP/1.1", what every request has, more fields ("A: b\r\n" or
 * ""), and a body of that many bytes, 'b' all of them. Free it.
 */
char *request_text(const char *target, const char *fields, size_t body);

#endif
