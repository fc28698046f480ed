-- The tables of libdnf's history that are read, with one transaction of every kind.
CREATE TABLE trans (id INTEGER PRIMARY KEY AUTOINCREMENT, dt_begin INTEGER NOT NULL, dt_end INTEGER, rpmdb_version_begin TEXT, rpmdb_version_end TEXT, releasever TEXT NOT NULL, user_id INTEGER NOT NULL, cmdline TEXT, state INTEGER NOT NULL, comment TEXT DEFAULT '');
CREATE TABLE trans_item (id INTEGER PRIMARY KEY AUTOINCREMENT, trans_id INTEGER, item_id INTEGER, repo_id INTEGER, action INTEGER NOT NULL, reason INTEGER NOT NULL, state INTEGER NOT NULL);
CREATE TABLE rpm (item_id INTEGER UNIQUE NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL, version TEXT NOT NULL, release TEXT NOT NULL, arch TEXT NOT NULL);
CREATE TABLE console_output (id INTEGER PRIMARY KEY, trans_id INTEGER, file_descriptor INTEGER NOT NULL, line TEXT NOT NULL);
INSERT INTO rpm VALUES
 (1, 'tool', 0, '1.0', '1', 'noarch'),
 (2, 'tool', 0, '1.1', '1', 'noarch'),
 (3, 'lib', 1, '2.0', '1', 'x86_64'),
 (4, 'kernel', 0, '6.1.1', '1', 'x86_64'),
 (5, 'newtool', 0, '2.0', '1', 'noarch');
INSERT INTO trans VALUES
 (1, 1700000000, 1700000010, 'aa', 'bb', '2023', 4294967295, 'install tool', 1, ''),
 (2, 1700000100, 1700000110, 'bb', 'cc', '2023', 0, 'upgrade', 2, ''),
 (3, 1700000200, 1700000210, 'cc', 'dd', '2023', -1, 'downgrade tool', 1, ''),
 (4, 1700000300, 0, 'dd', NULL, '2023', 1000, NULL, 0, '');
INSERT INTO trans_item (trans_id, item_id, repo_id, action, reason, state) VALUES
 (1, 1, 1, 1, 2, 1),
 (1, 4, 1, 1, 2, 1),
 (1, 3, 1, 11, 2, 1),
 (2, 2, 1, 6, 2, 2),
 (2, 1, 1, 7, 2, 2),
 (2, 3, 1, 8, 2, 1),
 (3, 1, 1, 2, 2, 1),
 (3, 2, 1, 3, 2, 1),
 (3, 4, 1, 9, 2, 1),
 (3, 4, 1, 10, 2, 1),
 (3, 3, 1, 77, 2, 1),
 (4, 5, 1, 1, 2, 0),
 (4, 2, 1, 5, 2, 0);
INSERT INTO console_output VALUES
 (1, 2, 1, 'error: tool-1.1-1.noarch: install failed'),
 (2, 2, 1, 'a scriptlet said this'),
 (3, 3, 1, 'warning: it is late');
