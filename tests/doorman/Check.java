// What Java makes of the doorman's lists and OCSP answers.
//   java Check.java crl CRL CA SERIAL-HEX REASON     listed, for this reason
//   java Check.java indirect CRL CA                  indirect, no entry
//   java Check.java ocsp URL LEAF CA ROOT good|revoked
//   java Check.java poll URL STATUS [LEAF CA ROOT]   as Corda's client does

import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.math.BigInteger;
import java.net.HttpURLConnection;
import java.net.URI;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.zip.ZipInputStream;

public class Check {
	static CertificateFactory x509;

	static X509Certificate cert(String path) throws Exception {
		try (FileInputStream in = new FileInputStream(path)) {
			return (X509Certificate) x509.generateCertificate(in);
		}
	}

	static void need(boolean ok, String what) {
		if (!ok) {
			System.out.println("not so: " + what);
			System.exit(1);
		}
	}

	static X509CRL list(String[] a) throws Exception {
		X509CRL crl;
		try (FileInputStream in = new FileInputStream(a[1])) {
			crl = (X509CRL) x509.generateCRL(in);
		}
		crl.verify(cert(a[2]).getPublicKey());
		return crl;
	}

	static void indirect(String[] a) throws Exception {
		X509CRL crl = list(a);
		byte[] point = crl.getExtensionValue("2.5.29.28");
		int n = point.length;
		need(crl.getCriticalExtensionOIDs().contains("2.5.29.28"),
		    "critical issuing distribution point");
		need(point[n - 3] == (byte) 0x84 && point[n - 2] == 1
			&& point[n - 1] == (byte) 0xff,
		    "indirectCRL");
		need(crl.getRevokedCertificates() == null, "no entry");
	}

	static void crl(String[] a) throws Exception {
		X509CRL crl = list(a);
		need(crl.getVersion() == 2, "version 2");
		need(crl.getCriticalExtensionOIDs().contains("2.5.29.28"),
		    "critical issuing distribution point");
		need(crl.getNonCriticalExtensionOIDs().contains("2.5.29.20"),
		    "CRL number");
		need(crl.getNonCriticalExtensionOIDs().contains("2.5.29.35"),
		    "authority key identifier");
		need(crl.getNextUpdate() != null, "nextUpdate");
		X509CRLEntry e =
		    crl.getRevokedCertificate(new BigInteger(a[3], 16));
		need(e != null, "the serial is listed");
		need(String.valueOf(e.getRevocationReason()).equals(a[4]),
		    "the reason is " + a[4]);
	}

	static void poll(String[] a) throws Exception {
		HttpURLConnection conn =
		    (HttpURLConnection) URI.create(a[1]).toURL().openConnection();
		int status = conn.getResponseCode();
		need(status == Integer.parseInt(a[2]), "status " + status);
		if (status != 200)
			return;
		try (ZipInputStream zip =
			 new ZipInputStream(conn.getInputStream())) {
			for (int i = 3; i < a.length; i++) {
				need(zip.getNextEntry() != null, "an entry");
				byte[] der = zip.readAllBytes();
				need(x509.generateCertificate(
					 new ByteArrayInputStream(der))
					 .equals(cert(a[i])), a[i]);
			}
			need(zip.getNextEntry() == null, "no more entries");
		}
	}

	static void ocsp(String[] a) throws Exception {
		CertPath path =
		    x509.generateCertPath(List.of(cert(a[2]), cert(a[3])));
		CertPathValidator v = CertPathValidator.getInstance("PKIX");
		PKIXRevocationChecker c =
		    (PKIXRevocationChecker) v.getRevocationChecker();
		c.setOcspResponder(new URI(a[1]));
		c.setOptions(EnumSet.of(
		    PKIXRevocationChecker.Option.NO_FALLBACK));
		PKIXParameters p = new PKIXParameters(
		    Set.of(new TrustAnchor(cert(a[4]), null)));
		p.addCertPathChecker(c);
		String said = "good";
		try {
			v.validate(path, p);
		} catch (CertPathValidatorException e) {
			said = e.getReason()
				== CertPathValidatorException.BasicReason.REVOKED
			    ? "revoked" : e.toString();
		}
		need(said.equals(a[5]), a[5] + " but " + said);
	}

	public static void main(String[] a) throws Exception {
		x509 = CertificateFactory.getInstance("X.509");
		if (a[0].equals("crl"))
			crl(a);
		else if (a[0].equals("indirect"))
			indirect(a);
		else if (a[0].equals("poll"))
			poll(a);
		else
			ocsp(a);
		System.out.println("as it should be");
	}
}
