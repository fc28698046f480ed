"""What is masked in a text, what is left alone, and that hostile text costs no more than its size.

Every secret here is made up or is an example from its vendor's documentation; they are written in
two parts so that scanners of repositories find none.
"""

from __future__ import annotations

import pytest

from hookd.core.secret import MASK, mask, names_secret

KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"
SESSION_ID = "ASIA" + "IOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY"
SESSION = "IQoJ" + "b3JpZ2luX2VjEPT//////////wEaCXVzLWVhc3QtMSJHMEUCIQDexample" * 2
GITHUB = "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0"
PEM = (
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEAwNE1\nqk3Xw9dK3A0T==\n"
    "-----END RSA " + "PRIVATE KEY-----"
)  # fmt: skip

SECRETS = [
    # AWS
    (f"using {KEY_ID} now", f"using {MASK} now"),
    (f"{KEY_ID} {SECRET_KEY} us-east-1", f"{MASK} us-east-1"),
    (f"{KEY_ID}:{SECRET_KEY}", MASK),
    (f"id={SESSION_ID}", f"id={MASK}"),
    (f"aws_secret_access_key = {SECRET_KEY}", f"aws_secret_access_key = {MASK}"),
    (f"AWS_SECRET_ACCESS_KEY={SECRET_KEY}", f"AWS_SECRET_ACCESS_KEY={MASK}"),
    (f'"SecretAccessKey" : "{SECRET_KEY}",', f'"SecretAccessKey" : {MASK},'),
    (f"secretAccessKey: '{SECRET_KEY}'", f"secretAccessKey: {MASK}"),
    (f"export AWS_SESSION_TOKEN={SESSION}", f"export AWS_SESSION_TOKEN={MASK}"),
    (f"got {SESSION}", f"got {MASK}"),
    ("?X-Amz-Signature=fe5f80f7&X-Amz-Date=1", f"?X-Amz-Signature={MASK}&X-Amz-Date=1"),
    # HTTP
    ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: {MASK}"),
    ("-H 'Authorization: Bearer abc' https://x", f"-H 'Authorization: {MASK}' https://x"),
    ('"authorization": "token 0123456789"', f'"authorization": {MASK}'),
    ("Proxy-Authorization: Digest username=a", f"Proxy-Authorization: {MASK}"),
    ("sent Bearer abcdefgh.12345678-xyz ok", f"sent Bearer {MASK} ok"),
    ("Cookie: session=abc; path=/", f"Cookie: {MASK}"),
    ("X-Vault-Token: hunter2", f"X-Vault-Token: {MASK}"),
    ("x-api-key: 5e884898", f"x-api-key: {MASK}"),
    ("https://bob:hunter2@db.example/x", f"https://bob:{MASK}@db.example/x"),
    ("postgres://app:p@ss@db:5432/app", f"postgres://app:{MASK}@db:5432/app"),
    ("redis://:hunter2@cache", f"redis://:{MASK}@cache"),
    # passwords
    ("password=hunter2", f"password={MASK}"),
    ("password = hunter2 user=bob", f"password = {MASK} user=bob"),
    ("DB_PASSWORD='two words' next", f"DB_PASSWORD={MASK} next"),
    ('db.password="not closed', f"db.password={MASK}"),
    ("passwd=hunter2;", f"passwd={MASK};"),
    ("MYSQL_PWD=hunter2", f"MYSQL_PWD={MASK}"),
    ("dbPassword: hunter2", f"dbPassword: {MASK}"),
    ('{"password":"hunter2","user":"bob"}', f'{{"password":{MASK},"user":"bob"}}'),
    ('{\\"password\\":\\"hunter2\\"}', f'{{\\"password\\":{MASK}}}'),
    ("'token' => 'abc'", f"'token' => {MASK}"),
    ("API_KEY=5e884898", f"API_KEY={MASK}"),
    ("client_secret=5e884898&a=b", f"client_secret={MASK}&a=b"),
    ("PASSWORD_2=hunter2", f"PASSWORD_2={MASK}"),
    ("mysql --password hunter2 -h db", f"mysql --password {MASK} -h db"),
    ("mysql --password=hunter2 -h db", f"mysql --password={MASK} -h db"),
    ("tool --db-api-key 'a b' go", f"tool --db-api-key {MASK} go"),
    ("sshpass -p hunter2 ssh host", f"sshpass -p {MASK} ssh host"),
    ("mysql -phunter2", f"mysql -p{MASK}"),
    ("mysql -u root -phunter2 -h db app", f"mysql -u root -p{MASK} -h db app"),
    ("/usr/bin/mysqldump -uroot -p'two words' app", f"/usr/bin/mysqldump -uroot -p{MASK} app"),
    ("mariadb-dump app -phunter2 >x; mkdir -p y", f"mariadb-dump app -p{MASK} >x; mkdir -p y"),
    ("mysqladmin -p1234567 ping", f"mysqladmin -p{MASK} ping"),
    # the last part of a path is a key where a value may follow
    ("/run/secrets/db_password:hunter2", f"/run/secrets/db_password:{MASK}"),
    ("--parameters /app/db/password=hunter2", f"--parameters /app/db/password={MASK}"),
    ('{"/app/db/password": "hunter2"}', f'{{"/app/db/password": {MASK}}}'),
    ("https://h/login?password: hunter2", f"https://h/login?password: {MASK}"),
    ("/login?user=a&token: hunter2", f"/login?user=a&token: {MASK}"),
    ("user/password: bob/hunter2", f"user/password: {MASK}"),
    ("/etc/passwd: password=hunter2", f"/etc/passwd: password={MASK}"),
    ("curl -u bob:hunter2 https://x", f"curl -u bob:{MASK} https://x"),
    ("curl --user 'bob:hunter2' https://x", f"curl --user 'bob:{MASK}' https://x"),
    ("root:$6$saltsalt$" + "Qy8mNqZ3kRpT0vWx1yZ2:19000", f"root:{MASK}:19000"),
    # known forms
    (f"cloning with {GITHUB}", f"cloning with {MASK}"),
    ("github" + "_pat_11ABCDEFG0abcdefghij_k", MASK),
    ("glpat" + "-abcdefghij0123456789", MASK),
    ("xoxb" + "-123456789012-abcdefABCDEF", MASK),
    ("https://hooks.slack.com/services/T0/B0/x1", f"https://hooks.slack.com/services/{MASK}"),
    (f"jwt {JWT} end", f"jwt {MASK} end"),
    ("sk" + "_live_abcdefghij0123456789", MASK),
    ("AIza" + "SyA1234567890abcdefghijklmnopqrstuv", MASK),
    ("hvs" + ".CAESIJlHexample1234567890", MASK),
    # private keys: whole, without their end, without their beginning
    (f"key:\n{PEM}\nafter", f"key:\n{MASK}-----\nafter"),
    (PEM[:60], MASK),
    (PEM[40:] + "\nafter", f"{MASK}-----\nafter"),
]


