// A peer in Java. Prints TAP.
//   java Peer.java NET URL WANT     NET: the town's directory

import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

public class Peer {
	static Path net;
	static URL url;
	static byte[] want;
	static int num, bad;

	static Collection<? extends Certificate> certs(Path p)
	    throws Exception {
		try (InputStream in = Files.newInputStream(p)) {
			return CertificateFactory.getInstance("X.509")
			    .generateCertificates(in);
		}
	}

	static PrivateKey key(Path p) throws Exception {
		String pem = Files.readString(p)
		    .replaceAll("-----[A-Z ]*-----|\\s", "");
		return KeyFactory.getInstance("EC").generatePrivate(
		    new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
	}

	// A context of its own for each: nothing is remembered from before.
	static SSLSocketFactory factory(String peer, String version)
	    throws Exception {
		KeyStore keys = KeyStore.getInstance("PKCS12");
		keys.load(null, null);
		if (peer != null)
			keys.setKeyEntry("peer",
			    key(net.resolve("peers/" + peer + ".key")),
			    new char[0],
			    certs(net.resolve("peers/" + peer + ".pem"))
				.toArray(new Certificate[0]));
		KeyManagerFactory k = KeyManagerFactory.getInstance("PKIX");
		k.init(keys, new char[0]);
		KeyStore anchors = KeyStore.getInstance("PKCS12");
		anchors.load(null, null);
		for (Certificate c : certs(net.resolve("trust.pem")))
			anchors.setCertificateEntry("a" + anchors.size(), c);
		TrustManagerFactory t = TrustManagerFactory.getInstance("PKIX");
		t.init(anchors);
		SSLContext ctx = SSLContext.getInstance(version);
		ctx.init(k.getKeyManagers(), t.getTrustManagers(), null);
		return new Only(ctx.getSocketFactory(), version);
	}

	// Nothing but one version is offered.
	static class Only extends SSLSocketFactory {
		final SSLSocketFactory f;
		final String version;

		Only(SSLSocketFactory f, String version) {
			this.f = f;
			this.version = version;
		}
		Socket only(Socket s) {
			((SSLSocket) s).setEnabledProtocols(
			    new String[] {version});
			return s;
		}
		public String[] getDefaultCipherSuites() {
			return f.getDefaultCipherSuites();
		}
		public String[] getSupportedCipherSuites() {
			return f.getSupportedCipherSuites();
		}
		public Socket createSocket() throws java.io.IOException {
			return only(f.createSocket());
		}
		public Socket createSocket(Socket s, String h, int p,
		    boolean close) throws java.io.IOException {
			return only(f.createSocket(s, h, p, close));
		}
		public Socket createSocket(String h, int p)
		    throws java.io.IOException {
			return only(f.createSocket(h, p));
		}
		public Socket createSocket(String h, int p, InetAddress l,
		    int lp) throws java.io.IOException {
			return only(f.createSocket(h, p, l, lp));
		}
		public Socket createSocket(InetAddress h, int p)
		    throws java.io.IOException {
			return only(f.createSocket(h, p));
		}
		public Socket createSocket(InetAddress h, int p,
		    InetAddress l, int lp) throws java.io.IOException {
			return only(f.createSocket(h, p, l, lp));
		}
	}

	interface Client {
		byte[] get(String peer, String version) throws Exception;
	}

	static byte[] byUrl(String peer, String version) throws Exception {
		HttpsURLConnection c =
		    (HttpsURLConnection) url.openConnection();
		c.setSSLSocketFactory(factory(peer, version));
		c.setReadTimeout(60000);
		c.setRequestProperty("Connection", "close");
		try (InputStream in = c.getInputStream()) {
			return in.readAllBytes();
		}
	}

	static byte[] bySocket(String peer, String version) throws Exception {
		try (SSLSocket s = (SSLSocket) factory(peer, version)
			 .createSocket(url.getHost(), url.getPort())) {
			SSLParameters p = s.getSSLParameters();
			p.setEndpointIdentificationAlgorithm("HTTPS");
			s.setSSLParameters(p);
			s.setSoTimeout(60000);
			s.startHandshake();
			OutputStream out = s.getOutputStream();
			out.write(("GET " + url.getPath() + " HTTP/1.0\r\n"
			    + "Host: " + url.getHost()
			    + "\r\nConnection: close\r\n\r\n")
				.getBytes(StandardCharsets.US_ASCII));
			out.flush();
			byte[] all = s.getInputStream().readAllBytes();
			int body = Math.max(0, all.length - want.length);
			return Arrays.copyOfRange(all, body, all.length);
		}
	}

	static void say(boolean ok, String name, Object why) {
		num++;
		System.out.println((ok ? "ok " : "not ok ") + num
		    + " - java: " + name);
		if (!ok) {
			System.out.println("# " + why);
			bad++;
		}
	}

	static void gets(Client c, String name, String version) {
		try {
			byte[] got = c.get("good", version);
			say(Arrays.equals(got, want), name,
			    got.length + " octets");
		} catch (Exception e) {
			say(false, name, e);
		}
	}

	static void told(Client c, String name, String version, String peer,
	    String word) {
		try {
			c.get(peer, version);
			say(false, name, "it got in");
		} catch (SSLHandshakeException e) {
			say(e.getMessage().contains(word), name, e);
		} catch (Exception e) {
			say(false, name, e);
		}
	}

	static void all(Client c, String name) {
		for (String v : new String[] {"TLSv1.2", "TLSv1.3"}) {
			String what = name + ", " + v;
			gets(c, what, v);
			gets(c, what + ": a second time", v);
			told(c, what + ", revoked", v, "revoked",
			    "certificate_revoked");
			told(c, what + ", without certificate", v, null,
			    v.equals("TLSv1.2") ? "handshake_failure"
						: "certificate_required");
		}
	}

	public static void main(String[] a) throws Exception {
		net = Path.of(a[0]);
		url = new URL(a[1]);
		want = Files.readAllBytes(Path.of(a[2]));
		all(Peer::byUrl, "HttpsURLConnection");
		all(Peer::bySocket, "SSLSocket");
		System.out.println("1.." + num);
		System.exit(bad == 0 ? 0 : 1);
	}
}
