/*
 * privileges: signals, privileges. Main thread.
 */
#include "gateway/process/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <event2/event.h>

/* libevent's messages have no argument to carry a log. */
static const struct log *event_log;

static void
on_event_log(int severity, const char *msg)
{
	enum log_level level = severity == EVENT_LOG_ERR ? LOG_LEVEL_ERROR
	    : severity == EVENT_LOG_WARN                 ? LOG_LEVEL_WARN
							 : LOG_LEVEL_DEBUG;

	log_line(event_log, level, "libevent: %s", msg);
}

void
process_keep_memory_private(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	/* A leak check of the sanitizer's is a debugger. */
#if !defined(__SANITIZE_ADDRESS__)
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void
process_prepare(const struct log *log)
{
	signal(SIGPIPE, SIG_IGN);
	/* A file that may not grow is an error of write, not the end. */
	signal(SIGXFSZ, SIG_IGN);
	event_log = log;
	event_set_log_callback(on_event_log);
}

/* Threads made from here on have what this one keeps. */
static int
keep_only_binding(struct err *err)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	const uint32_t bind = 1U << CAP_NET_BIND_SERVICE;

	if (syscall(SYS_capget, &head, data) != 0)
		return err_sys(err, "cannot read capabilities");
	data[0].permitted &= bind;
	data[0].effective = data[0].permitted;
	data[1].permitted = data[1].effective = 0;
	data[0].inheritable = data[1].inheritable = 0;
	if (syscall(SYS_capset, &head, data) != 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(err, "cannot give up capabilities");
	return 0;
}

/* One that is there has its owner already. */
static int
make_state_dir(const char *dir, uid_t uid, gid_t gid, struct err *err)
{
	if (dir == NULL || mkdir(dir, 0700) != 0)
		return 0;
	if (chown(dir, uid, gid) != 0)
		return err_sys(err, "cannot give '%s' to the user", dir);
	return 0;
}

int
privileges_drop(const struct conf *conf, struct err *err)
{
	const struct passwd *pw;
	const struct group *gr = NULL;
	gid_t gid;

	if (conf->user == NULL)
		return 0;
	/* Both were there when the file was read. */
	pw = getpwnam(conf->user);
	if (conf->group != NULL)
		gr = getgrnam(conf->group);
	if (pw == NULL || (conf->group != NULL && gr == NULL))
		return err_set(
		    err, E_PARSE, "cannot find user '%s'", conf->user);
	gid = gr != NULL ? gr->gr_gid : pw->pw_gid;
	if (getuid() == pw->pw_uid && getgid() == gid)
		return 0;
	if (make_state_dir(conf->state_dir, pw->pw_uid, gid, err) != 0)
		return E_IO;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
	    initgroups(conf->user, gid) != 0 || setgid(gid) != 0 ||
	    setuid(pw->pw_uid) != 0)
		return err_sys(err, "cannot become user '%s'", conf->user);
	if (keep_only_binding(err) != 0)
		return E_IO;
	if (pw->pw_uid != 0 && setuid(0) == 0)
		return err_set(err, E_INTERNAL,
		    "privileges could be taken back after they were dropped");
	return 0;
}
