/* help: the short pages; revcheck(1) is the long one. */
#include <string.h>

#include "revcheck/cli/cli.h"

static const char top[] =
    "usage: revcheck COMMAND [OPTION]...\n"
    "\n"
    "Is this X.509 certificate still good, now?\n"
    "\n"
    "  check    check the chain in a file, or the chains in many\n"
    "  connect  ask a TLS server for its chain and check it\n"
    "  explain  check a chain, and show how the decision came about\n"
    "  crl      show what is in a CRL\n"
    "  ocsp     ask an OCSP responder, or show a response\n"
    "  cache    look after the evidence kept on disk\n"
    "\n"
    "  --version, --help, COMMAND --help; revcheck(1) has it all.\n"
    "\n"
    "exit status: 0 known to be good (or forgiven, because that was asked\n"
    "for), 1 revoked, 2 not determined, 3 path invalid or wrong name,\n"
    "64 usage, 65 unreadable input, 69 no answer from a host or URL,\n"
    "70 internal failure\n";

#define ASK_HELP                                                           \
	"  --anchors FILE|DIR    trust anchors (repeats) [the system's]\n" \
	"  --untrusted FILE      more intermediates and CRL signers "      \
	"(repeats)\n"                                                      \
	"  --fetch-issuers       missing CA certificates from where the "  \
	"chain\n"                                                          \
	"                        says they are (AIA caIssuers)\n"          \
	"  --crl FILE|DIR        CRLs as evidence (repeats)\n"             \
	"  --ocsp FILE|DIR       OCSP responses as evidence (repeats)\n"   \
	"  --at TIME             YYYY-MM-DDThh:mm:ssZ, the time for "      \
	"everything [now]\n"                                               \
	"  --soft                accept what cannot be determined "        \
	"(SOFT_FAIL)\n"                                                    \
	"  --mode MODE           OFF, SOFT_FAIL, HARD_FAIL, ON "           \
	"[HARD_FAIL]\n"                                                    \
	"  --method ORDER        ocsp,crl  crl,ocsp  ocsp  crl  all "      \
	"[ocsp,crl]\n"                                                     \
	"  --scope chain|leaf    whom to ask about [chain]\n"              \
	"  --status-only         leaf and issuer as given, no path\n"      \
	"  --max-age SECONDS     older evidence is stale [no limit]\n"     \
	"  --no-next-update S    age allowed without nextUpdate "          \
	"[--max-age, 86400]\n"                                             \
	"  --skew SECONDS        clock skew allowed [300]\n"               \
	"  --nonce WORD          off, optional, required [off]\n"          \
	"  --relax WORD          crl-version, empty-revoked, empty-idp, "  \
	"trailing,\n"                                                      \
	"                        no-crlsign, serial-padding, crl-dates,\n" \
	"                        crl-extensions; strict-empty-revoked "    \
	"(repeats)\n"                                                      \
	"  --security-level N    OpenSSL's, 0..5 [2]\n"                    \
	"  --purpose WORD        none, tls-client, tls-server\n"           \
	"  --offline             fetch nothing\n"                          \
	"  --deadline-ms N       for the whole check [5000, longer while " \
	"a\n"                                                              \
	"                        download goes on]\n"                      \
	"  --state-dir DIR       evidence kept on disk\n"                  \
	"  --allow-address A     an address, network or host that may be " \
	"asked\n"                                                          \
	"                        though it is local (repeats)\n"           \
	"  --any-port            not only 80 and 443\n"                    \
	"  --proxy URL           for fetching [none]\n"                    \
	"  --https-ca-file FILE  anchors for https sources\n"              \
	"  --password-file FILE  its first line opens PKCS#12\n"           \
	"  --urls, --urlfetch    fetch and judge every URL that is "       \
	"named\n"                                                          \
	"  --json                the answer as JSON\n"                     \
	"  --color WHEN          auto, always, never [auto]\n"             \
	"  --verbose             log lines on stderr\n"

