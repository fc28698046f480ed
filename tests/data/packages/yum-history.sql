-- The tables of yum 3.4.3's history that are read, with one transaction of every kind.
CREATE TABLE trans_beg (tid INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, rpmdb_version TEXT NOT NULL, loginuid INTEGER);
CREATE TABLE trans_end (tid INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, rpmdb_version TEXT NOT NULL, return_code INTEGER NOT NULL);
CREATE TABLE trans_error (mid INTEGER PRIMARY KEY, tid INTEGER NOT NULL, msg TEXT NOT NULL);
CREATE TABLE trans_cmdline (tid INTEGER NOT NULL, cmdline TEXT NOT NULL);
CREATE TABLE trans_data_pkgs (tid INTEGER NOT NULL, pkgtupid INTEGER NOT NULL, done BOOL NOT NULL DEFAULT FALSE, state TEXT NOT NULL);
CREATE TABLE pkgtups (pkgtupid INTEGER PRIMARY KEY, name TEXT NOT NULL, arch TEXT NOT NULL, epoch TEXT NOT NULL, version TEXT NOT NULL, release TEXT NOT NULL, checksum TEXT);
INSERT INTO pkgtups VALUES
 (1, 'tool', 'noarch', '0', '1.0', '1', NULL),
 (2, 'tool', 'noarch', '0', '1.1', '1', NULL),
 (3, 'lib', 'x86_64', '1', '2.0', '1', NULL),
 (4, 'kernel', 'x86_64', '0', '4.14.1', '1', NULL),
 (5, 'newtool', 'noarch', '0', '2.0', '1', NULL);
INSERT INTO trans_beg VALUES
 (1, 1600000000, '100:aa', 4294967295),
 (2, 1600000100, '102:bb', 0),
 (3, 1600000200, '102:cc', 1000),
 (4, 1600000300, '102:cc', 0),
 (5, 1600000400, '102:cc', 0);
INSERT INTO trans_end VALUES
 (1, 1600000010, '102:bb', 0),
 (2, 1600000110, '102:cc', 1),
 (4, 1600000310, '102:cc', 0),
 (5, 1600000410, '102:cc', 2);
INSERT INTO trans_cmdline VALUES (1, '-y install tool'), (2, 'update');
INSERT INTO trans_error VALUES (1, 2, 'a scriptlet failed'), (2, 5, 'test transaction failed');
INSERT INTO trans_data_pkgs VALUES
 (1, 1, 'TRUE', 'Install'),
 (1, 3, 'TRUE', 'Dep-Install'),
 (1, 4, 'TRUE', 'True-Install'),
 (2, 2, 'FALSE', 'Update'),
 (2, 1, 'FALSE', 'Updated'),
 (2, 3, 'TRUE', 'Erase'),
 (3, 5, 'TRUE', 'Obsoleting'),
 (3, 1, 'FALSE', 'Obsoleted'),
 (4, 3, 'TRUE', 'Reinstall'),
 (4, 1, 'TRUE', 'Downgrade'),
 (4, 2, 'TRUE', 'Downgraded'),
 (4, 4, 'TRUE', 'Vanished');
