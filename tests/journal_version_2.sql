-- A journal as version 2 of it was written, by the code of its time: a job that is done, with its poke unsent, and one that waits.
BEGIN TRANSACTION;
CREATE TABLE jobs (
        number INTEGER PRIMARY KEY,  -- the order in which they came
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        key TEXT UNIQUE,
        state TEXT NOT NULL,
        step TEXT NOT NULL,
        payload TEXT,  -- SHA-256 of the timeline that came with the request
        client TEXT NOT NULL,
        error TEXT,  -- JSON
        failed_regions INTEGER NOT NULL DEFAULT 0,
        created_s REAL NOT NULL,
        started_s REAL,
        finished_s REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        deaths INTEGER NOT NULL DEFAULT 0,
        cancelling INTEGER NOT NULL DEFAULT 0,
        swept INTEGER NOT NULL DEFAULT 0,
        folders TEXT NOT NULL  -- JSON
    );
INSERT INTO "jobs" VALUES(1,'old','generate','k','done','ended',NULL,'seat',NULL,0,1.79527514448639130594e+09,1.79527514448694491388e+09,1.79527514448773717879e+09,1,0,0,1,'["/", "/m"]');
INSERT INTO "jobs" VALUES(2,'waits','generate',NULL,'queued','accepted',NULL,'',NULL,0,1.79527514448820924757e+09,NULL,NULL,0,0,0,0,'[]');
CREATE TABLE pokes (job TEXT PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO "pokes" VALUES('old','{"address":"/x","arguments":[],"port":9000}');
CREATE TABLE requests (job TEXT PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO "requests" VALUES('old','{"key":"k","kind":"generate","media_dir":"/m","out":"/b.otio","timeline":{"path":"/a.otio"}}');
INSERT INTO "requests" VALUES('waits','{"kind":"generate","media_dir":"/m","out":"/b.otio","timeline":{"path":"/a.otio"}}');
CREATE TABLE results (job TEXT PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO "results" VALUES('old','{"timeline": {"path": "/a.otio", "rate": "24"}, "regions": [{"id": null, "name": "kettle", "start": {"value": 0, "rate": "24", "seconds": 0.0}, "end": {"value": 24, "rate": "24", "seconds": 1.0}, "takes": [{"path": "/m/a.wav", "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "peak_dbfs": -3.0, "duration": {"value": 24, "rate": "24", "seconds": 1.0}}], "error": null}], "out": "/b.otio", "notes": []}');
CREATE TABLE steps (job TEXT NOT NULL, at_s REAL NOT NULL, name TEXT NOT NULL);
INSERT INTO "steps" VALUES('old',1.79527514448644804952e+09,'accepted');
INSERT INTO "steps" VALUES('old',1.79527514448738288884e+09,'region 1');
INSERT INTO "steps" VALUES('old',1.79527514448778104778e+09,'ended');
INSERT INTO "steps" VALUES('waits',1.79527514448822951313e+09,'accepted');
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE INDEX jobs_unswept ON jobs (number) WHERE swept = 0;
CREATE INDEX steps_by_job ON steps (job);
COMMIT;
PRAGMA user_version = 2;