@pytest.mark.parametrize(("text", "expected"), SECRETS)
def test_a_secret_is_masked_and_what_is_around_it_is_left(text, expected):
    assert mask(text) == expected


@pytest.mark.parametrize(("text", "expected"), SECRETS)
def test_masking_again_changes_nothing(text, expected):
    assert mask(expected) == expected


PLAIN = [
    "",
    "Updated: 1:openssl-libs-1.0.2k-19.amzn2.0.4.x86_64",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "image sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "operation 20261105T041807Z-7f3a of 7f3a9c1e-5b1d-4c8e-9d2f-0a1b2c3d4e5f",
    "i-0123456789abcdef0 ami-0123456789abcdef0 arn:aws:iam::123456789012:role/patch",
    "AIDAIOSFODNN7EXAMPLE AROAIOSFODNN7EXAMPLE",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
    "passwd: all authentication tokens updated successfully.",
    "Enter password: ",
    "Password:",
    "password: required",
    "password is wrong; token expired",
    "password=none token=null secret=false",
    "use --password to give one, --token-file FILE for a file",
    "--password-file /etc/app/pw",
    "password_min_length=14 max_tokens: 512 token_type=bearer TokenTTL=3600",
    "PWD=/usr/bin OLDPWD=/",
    "https://example.com/a?b=c#d",
    "https://bob@example.com/ ssh://git@host:22/x git@github.com:org/repo.git",
    "http://host:8080/a@b http://[::1]:8080/x",
    "proxy http://10.0.0.1:3128",
    "docker run -u 1000:1000 x; install -u app:app y",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC bob@host",
    "-----BEGIN CERTIFICATE-----\nMIIDXTCCAkWgAwIBAgIJ\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B\n-----END PUBLIC KEY-----",
    "gpg-pubkey-c87f5b1a-593863f8 installed",
    "Authorization failed for user bob",
    "the bearer of bad news",
    "cookies are enabled",
    "monkey=banana keyboard: us",
    "key=value public_key=x",
    "kubectl get secret/db-creds",
    "secretName: x",
    'GRUB_CMDLINE_LINUX="console=ttyS0,115200n8 root=UUID=1b2c"',
    "took 12:30:01 at 50%",
    "/etc/passwd: there, mode 0644",
    "/etc/nginx/.htpasswd: not there; /srv/app/api-key: there",
    "/etc/passwd- is there, (/etc/security/opasswd: there)",
    "http://127.0.0.1:8080/api/token: status 200",
    "mkdir -p dir; mysql -P3306 -p app; mysqldump --port=3306 app",
    "mysql -h db app; ssh -p22 host",
    "docker run --name mysql -p3306:3306 -p80:80 mysql:8",
    "cp -pr /var/lib/mysql /srv",
]  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_is_left_alone(text):
    assert mask(text) == text


