# systemd passes sockets and reads unit files; nothing of it need be running.
APT_TEST += systemd
