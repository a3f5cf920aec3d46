/* starttls: see the header. One function a protocol. */
#include "revcheck/cli/starttls.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "revcheck/cli/plain_io.h"

#define MAX_LINES 200 /* of one reply */

const char *const starttls_names[] = {
    [STARTTLS_NONE] = "none",
    [STARTTLS_SMTP] = "smtp",
    [STARTTLS_LMTP] = "lmtp",
    [STARTTLS_IMAP] = "imap",
    [STARTTLS_POP3] = "pop3",
    [STARTTLS_FTP] = "ftp",
    [STARTTLS_NNTP] = "nntp",
    [STARTTLS_SIEVE] = "sieve",
    [STARTTLS_LDAP] = "ldap",
    [STARTTLS_POSTGRES] = "postgres",
    [STARTTLS_MYSQL] = "mysql",
    [STARTTLS_XMPP] = "xmpp",
    [STARTTLS_XMPP_SERVER] = "xmpp-server",
    [STARTTLS_COUNT] = NULL,
};

static const char *const ports[] = {
    [STARTTLS_NONE] = "443",
    [STARTTLS_SMTP] = "25",
    [STARTTLS_LMTP] = "24",
    [STARTTLS_IMAP] = "143",
    [STARTTLS_POP3] = "110",
    [STARTTLS_FTP] = "21",
    [STARTTLS_NNTP] = "119",
    [STARTTLS_SIEVE] = "4190",
    [STARTTLS_LDAP] = "389",
    [STARTTLS_POSTGRES] = "5432",
    [STARTTLS_MYSQL] = "3306",
    [STARTTLS_XMPP] = "5222",
    [STARTTLS_XMPP_SERVER] = "5269",
};

const char *
starttls_port(enum starttls s)
{
	return ports[s];
}

/* Protocols of lines. */

/* A line that has word in it, a word by itself, whatever its case. */
static bool
has_word(const char *line, const char *word)
{
	size_t n = strlen(word);
	const char *at = line;

	while ((at = strcasestr(at, word)) != NULL) {
		bool begins = at == line || strchr(" -=(\"", at[-1]) != NULL;

		if (begins && (at[n] == '\0' || strchr(" )\"]", at[n]) != NULL))
			return true;
		at += n;
	}
	return false;
}

static bool
refused(struct plain *p, const char *line)
{
	return plain_fail(p, "it says '%.180s'", line);
}

static bool
not_offered(struct plain *p)
{
	return plain_fail(p, "it does not offer TLS");
}

/*
 * A reply of three digits, over several lines where a '-' follows them (RFC
 * 5321 4.2.1, RFC 959 4.2). *offered: one of them has word.
 */
static bool
read_reply(struct plain *p, const char *code, const char *word, bool *offered)
{
	char line[PLAIN_MAX_LINE], first[4] = "";

	for (int i = 0; i < MAX_LINES; i++) {
		if (!plain_line(p, line))
			return false;
		if (word != NULL && strlen(line) > 3 &&
		    has_word(line + 3, word))
			*offered = true;
		if (i == 0) {
			if (strspn(line, "0123456789") < 3)
				return refused(p, line);
			memcpy(first, line, 3);
		}
		/* The last: the same code, and no '-' behind it. */
		if (strncmp(line, first, 3) == 0 && line[3] != '-')
			return strncmp(line, code, 3) == 0 || refused(p, line);
	}
	return plain_fail(p, "it talks without end");
}

static bool
ask_mail(struct plain *p, const char *hello)
{
	char line[128], name[64] = "";
	bool offered = false;

	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		snprintf(name, sizeof(name), "localhost");
	snprintf(line, sizeof(line), "%s %s", hello, name);
	if (!read_reply(p, "220", NULL, NULL) || !plain_say(p, line) ||
	    !read_reply(p, "250", "STARTTLS", &offered))
		return false;
	if (!offered)
		return not_offered(p);
	return plain_say(p, "STARTTLS") && read_reply(p, "220", NULL, NULL);
}

static bool
ask_ftp(struct plain *p)
{
	return read_reply(p, "220", NULL, NULL) && plain_say(p, "AUTH TLS") &&
	    read_reply(p, "234", NULL, NULL);
}

/* RFC 4642: the greeting may or may not allow posting. */
static bool
ask_nntp(struct plain *p)
{
	char line[PLAIN_MAX_LINE];

	if (!plain_line(p, line))
		return false;
	if (strncmp(line, "200", 3) != 0 && strncmp(line, "201", 3) != 0)
		return refused(p, line);
	return plain_say(p, "STARTTLS") && read_reply(p, "382", NULL, NULL);
}

/* Until the line with this tag; what is between may offer TLS. */
static bool
read_tagged(struct plain *p, const char *tag, bool *offered)
{
	char line[PLAIN_MAX_LINE];
	size_t n = strlen(tag);

	for (int i = 0; i < MAX_LINES; i++) {
		if (!plain_line(p, line))
			return false;
		if (strncmp(line, tag, n) == 0)
			return strncasecmp(line + n, "OK", 2) == 0 ||
			    refused(p, line);
		if (strncmp(line, "* ", 2) != 0)
			return refused(p, line);
		if (offered != NULL && strncasecmp(line, "* CAP", 5) == 0 &&
		    has_word(line, "STARTTLS"))
			*offered = true;
	}
	return plain_fail(p, "it talks without end");
}

