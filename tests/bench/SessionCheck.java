/*
 * What bench_session holds its figures against: JDK's CertPathValidator with
 * the same chain and CRLs, by the CPU time of the thread that asks. Once with
 * the chain read from PEM for each check, as a check over REST must, and once
 * with one that has been read before.
 *
 *	java SessionCheck.java LEAF CA ROOT CRL...
 *
 * One line: both, in checks a CPU-second.
 */
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

public class SessionCheck {
	static final int WARM = 2000, NUM = 3000;

	static X509Certificate read(CertificateFactory f, byte[] pem) throws Exception {
		return (X509Certificate)f.generateCertificate(new ByteArrayInputStream(pem));
	}

	public static void main(String[] a) throws Exception {
		CertificateFactory f = CertificateFactory.getInstance("X.509");
		byte[] leaf = Files.readAllBytes(Paths.get(a[0]));
		byte[] ca = Files.readAllBytes(Paths.get(a[1]));
		X509Certificate root = read(f, Files.readAllBytes(Paths.get(a[2])));
		List<Object> crls = new ArrayList<>();
		for (int i = 3; i < a.length; i++)
			try (InputStream in = Files.newInputStream(Paths.get(a[i]))) {
				crls.add(f.generateCRL(in));
			}
		PKIXParameters p = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
		p.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(crls)));
		p.setRevocationEnabled(true);
		CertPathValidator v = CertPathValidator.getInstance("PKIX");
		CertPath before = f.generateCertPath(List.of(read(f, leaf), read(f, ca)));
		for (int mode = 0; mode < 2; mode++) {
			long t = 0;
			for (int i = 0; i < WARM + NUM; i++) {
				if (i == WARM)
					t = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
				CertPath path = mode == 0 ? f.generateCertPath(List.of(read(f, leaf), read(f, ca))) : before;
				v.validate(path, p);
			}
			t = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - t;
			System.out.printf("%.0f%s", NUM * 1e9 / t, mode == 0 ? " " : "\n");
		}
	}
}
