/*
 * store_version_1: the tables of the first doorman, word for word, and a
 * database of it with a request of each kind in each state.
 */
#ifndef TESTS_DOORMAN_STORE_VERSION_1_H
#define TESTS_DOORMAN_STORE_VERSION_1_H

static const char store_version_1[] =
    "CREATE TABLE IF NOT EXISTS request("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " kind TEXT NOT NULL CHECK(kind IN('revocation','certificate')),"
    " state TEXT NOT NULL CHECK(state IN('NEW','TICKET_CREATED','APPROVED',"
    "  'DONE','REJECTED')),"
    " ticket TEXT, subject TEXT NOT NULL, created_at INTEGER NOT NULL,"
    " approved_at INTEGER, approved_by TEXT,"
    " list TEXT, serial TEXT, reason INTEGER, reporter TEXT,"
    " csr_id TEXT, crl_number INTEGER,"
    " csr BLOB, key_hash TEXT);"
    "CREATE UNIQUE INDEX IF NOT EXISTS request_live_serial"
    " ON request(list, serial)"
    " WHERE kind='revocation' AND state<>'REJECTED';"
    "CREATE UNIQUE INDEX IF NOT EXISTS request_open_name"
    " ON request(subject) WHERE kind='certificate'"
    " AND state IN('NEW','TICKET_CREATED','APPROVED');"
    "CREATE INDEX IF NOT EXISTS request_state ON request(state, kind, seq);"
    "CREATE INDEX IF NOT EXISTS request_key ON request(key_hash)"
    " WHERE key_hash IS NOT NULL;"
    "CREATE TABLE IF NOT EXISTS transition("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " request TEXT NOT NULL REFERENCES request(id),"
    " from_state TEXT NOT NULL, to_state TEXT NOT NULL,"
    " at INTEGER NOT NULL, who TEXT NOT NULL, note TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS transition_request"
    " ON transition(request, seq);"
    "CREATE TABLE IF NOT EXISTS certificate("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " list TEXT NOT NULL, serial TEXT NOT NULL, subject TEXT NOT NULL,"
    " not_after INTEGER NOT NULL, is_ca INTEGER NOT NULL,"
    " csr_id TEXT UNIQUE REFERENCES request(id), der BLOB NOT NULL,"
    " UNIQUE(list, serial));"
    "CREATE INDEX IF NOT EXISTS certificate_serial ON certificate(serial);"
    "CREATE INDEX IF NOT EXISTS certificate_name ON certificate(subject);"
    "CREATE TABLE IF NOT EXISTS crl("
    " list TEXT NOT NULL, number INTEGER NOT NULL,"
    " this_update INTEGER NOT NULL, next_update INTEGER NOT NULL,"
    " published_at INTEGER NOT NULL, published_by TEXT NOT NULL,"
    " full_der BLOB, delta_der BLOB, PRIMARY KEY(list, number));";

/*
 * R1..R5 revocations and C1..C5 certificate requests: NEW, TICKET_CREATED,
 * APPROVED, DONE, REJECTED. A gap in the steps' numbers, as VACUUM and an
 * operator's hand may leave it.
 */
static const char store_version_1_rows[] =
    "INSERT INTO request(seq,id,kind,state,ticket,subject,created_at,"
    " approved_at,approved_by,list,serial,reason,reporter,csr_id,crl_number)"
    " VALUES"
    "(1,'R1','revocation','NEW',NULL,'O=A',10,NULL,NULL,'doorman','A1',0,"
    " 'ann',NULL,NULL),"
    "(2,'R2','revocation','TICKET_CREATED','LOCAL-2','O=B',20,NULL,NULL,"
    " 'doorman','A2',1,'bob','C4',NULL),"
    "(3,'R3','revocation','APPROVED','LOCAL-3','O=C',30,31,'carol',"
    " 'doorman','A3',4,'ann',NULL,NULL),"
    "(4,'R4','revocation','DONE','LOCAL-4','O=D',40,41,'carol','root',"
    " 'A4',2,'ann',NULL,7),"
    "(5,'R5','revocation','REJECTED','LOCAL-5','O=D',50,NULL,NULL,"
    " 'doorman','A1',1,CAST(x'61FF62' AS TEXT),NULL,NULL);"
    "INSERT INTO request(seq,id,kind,state,ticket,subject,created_at,"
    " approved_at,approved_by,csr,key_hash) VALUES"
    "(6,'C1','certificate','NEW',NULL,'O=E',60,NULL,NULL,x'01','K1'),"
    "(7,'C2','certificate','TICKET_CREATED','LOCAL-7','O=F',70,NULL,NULL,"
    " x'02','K2'),"
    "(8,'C3','certificate','APPROVED','LOCAL-8','O=G',80,81,'carol',x'03',"
    " 'K3'),"
    "(9,'C4','certificate','DONE','LOCAL-9','O=B',90,91,'carol',x'04','K4'),"
    "(12,'C5','certificate','REJECTED','LOCAL-12','O=E',120,NULL,NULL,x'05',"
    " 'K5');"
    "INSERT INTO transition(seq,request,from_state,to_state,at,who,note) VALUES"
    "(1,'R1','','NEW',10,'ann',''),"
    "(2,'R2','','NEW',20,'bob',''),"
    "(3,'R2','NEW','TICKET_CREATED',21,'local','LOCAL-2'),"
    "(4,'R3','TICKET_CREATED','APPROVED',31,'carol','seen by phone'),"
    "(7,'R4','APPROVED','DONE',42,'uid 7','CRL number 7'),"
    "(8,'R5','TICKET_CREATED','REJECTED',51,'carol','nonsense'),"
    "(9,'C1','','NEW',60,'192.0.2.7',''),"
    "(10,'C4','APPROVED','DONE',92,'uid 7','serial 0xA2');"
    "INSERT INTO certificate(seq,list,serial,subject,not_after,is_ca,csr_id,"
    " der) VALUES(1,'doorman','A2','O=B',9999,0,'C4',x'3000');"
    "INSERT INTO crl VALUES('root',6,1,2,3,'init',NULL,NULL),"
    " ('root',7,42,43,44,'uid 7',x'3001',NULL);";

#endif