static bool
ask_imap(struct plain *p)
{
	char line[PLAIN_MAX_LINE];
	bool offered = false;

	/* PREAUTH rules TLS out, BYE everything (RFC 3501 7.1). */
	if (!plain_line(p, line))
		return false;
	if (strncasecmp(line, "* OK", 4) != 0)
		return refused(p, line);
	if (!plain_say(p, "a1 CAPABILITY") || !read_tagged(p, "a1 ", &offered))
		return false;
	if (!offered)
		return not_offered(p);
	return plain_say(p, "a2 STARTTLS") && read_tagged(p, "a2 ", NULL);
}

static bool
ask_pop3(struct plain *p)
{
	char line[PLAIN_MAX_LINE];

	if (!plain_line(p, line))
		return false;
	if (strncmp(line, "+OK", 3) != 0)
		return refused(p, line);
	if (!plain_say(p, "STLS") || !plain_line(p, line))
		return false;
	return strncmp(line, "+OK", 3) == 0 || refused(p, line);
}

/* RFC 5804: capabilities until OK, then the word. */
static bool
ask_sieve(struct plain *p)
{
	char line[PLAIN_MAX_LINE];
	bool offered = false;

	for (int i = 0;; i++) {
		if (!plain_line(p, line))
			return false;
		if (strncasecmp(line, "OK", 2) == 0)
			break;
		if (i == MAX_LINES || line[0] != '"')
			return refused(p, line);
		if (strncasecmp(line, "\"STARTTLS\"", 10) == 0)
			offered = true;
	}
	if (!offered)
		return not_offered(p);
	if (!plain_say(p, "STARTTLS") || !plain_line(p, line))
		return false;
	return strncasecmp(line, "OK", 2) == 0 || refused(p, line);
}

/* Protocols of octets. */

/* One BER element of definite length below limit (RFC 4511 5.1). */
static bool
take_ber(struct plain *p, unsigned char tag, unsigned char *out, size_t limit,
    size_t *len)
{
	unsigned char head[2], more[2];
	size_t n;

	if (!plain_take(p, head, 2))
		return false;
	n = head[1];
	if (n == 0x81 || n == 0x82) {
		size_t count = n - 0x80;

		if (!plain_take(p, more, count))
			return false;
		n = count == 1 ? more[0] : (size_t)more[0] << 8 | more[1];
	} else if (n > 0x7f) {
		n = limit + 1;
	}
	if (head[0] != tag || n > limit)
		return plain_fail(p, "its answer is no LDAP message");
	*len = n;
	return plain_take(p, out, n);
}

/*
 * messageID 1, [APPLICATION 23] with [0] 1.3.6.1.4.1.1466.20037 (RFC 4511
 * 4.14.1); the answer: messageID 1, [APPLICATION 24] with resultCode success.
 */
static bool
ask_ldap(struct plain *p)
{
	static const unsigned char request[] = {0x30, 0x1d, 0x02, 0x01, 0x01,
	    0x77, 0x18, 0x80, 0x16, '1', '.', '3', '.', '6', '.', '1', '.', '4',
	    '.', '1', '.', '1', '4', '6', '6', '.', '2', '0', '0', '3', '7'};
	unsigned char x[4096];
	size_t len = 0, at;

	if (!plain_send(p, request, sizeof(request)) ||
	    !take_ber(p, 0x30, x, sizeof(x), &len))
		return false;
	if (len < 8 || memcmp(x, "\x02\x01\x01\x78", 4) != 0)
		return plain_fail(p, "its answer is for something else");
	at = 5;
	if ((x[4] & 0x80) != 0)
		at += x[4] & 0x7f;
	if (at + 3 > len || x[at] != 0x0a || x[at + 1] != 1)
		return plain_fail(p, "its answer is no LDAP message");
	return x[at + 2] == 0 ||
	    plain_fail(p, "it says no (LDAP result %u)", x[at + 2]);
}

static bool
ask_postgres(struct plain *p)
{
	/* Its length, and 80877103: SSLRequest. */
	static const unsigned char request[] = {0, 0, 0, 8, 4, 210, 22, 47};
	unsigned char c;

	if (!plain_send(p, request, sizeof(request)) || !plain_take(p, &c, 1))
		return false;
	if (c == 'S')
		return true;
	return c == 'N' ? not_offered(p)
			: plain_fail(p, "it answers no SSLRequest");
}

#define MYSQL_PROTOCOL_41 0x200u
#define MYSQL_SSL         0x800u
#define MYSQL_SECURE      0x8000u

