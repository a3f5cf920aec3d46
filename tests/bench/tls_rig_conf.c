/*
 * tls_rig_conf: the configurations of the servers to compare: the same
 * certificates, the same clients, one core; a CRL for those who are to have
 * one.
 */
#include "tests/bench/tls_rig_parts.h"

#include <stdio.h>
#include <stdlib.h>

/* Certificate and key in one file, as HAProxy and hitch want it. */
static void
write_bundle(struct rig *r, char path[300])
{
	char command[1000];

	snprintf(path, 300, "%s/bundle.pem", r->dir);
	snprintf(command, sizeof(command),
	    "cat '%s/gateway.pem' '%s/gateway.key' > '%s'", r->net, r->net,
	    path);
	if (system(command) != 0)
		rig_give_up("cannot write '%s'", path);
}

static const char *
version_name(const struct rig_want *w, const char *name_13, const char *name_12)
{
	return w->tls_version == TLS1_3_VERSION ? name_13 : name_12;
}

static void
write_bare(struct rig *r, FILE *f, const struct rig_server *s,
    const struct rig_want *w)
{
	fprintf(f, "%d %x %d %s\n", s->port, (unsigned)w->tls_version,
	    w->bare_relays ? r->backends[w->backend] : 0, r->net);
}

static void
write_gateway(struct rig *r, FILE *f, const struct rig_server *s,
    const struct rig_want *w)
{
	const char *v = version_name(w, "1.3", "1.2");
	char node[200];

	if (w->unix_node)
		snprintf(node, sizeof(node), "unix:%s/node.sock", r->dir);
	else
		snprintf(node, sizeof(node), "127.0.0.1:%d",
		    r->backends[w->backend]);
	fprintf(f,
	    "{\"listen\":\"127.0.0.1:%d\",\"workers\":%d,"
	    "\"node\":{\"addresses\":[\"%s\"]},"
	    "\"identities\":[{\"name\":\"gateway\","
	    "\"certificate\":\"%s/gateway.pem\",\"key\":\"%s/gateway.key\"}],"
	    "\"trust\":[{\"group\":\"town\",\"anchors\":\"%s/trust.pem\"}],"
	    "\"rest\":{\"listen\":\"127.0.0.1:0\"},"
	    "\"tls\":{\"min_version\":\"%s\",\"max_version\":\"%s\"},"
	    "\"limits\":{\"max_connections\":20000,\"max_per_address\":0,"
	    "\"max_handshakes\":20000,\"handshakes_per_sec\":0,"
	    "\"handshake_timeout_ms\":3600000},"
	    "\"log\":{\"level\":\"warn\"},"
	    "\"revocation\":{\"mode\":\"HARD_FAIL\",\"any_port\":true,"
	    "\"allow_addresses\":[\"127.0.0.1\"],%s}}\n",
	    s->port, w->workers > 0 ? w->workers : 1, node, r->net, r->net,
	    r->net, v, v,
	    w->revocation != NULL ? w->revocation : "\"order\":\"CRL\"");
}

static void
write_nginx(struct rig *r, FILE *f, const struct rig_server *s,
    const struct rig_want *w)
{
	fprintf(f,
	    "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
	    "daemon off; worker_processes 1; pid %s/nginx.pid;\n"
	    "error_log /dev/null; worker_rlimit_nofile 20000;\n"
	    "events { worker_connections 18000; }\n"
	    "stream { server { listen 127.0.0.1:%d ssl backlog=4096;\n"
	    "ssl_certificate %s/gateway.pem; ssl_certificate_key "
	    "%s/gateway.key;\n"
	    "ssl_client_certificate %s/trust.pem; ssl_verify_client on;\n"
	    "ssl_verify_depth 4; ssl_protocols %s; tcp_nodelay on;\n"
	    "%s%s%s proxy_pass 127.0.0.1:%d; } }\n",
	    r->dir, s->port, r->net, r->net, r->net,
	    version_name(w, "TLSv1.3", "TLSv1.2"),
	    w->crl_file != NULL ? "ssl_crl " : "",
	    w->crl_file != NULL ? w->crl_file : "",
	    w->crl_file != NULL ? ";" : "", r->backends[w->backend]);
}

static void
write_haproxy(struct rig *r, FILE *f, const struct rig_server *s,
    const struct rig_want *w)
{
	const char *v = version_name(w, "TLSv1.3", "TLSv1.2");
	char bundle[300];

	write_bundle(r, bundle);
	fprintf(f,
	    "global\n nbthread 1\n maxconn 8000\n"
	    "defaults\n mode tcp\n timeout client 600s\n timeout server 600s\n"
	    " timeout connect 10s\n"
	    "frontend f\n bind 127.0.0.1:%d ssl crt %s ca-file %s/trust.pem "
	    "verify required ssl-min-ver %s ssl-max-ver %s%s%s\n"
	    " default_backend b\n"
	    "backend b\n server s 127.0.0.1:%d\n",
	    s->port, bundle, r->net, v, v,
	    w->crl_file != NULL ? " crl-file " : "",
	    w->crl_file != NULL ? w->crl_file : "", r->backends[w->backend]);
}

static void
write_hitch(struct rig *r, FILE *f, const struct rig_server *s,
    const struct rig_want *w)
{
	char bundle[300];

	write_bundle(r, bundle);
	fprintf(f,
	    "frontend = \"[127.0.0.1]:%d\"\nbackend = \"[127.0.0.1]:%d\"\n"
	    "pem-file = \"%s\"\nworkers = 1\nquiet = on\n"
	    "client-verify = required\nclient-verify-ca = \"%s/trust.pem\"\n"
	    "tls-protos = %s\nuser = \"nobody\"\nbacklog = 4096\n",
	    s->port, r->backends[w->backend], bundle, r->net,
	    version_name(w, "TLSv1.3", "TLSv1.2"));
}

static void
write_stunnel(struct rig *r, FILE *f, const struct rig_server *s,
    const struct rig_want *w)
{
	fprintf(f,
	    "foreground = yes\npid =\ndebug = 0\nsyslog = no\n"
	    "[s]\naccept = 127.0.0.1:%d\nconnect = 127.0.0.1:%d\n"
	    "cert = %s/gateway.pem\nkey = %s/gateway.key\nCAfile = "
	    "%s/trust.pem\n"
	    "verifyChain = yes\nsslVersion = %s\n"
	    "socket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n",
	    s->port, r->backends[w->backend], r->net, r->net, r->net,
	    version_name(w, "TLSv1.3", "TLSv1.2"));
}

const struct rig_kind rig_kinds[] = {
    {"bare", RIG_SELF, {"--bare", "%"}, write_bare},
    {"gateway", RIG_GATEWAY, {"--config", "%"}, write_gateway},
    {"nginx", "/usr/sbin/nginx", {"-c", "%"}, write_nginx},
    {"haproxy", "/usr/sbin/haproxy", {"-db", "-f", "%"}, write_haproxy},
    {"hitch", "/usr/sbin/hitch", {"--config=%"}, write_hitch},
    {"stunnel", "/usr/bin/stunnel4", {"%"}, write_stunnel},
    {NULL, NULL, {NULL}, NULL},
};