def test_every_secret_of_a_text_is_masked():
    text = f"a password=x1 b {KEY_ID} c\npassword=x2\nd https://u:x3@h/"

    assert mask(text) == (
        f"a password={MASK} b {MASK} c\npassword={MASK}\nd https://u:{MASK}@h/"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("password", "DB_PASSWORD", "apiKey", "token", "secret_2")),
        *((name, False) for name in ("token_count", "key", "backup", "secret_arn", "PWD")),
    ],
)
def test_a_name_tells_whether_its_value_is_a_secret(name, expected):
    assert names_secret(name) is expected


HOSTILE = [
    *('password="', "password='", "password", "password=", "--password ", "--a-", "-" * 7),
    *("://", "://a:", "-----BEGIN PRIVATE KEY", "-----END PRIVATE KEY\n", "AKIA", "IQoJ", "hvs."),
    *("eyJaaaaaaaaaa.", "curl -u a:", " -u a:b", "authorization: ", "bearer ", "bearer a"),
    *("cookie:", 'cookie: "', "$6$", "$6$aaaa$", "secret_", "a", " ", "\t", "\n", '\\"', '"'),
    *("A1b/", "sshpass -p", "mysql ", "mysql -p", "/passwd", "/a", "//"),
    *("X-Amz-Signature=", "xoxb-", "token :"),
]
PIECES = ["api_", "key", "secret", "=", ":", '"', "'", "\\", " ", "-", "_", "/", "@"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", HOSTILE)
def test_a_million_hostile_characters_do_not_hang(piece):
    """A pattern that backtracks over what it has consumed would take hours, not seconds."""
    mask(piece * (1_000_000 // len(piece)))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("first", PIECES)
@pytest.mark.parametrize("second", PIECES)
def test_no_pair_of_what_patterns_are_made_of_hangs(first, second):
    mask("password" + (first + second) * 20_000)