/* The place of the lower capabilities in a greeting of version 10; 0: none. */
static size_t
mysql_capabilities(const unsigned char *x, size_t len)
{
	const unsigned char *end;
	size_t at;

	if (len < 2 || x[0] != 10)
		return 0;
	end = memchr(x + 1, '\0', len - 1);
	if (end == NULL)
		return 0;
	/* Behind the version: thread id, eight octets of salt, a zero. */
	at = (size_t)(end - x) + 1 + 4 + 8 + 1;
	return at + 2 <= len ? at : 0;
}

static bool
ask_mysql(struct plain *p)
{
	unsigned char head[4], x[4096], out[36] = {32, 0, 0, 1};
	unsigned flags = MYSQL_PROTOCOL_41 | MYSQL_SSL | MYSQL_SECURE;
	size_t len = 0, at;

	if (!plain_take(p, head, 4))
		return false;
	len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
	if (len == 0 || len > sizeof(x) - 1)
		return plain_fail(p, "its greeting is none of MySQL");
	if (!plain_take(p, x, len))
		return false;
	x[len] = '\0';
	if (x[0] == 0xff)
		return refused(p, len > 3 ? (const char *)x + 3 : "an error");
	at = mysql_capabilities(x, len);
	if (at == 0)
		return plain_fail(p, "its greeting is none of MySQL");
	if (((x[at] | (unsigned)x[at + 1] << 8) & MYSQL_SSL) == 0)
		return not_offered(p);
	out[3] = (unsigned char)(head[3] + 1);
	out[4] = (unsigned char)(flags & 0xff);
	out[5] = (unsigned char)(flags >> 8);
	out[11] = 1;  /* packets up to 16 MiB */
	out[12] = 33; /* utf8 */
	return plain_send(p, out, sizeof(out));
}

/* Reads until the text `until` has come; all of it is in out. */
static bool
read_until(struct plain *p, char *out, size_t cap, const char *until,
    const char *otherwise)
{
	size_t n = 0;

	for (;;) {
		if (n == cap - 1)
			return plain_fail(p, "it talks without end");
		if (!plain_take(p, out + n, 1))
			return false;
		if (out[n] == '\0')
			out[n] = '?';
		out[++n] = '\0';
		if (out[n - 1] != '>')
			continue;
		if (strstr(out, until) != NULL)
			return true;
		if (strstr(out, otherwise) != NULL)
			return plain_fail(p, "it says no");
	}
}

#define XMPP_TLS "urn:ietf:params:xml:ns:xmpp-tls"

/* RFC 6120 4.2, 5.4. */
static bool
ask_xmpp(struct plain *p, const char *name, bool server)
{
	char x[16384], line[640];

	snprintf(line, sizeof(line),
	    "<?xml version='1.0'?><stream:stream xmlns='jabber:%s' "
	    "xmlns:stream='http://etherx.jabber.org/streams' to='%s' "
	    "version='1.0'>",
	    server ? "server" : "client", name);
	if (!plain_send(p, line, strlen(line)) ||
	    !read_until(p, x, sizeof(x), "</stream:features>", "<stream:error"))
		return false;
	if (strstr(x, XMPP_TLS) == NULL)
		return not_offered(p);
	snprintf(line, sizeof(line), "<starttls xmlns='%s'/>", XMPP_TLS);
	if (!plain_send(p, line, strlen(line)) ||
	    !read_until(p, x, sizeof(x), "<proceed", "<failure"))
		return false;
	/* "<proceed .../>", or opened and closed. */
	return x[strlen(x) - 2] == '/' ||
	    read_until(p, x, sizeof(x), "</proceed>", "<failure");
}

static bool
ask(enum starttls s, struct plain *p, const char *name)
{
	switch (s) {
	case STARTTLS_SMTP:
		return ask_mail(p, "EHLO");
	case STARTTLS_LMTP:
		return ask_mail(p, "LHLO");
	case STARTTLS_IMAP:
		return ask_imap(p);
	case STARTTLS_POP3:
		return ask_pop3(p);
	case STARTTLS_FTP:
		return ask_ftp(p);
	case STARTTLS_NNTP:
		return ask_nntp(p);
	case STARTTLS_SIEVE:
		return ask_sieve(p);
	case STARTTLS_LDAP:
		return ask_ldap(p);
	case STARTTLS_POSTGRES:
		return ask_postgres(p);
	case STARTTLS_MYSQL:
		return ask_mysql(p);
	case STARTTLS_XMPP:
		return ask_xmpp(p, name, false);
	case STARTTLS_XMPP_SERVER:
		return ask_xmpp(p, name, true);
	case STARTTLS_NONE:
	case STARTTLS_COUNT:
		break;
	}
	return true;
}

int
starttls_ask(enum starttls s, int fd, uint64_t end_mono_ms, const char *name,
    char *text, size_t text_len)
{
	struct plain p = {.fd = fd, .end_mono_ms = end_mono_ms};

	if (s == STARTTLS_NONE)
		return 0;
	if (ask(s, &p, name)) {
		if (!plain_has_more(&p))
			return 0;
		plain_fail(&p,
		    "it sent more in plain text after it agreed to TLS: "
		    "somebody on the way may have put that there");
	}
	snprintf(text, text_len, "%s", p.text);
	return -1;
}
