/*
 * starttls: what is said before TLS, in each protocol that begins in plain
 * text. Bounded in octets and time. What a server has sent beyond its consent
 * is refused: somebody on the way may have put it there (CVE-2011-0411,
 * CVE-2021-23222).
 */
#ifndef REVCHECK_CLI_STARTTLS_H
#define REVCHECK_CLI_STARTTLS_H

#include <stddef.h>
#include <stdint.h>

enum starttls {
	STARTTLS_NONE = 0,
	STARTTLS_SMTP,
	STARTTLS_LMTP,
	STARTTLS_IMAP,
	STARTTLS_POP3,
	STARTTLS_FTP,
	STARTTLS_NNTP,
	STARTTLS_SIEVE,
	STARTTLS_LDAP,
	STARTTLS_POSTGRES,
	STARTTLS_MYSQL,
	STARTTLS_XMPP,
	STARTTLS_XMPP_SERVER,
	STARTTLS_COUNT
};

/* By their numbers, NULL-terminated. */
extern const char *const starttls_names[];
/* The usual port of a server that speaks it. */
const char *starttls_port(enum starttls s);

/*
 * Asks for TLS on fd, which does not block, until end_mono_ms. name: the
 * server's, for XMPP. 0; -1 and text where it said no, or nothing that could be
 * understood.
 */
int starttls_ask(enum starttls s, int fd, uint64_t end_mono_ms,
    const char *name, char *text, size_t text_len);

#endif
