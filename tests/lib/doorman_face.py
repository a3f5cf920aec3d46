"""A server in a doorman's place, which does what the file `mode` says.

    doorman_face.py [CERTIFICATE KEY]

Serves the files `readyz` and `metrics` of its directory while the mode is
"well"; appends each path that is asked for to `asked`. Prints "ready PORT".
"""
import http.server
import ssl
import sys
import time


class Face(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def endless(self, pause, block):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(block)
            time.sleep(pause)

    def do_GET(self):
        with open("asked", "a", encoding="ascii") as f:
            f.write(self.path + "\n")
        with open("mode", encoding="ascii") as f:
            mode = f.read().strip()
        if mode == "elsewhere":
            self.answer(302, b"", [("Location", "/stolen")])
        elif mode == "endless":
            self.endless(0, b"x" * 65536)
        elif mode == "drip":
            self.endless(0.2, b"x")
        elif mode == "forbidden":
            self.answer(403, b"metrics are for this machine only")
        elif mode == "rubbish":
            self.answer(200, b"<script>alert(1)</script>\n" * 20)
        else:
            with open(self.path.lstrip("/"), "rb") as f:
                body = f.read()
            ready = self.path != "/readyz" or body == b"ok\n"
            self.answer(200 if ready else 503, body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass


server = Server(("127.0.0.1", 0), Face)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False)
print("ready", server.server_address[1], flush=True)
server.serve_forever()
