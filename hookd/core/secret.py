"""What looks like a secret in a text: keys, tokens, passwords, and the text without them.

Every pattern begins with something fixed or is bounded, and none backtracks over what it has
consumed: hooks print what they like, and hostile text must not cost more than its length.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Callable, Match, Pattern, Tuple, Union

MASK = "[masked]"

# what ends the name of a secret: DB_PASSWORD, "secretAccessKey", --api-key
_NAME = (
    r"(?:passw(?:or)?d|passphrase|(?<=_)pwd|token|(?<!:)secret|credentials?"
    r"|secret[_-]?(?:access[_-]?)?key|(?:api|access|private|signing|master|encryption)[_-]?key)"
)
# what stands where a secret would, and is none
_WORD = (
    r"(?:none|null|nil|true|false|yes|no|on|off|required|optional|expired|invalid|wrong|incorrect"
    r"|missing|empty|unset|set|changed|unchanged|updated|ok|is|was|are|must|may|can|for|the|your"
    r"|an?|and|or|to|of|in|with|not|all|from|prompt|\*+|\[masked\])"
)
_NO_SECRET = rf"(?!{_WORD}(?=\.?(?:[\s,;)}}\]\"'\\]|\Z))|\\?\"{_WORD}\\?\"|\\?'{_WORD}\\?')"
_VALUE = r"(?:\\?\"[^\"\n]*\"?|\\?'[^'\n]*'?|[^\s\"',;&|<>(){}\[\]]+)"
_GAP = r"[ \t]{0,4}"

_REST_OF_LINE = r"(?:\\?\"[^\"\n]*\"?|\\?'[^'\n]*'?|[^\s\"'][^\n\"']*)"
_NUMBERED = r"(?:[_-]?(?:value|[0-9]{1,2}))?"

_PRIVATE_KEY = r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY|\Z)"
_AWS_KEY = (
    r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"
    r"(?:[\s:,|\"']{1,8}[A-Za-z0-9/+]{16,40}(?![A-Za-z0-9/+=]))?"
)
_STS_TOKEN = r"(?<![A-Za-z0-9/+])(?:FwoG|IQoJ|FQoG|AQo[DE])[A-Za-z0-9/+=_%-]{40,}"
_SIGNED_URL = r"(?i)(X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s\"']+"
_HEADER = (
    rf"(?i)((?:authorization|(?<![a-z])cookie)\\?[\"']?{_GAP}[:=]{_GAP}){_NO_SECRET}{_REST_OF_LINE}"
)
_BEARER = r"(?i)\b(bearer[ \t]{1,4})(?=[^\s]{0,99}[0-9])[A-Za-z0-9._~+/=-]{16,}"
_URL = r"(://[^/\s:@\"']{0,100}:)[^/\s\"']{1,200}(?=@)"
_OPTION = (
    rf"(?i)((?<![\w-])--(?:[a-z0-9]{{1,20}}-){{0,3}}{_NAME}[ \t]{{1,4}})"
    rf"{_NO_SECRET}(?!-){_VALUE}"
)
_SSHPASS = rf"(\bsshpass[ \t]{{1,4}}-p[ \t]{{0,4}}){_VALUE}"
_USER_OPTION = (
    r"((?<!\S)(?:-u|--user|--proxy-user)[ =][\"']?([^\s:\"']{1,64}):)"
    r"(?!\2(?!\S)|[0-9]+(?!\S))[^\s\"']{3,}"
)
_MYSQL = (
    r"((?<![\w.-])(?:mysql|mariadb)[a-z]{0,12}(?:-[a-z]{1,12})?[ \t](?:[^\n;&|]{0,200}?[ \t])?-p)"
    rf"(?![0-9.:]*:[0-9]){_VALUE}"
)
# `/etc/passwd: there` speaks of a file; it is no more than passed over, so what follows is searched
_FILE = (
    r"(?P<file>(?:(?<![\w./@+:-])|(?<=[a-z])://[\w.-]{1,100}(?::[0-9]{1,5})?)"
    rf"/[\w./@+-]{{0,200}}{_NAME}{_NUMBERED}(?=:\s))"
)
_NAMED = (
    rf"(?i){_FILE}"
    rf"|(?P<key>{_NAME}{_NUMBERED}\\?[\"']?{_GAP}(?:=>|:=|==?|:){_GAP}){_NO_SECRET}{_VALUE}"
)

# the secret alone
_WHOLE = (
    _PRIVATE_KEY,  # to its end or to that of the text
    _AWS_KEY,  # the id, alone or with the secret key beside it
    _STS_TOKEN,
    r"\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}|\bxapp-[A-Za-z0-9-]{8,}",  # Slack
    r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}(?:\.[\w-]*)?",  # JSON Web Token
    r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|\bAIza[\w-]{30,}",  # Stripe, Google
    r"\bnpm_[A-Za-z0-9]{30,}|\bpypi-[\w-]{50,}|\bhv[sb]\.[\w-]{20,}",  # npm, PyPI, Vault
    r"\$(?:1|2[aby]|5|6|7|y|gy)\$[./A-Za-z0-9$=,]{20,}",  # crypt(5)
)
# the secret after what tells of it, which stays
_AFTER = (
    _SIGNED_URL,
    _HEADER,
    _BEARER,
    _URL,
    r"(hooks\.slack\.com/(?:services|workflows)/)[\w/]+",
    _OPTION,
    _SSHPASS,
    _MYSQL,
    _USER_OPTION,
)
# what every one of them needs; most texts have none of it, and then nothing is compiled or searched
_HINTS = (
    *("key", "token", "passw", "passphrase", "_pwd", "secret", "credential", "auth", "cookie"),
    *("bearer", "://", "akia", "asia", "abia", "acca", "fwog", "iqoj", "fqog", "aqod", "aqoe"),
    *("x-amz", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "glpat", "xox", "xapp"),
    *("slack", "eyj", "k_live", "k_test", "aiza", "npm_", "pypi-", "hvs.", "hvb.", "$"),
    *("sshpass", "-u", "user", "mysql", "mariadb"),
)


def _named(found: Match[str]) -> str:
    return found.group("file") or found.group("key") + MASK


@lru_cache(maxsize=None)
def _masks() -> Tuple[Tuple[Pattern[str], Union[str, Callable[[Match[str]], str]]], ...]:
    whole = [(re.compile(pattern), MASK) for pattern in _WHOLE]
    after = [(re.compile(pattern), rf"\1{MASK}") for pattern in _AFTER]
    return (*whole, *after, (re.compile(_NAMED), _named))


_KEY_LINE = re.compile(r"[ \t]*[A-Za-z0-9+/=]+[ \t\r]*\n?\Z")
_KEY_END = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY")


def mask(text: str) -> str:
    """Return `text` with `[masked]` in place of what looks like a secret."""
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text
    text = _without_key_end(text)
    for pattern, to in _masks():
        text = pattern.sub(to, text)
    return text


@lru_cache(maxsize=256)
def names_secret(name: str) -> bool:
    """Whether a value called `name` is a secret, whatever it looks like."""
    return bool(re.search(rf"(?i){_NAME}{_NUMBERED}\Z", name))


def _without_key_end(text: str) -> str:
    """Mask the lines before the end of a private key whose beginning was not kept."""
    end = _KEY_END.search(text)
    if end is None or "-----BEGIN" in text[: end.start()]:
        return text
    lines = text[: end.start()].splitlines(keepends=True)
    while lines and _KEY_LINE.match(lines[-1]):
        lines.pop()
    return "".join(lines) + MASK + text[end.end() :]