static const struct {
	const char *command, *text;
} pages[] = {
    {"check",
	"usage: revcheck check FILE... [OPTION]...\n"
	"\n"
	"  FILE, --chain FILE    certificates, the leaf first: PEM, DER, "
	"PKCS#7,\n"
	"                        PKCS#12; - is standard input\n"
	"  --list FILE           names of files, one a line (repeats)\n"
	"  --csv, --jsonl        many: a row or a JSON document each; "
	"--json: an array\n"
	"  --jobs N              so many at a time, 1..256 [8]\n" ASK_HELP},
    {"connect",
	"usage: revcheck connect HOST[:PORT]|URL [OPTION]...\n"
	"\n"
	"  --servername NAME     server_name to send [HOST]\n"
	"  --name NAME           the name that the certificate must have "
	"[--servername,\n"
	"                        HOST]\n"
	"  --no-name             any name will do\n"
	"  --starttls PROTOCOL   smtp, lmtp, imap, pop3, ftp, nntp, sieve, "
	"ldap, postgres,\n"
	"                        mysql, xmpp, xmpp-server [none]\n"
	"  --cert FILE           own certificate, for servers that ask\n"
	"  --key FILE            its key [in --cert]\n"
	"  --timeout-ms N        to connect and shake hands "
	"[10000]\n" ASK_HELP},
    {"explain",
	"usage: revcheck explain FILE [OPTION]...\n"
	"\n"
	"  FILE, --chain FILE    certificates, as for check\n" ASK_HELP},
    {"crl",
	"usage: revcheck crl FILE|URL [OPTION]...\n"
	"\n"
	"  --serial HEX          is it listed? exit status 1 when it is not\n"
	"  --list                every entry, a line each\n"
	"  --issuer FILE         did this one sign it? exit status 2 when not\n"
	"  --at TIME             YYYY-MM-DDThh:mm:ssZ [now]\n"
	"  --relax RULE          as for check\n"
	"  --timeout-ms N        of a URL [60000]\n"
	"  --proxy URL           [none]\n"
	"  --json                as JSON\n"
	"  --color WHEN          auto, always, never [auto]\n"},
    {"ocsp",
	"usage: revcheck ocsp --cert FILE --issuer FILE [OPTION]...\n"
	"       revcheck ocsp RESPONSE [--cert FILE] [--issuer FILE] "
	"[OPTION]...\n"
	"\n"
	"  RESPONSE              a file: judged with --cert, else shown\n"
	"  --url URL             the responder [the certificate's]\n"
	"  --get, --post         [GET where it fits, POST with a nonce]\n"
	"  --nonce               send one and require it back\n"
	"  --responder FILE      a pinned signer\n"
	"  --respin FILE         the same as RESPONSE\n"
	"  --respout FILE        keep the response\n"
	"  --at TIME             YYYY-MM-DDThh:mm:ssZ [now]\n"
	"  --relax RULE          as for check\n"
	"  --security-level N    OpenSSL's, 0..5 [2]\n"
	"  --timeout-ms N        [10000]\n"
	"  --proxy URL           [none]\n"
	"  --text                all of the response\n"
	"  --json                as JSON\n"
	"  --color WHEN          auto, always, never [auto]\n"},
    {"cache",
	"usage: revcheck cache list --state-dir DIR [--json]\n"
	"       revcheck cache show KEY --state-dir DIR [--out FILE] [--json]\n"
	"       revcheck cache flush [KEY] --state-dir DIR\n"
	"       revcheck cache export FILE --state-dir DIR\n"
	"       revcheck cache import FILE --state-dir DIR --anchors FILE\n"
	"                [--untrusted FILE]\n"
	"       revcheck cache refresh [KEY] --state-dir DIR --anchors FILE\n"
	"                [--untrusted FILE] [OPTION]...\n"
	"       revcheck cache known --state-dir DIR [--json]\n"
	"       revcheck cache forget ISSUERKEY SERIAL --state-dir DIR\n"
	"\n"
	"  --untrusted FILE      who may have signed it [the anchors]\n"
	"  --out FILE            the evidence itself, in DER\n"
	"  --allow-address, --any-port, --proxy, --https-ca-file, --color as "
	"for check\n"},
};

int
help_print(FILE *f, const char *command)
{
	if (command == NULL) {
		fputs(top, f);
		return 0;
	}
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(command, pages[i].command) == 0) {
			fputs(pages[i].text, f);
			return 0;
		}
	}
	return cli_fail(EXIT_USAGE, "no help for '%s'", command);
}
