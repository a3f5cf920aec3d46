/* objects: see the header. */
#include "tests/lib/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "fixtures/lib/port.h"

static void
configure(int port)
{
	char conf[3000], cwd[512];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(conf, sizeof(conf),
	    "user root;\nworker_processes 1;\npid %s/nginx.pid;\n"
	    "error_log %s/nginx.err;\nevents { worker_connections 64; }\n"
	    "http { access_log off; client_body_temp_path tmp/1;\n"
	    "proxy_temp_path tmp/2; fastcgi_temp_path tmp/3;\n"
	    "uwsgi_temp_path tmp/4; scgi_temp_path tmp/5;\n"
	    "server { listen 127.0.0.1:%d; client_max_body_size 0;\n"
	    "location / { alias %s/store/; dav_methods PUT; } } }\n",
	    cwd, cwd, port, cwd);
	file_write("nginx.conf", conf, strlen(conf));
}

void
objects_start(struct objects *o)
{
	static const char *const argv[] = {"/usr/sbin/nginx", "-p", ".", "-c",
	    "nginx.conf", "-g", "daemon off;", NULL};
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int port, fd, rc;

	*o = (struct objects){0};
	port = port_hold(&o->held);
	in.sin_port = htons((uint16_t)port);
	dir_make("store");
	dir_make("tmp");
	configure(port);
	snprintf(o->url, sizeof(o->url), "http://127.0.0.1:%d/", port);
	proc_start(&o->proc, "nginx", "nginx.log", argv);
	for (int i = 0; i < WAIT_MS / 10; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		rc = connect(fd, (struct sockaddr *)&in, sizeof(in));
		close(fd);
		if (rc == 0)
			return;
		usleep(10000);
	}
	fail_msg("nginx does not listen: %s", proc_log_end(&o->proc));
}

void
objects_stop(struct objects *o)
{
	proc_stop(&o->proc, WAIT_MS);
	proc_cleanup(&o->proc);
	close(o->held);
}

void
objects_forget(struct objects *o)
{
	(void)o;
	assert_int_equal(system("rm -rf store/*"), 0);
}

void
objects_spoil(struct objects *o)
{
	(void)o;
	assert_int_equal(system("for f in store/*; do echo x >>$f; done"), 0);
}
