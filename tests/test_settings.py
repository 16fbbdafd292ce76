"""Settings: where a value comes from, what is refused and how it is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reelwright.engines.huggingface.access import VARIABLES
from reelwright.env_file import parse
from reelwright.errors import ConfigurationError
from reelwright.settings import Settings, environment_name, load_settings

FIELDS = sorted(Settings.model_fields)
AWS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
PROVIDERS = set(VARIABLES)
UNPREFIXED = {"PORT", "HOST", "HF_TOKEN", "CLIENT_URL", "NODE_ENV", "DATABASE_URL", "DATABASE_LISTEN_URL"}
UNPREFIXED |= AWS | PROVIDERS


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory and an environment without any of our names."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name in UNPREFIXED or name.upper().startswith("REELWRIGHT_"):
            monkeypatch.delenv(name)
    return tmp_path


SetEnvironment = Callable[[str, str], None]


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> SetEnvironment:
    return monkeypatch.setenv


def refused(**flags: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(**flags)
    return caught.value.message


def test_the_defaults_are_the_contracts() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.node_env) == ("localhost", 3001, "development")
    assert settings.client_url == ("http://localhost:8080",)
    assert settings.data_dir == Path("reelwright-data")
    assert (settings.engine, settings.workers, settings.api_keys) == ("auto", None, ())
    assert (settings.hf_token, settings.database_url) == (None, None)
    assert settings.log_as == "console"


@pytest.mark.parametrize("value", ["/reel", "/reel/", "/a/b-c_d.e~f"])
def test_a_path_prefix_has_no_slash_at_its_end(env: SetEnvironment, value: str) -> None:
    env("REELWRIGHT_ROOT_PATH", value)
    assert load_settings().root_path == value.rstrip("/")


@pytest.mark.parametrize("value", ["reel", "//reel", "/a b", "/..", "/a/../b", "http://example.com/reel", "/reel?x"])
def test_what_is_no_path_is_no_prefix(env: SetEnvironment, value: str) -> None:
    env("REELWRIGHT_ROOT_PATH", value)
    assert "REELWRIGHT_ROOT_PATH" in refused()
    assert "write it as /reel" in refused()


@pytest.mark.parametrize("name", ["REELWRIGHT_TRUSTED_PROXIES", "FORWARDED_ALLOW_IPS"])
def test_proxies_are_named_by_address_or_network(env: SetEnvironment, name: str) -> None:
    assert load_settings().trusted_proxies == ()
    env(name, "10.0.0.7, 10.1.0.0/16,::1")
    assert load_settings().trusted_proxies == ("10.0.0.7", "10.1.0.0/16", "::1")
    env(name, "*")
    assert load_settings().trusted_proxies == ("*",)
    env(name, "proxy.example")
    assert "'proxy.example' is not an address; write 10.0.0.7, 10.0.0.0/8 or *" in refused()


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(folder: Path, env: SetEnvironment) -> None:
    assert load_settings().port == 3001
    (folder / ".env").write_text("PORT=1001\nREELWRIGHT_WORKERS=2\nREELWRIGHT_ENGINE=sketch\n")
    assert load_settings().port == 1001
    env("PORT", "1002")
    env("REELWRIGHT_WORKERS", "3")
    assert load_settings().port == 1002
    settings = load_settings(port=1003)
    assert (settings.port, settings.workers, settings.engine) == (1003, 3, "sketch")


@pytest.mark.parametrize("name", FIELDS)
def test_every_knob_has_a_description_and_a_name(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.description
    assert field.description.endswith((".", "pings.", "none."))
    told = environment_name(name)
    assert told == name.upper() if told in UNPREFIXED else told == f"REELWRIGHT_{name.upper()}"


def test_an_empty_variable_is_as_good_as_none(env: SetEnvironment) -> None:
    for name in FIELDS:
        env(environment_name(name), "")
    assert load_settings() == Settings()


def test_other_programs_variables_mean_nothing(env: SetEnvironment) -> None:
    for name in FIELDS:
        if environment_name(name) not in UNPREFIXED:
            env(name.upper(), "a value for another program")
    env("REELWRIGHT_NO_SUCH_KNOB", "1")
    load_settings()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


def test_secrets_are_not_shown(folder: Path) -> None:
    (folder / ".env").write_text(
        "HF_TOKEN=hf_canary\nREELWRIGHT_API_KEYS=key-canary-012345\nDATABASE_URL=postgres://u:canary@h/d"
    )
    settings = load_settings()
    assert (settings.hf_token, settings.api_keys) == ("hf_canary", ("key-canary-012345",))
    assert "canary" not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "65536", "PORT"),
        ("PORT", "-1", "PORT"),
        ("PORT", "http", "PORT"),
        ("REELWRIGHT_WORKERS", "-1", "REELWRIGHT_WORKERS"),
        ("REELWRIGHT_WORKERS", "1.5", "REELWRIGHT_WORKERS"),
        ("REELWRIGHT_LOG_FORMAT", "xml", "REELWRIGHT_LOG_FORMAT"),
        ("REELWRIGHT_LOG_LEVEL", "chatty", "REELWRIGHT_LOG_LEVEL"),
        ("REELWRIGHT_MAX_BODY_MB", "0", "REELWRIGHT_MAX_BODY_MB"),
        ("REELWRIGHT_MAX_BODY_MB", "nan", "REELWRIGHT_MAX_BODY_MB"),
        ("REELWRIGHT_MAX_QUEUED", "0", "REELWRIGHT_MAX_QUEUED"),
        ("REELWRIGHT_JOB_TIMEOUT_S", "inf", "REELWRIGHT_JOB_TIMEOUT_S"),
        ("REELWRIGHT_DRAIN_S", "inf", "REELWRIGHT_DRAIN_S"),
        ("REELWRIGHT_KEEP_DAYS", "1e9", "REELWRIGHT_KEEP_DAYS"),
        ("REELWRIGHT_KEEP_DAYS", "inf", "REELWRIGHT_KEEP_DAYS"),
        ("REELWRIGHT_INSECURE_NO_AUTH", "perhaps", "REELWRIGHT_INSECURE_NO_AUTH"),
        ("REELWRIGHT_ENGINE_OPTIONS", "{not json", "REELWRIGHT_ENGINE_OPTIONS"),
        ("REELWRIGHT_ENGINE_OPTIONS", '["a"]', "REELWRIGHT_ENGINE_OPTIONS"),
        ("REELWRIGHT_ENGINE_OPTIONS", '{"sketch": 5}', "REELWRIGHT_ENGINE_OPTIONS"),
        ("REELWRIGHT_MODEL_ALIASES", '{"a": 5}', "REELWRIGHT_MODEL_ALIASES"),
        ("CLIENT_URL", "*", "CLIENT_URL"),
        ("CLIENT_URL", "http://a.example, *", "CLIENT_URL"),
        ("CLIENT_URL", "http://*.example", "CLIENT_URL"),
        ("CLIENT_URL", "null", "CLIENT_URL"),
        ("CLIENT_URL", "localhost:8080", "CLIENT_URL"),
        ("CLIENT_URL", "http://a.example/app", "CLIENT_URL"),
        ("CLIENT_URL", "http://a.example:many", "CLIENT_URL"),
        ("CLIENT_URL", "http://user@a.example", "CLIENT_URL"),
        ("CLIENT_URL", "http://☃..example", "CLIENT_URL"),
        ("REELWRIGHT_ALLOWED_NETWORKS", "10.0.0.5/8", "write it as 10.0.0.0/8"),
        ("REELWRIGHT_ALLOWED_NETWORKS", "intranet", "write it as 10.0.0.0/8 or 192.168.1.7"),
        ("REELWRIGHT_DATA_DIR", "~nobody-of-that-name/data", "REELWRIGHT_DATA_DIR"),
    ],
)
def test_a_bad_value_is_named(env: SetEnvironment, name: str, value: str, told: str) -> None:
    env(name, value)
    message = refused()
    assert message.startswith("Invalid settings. ")
    assert told in message
    assert "pydantic" not in message


def test_all_bad_values_are_named_at_once(env: SetEnvironment) -> None:
    env("PORT", "x")
    env("REELWRIGHT_WORKERS", "y")
    message = refused()
    assert "PORT" in message
    assert "REELWRIGHT_WORKERS" in message


def test_a_bad_secret_is_not_echoed(env: SetEnvironment) -> None:
    env("REELWRIGHT_ENGINE_OPTIONS", '{"huggingface": "hf_canary"}')
    assert "hf_canary" not in refused()


def test_the_wildcard_is_refused_with_the_reason(env: SetEnvironment) -> None:
    env("CLIENT_URL", "*")
    assert "cannot be combined with credentials" in refused()


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("http://a.example", ("http://a.example",)),
        (" http://a.example/ , https://B.Example:8443/ ,", ("http://a.example", "https://b.example:8443")),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
        ("capacitor://localhost", ("capacitor://localhost",)),
        ("https://x.example:443", ("https://x.example",)),
        ("HTTP://X.Example:80/", ("http://x.example",)),
        ("https://x.example:80", ("https://x.example:80",)),
        ("https://bücher.example/", ("https://xn--bcher-kva.example",)),
        ("https://straße.example", ("https://xn--strae-oqa.example",)),
        ("https://例え.テスト:8443", ("https://xn--r8jz45g.xn--zckzah:8443",)),
        ("http://[0:0:0:0:0:0:0:1]:80", ("http://[::1]",)),
    ],
)
def test_origins_are_as_browsers_write_them(env: SetEnvironment, value: str, origins: tuple[str, ...]) -> None:
    env("CLIENT_URL", value)
    assert load_settings().client_url == origins


def test_keys_are_kept_to_the_letter(env: SetEnvironment) -> None:
    env("REELWRIGHT_API_KEYS", " one-0123456789/+==/ ,two-0123456789ab, ,")
    assert load_settings().api_keys == ("one-0123456789/+==/", "two-0123456789ab")


def test_a_file_that_is_no_text_is_told(folder: Path) -> None:
    (folder / ".env").write_bytes(b"PORT=1\xff\xfe\n")
    assert ".env" in refused()


def test_an_address_may_stand_in_brackets() -> None:
    assert load_settings(host="[::1]").host == "::1"
    assert load_settings(host="[2001:db8::7]", api_keys=("k" * 16,)).host == "2001:db8::7"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_another_address_wants_keys(host: str) -> None:
    assert "REELWRIGHT_API_KEYS" in refused(host=host)
    assert load_settings(host=host, api_keys=("k" * 16,)).host == host
    assert load_settings(host=host, insecure_no_auth=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]"])
def test_the_loopback_addresses_do_not(host: str) -> None:
    assert load_settings(host=host).loopback


@pytest.mark.parametrize(
    ("environment", "form"),
    [
        ({"NODE_ENV": "production"}, "json"),
        ({"NODE_ENV": "production", "REELWRIGHT_LOG_FORMAT": "console"}, "console"),
        ({"REELWRIGHT_LOG_FORMAT": "json"}, "json"),
    ],
)
def test_the_form_of_the_logs(env: SetEnvironment, environment: dict[str, str], form: str) -> None:
    for name, value in environment.items():
        env(name, value)
    assert load_settings().log_as == form


DOTENV = """# a comment
PLAIN=value
  export EXPORTED=exported
SPACED = spaced\x20\x20
EMPTY=
QUOTED="two words"
SINGLE='it''s $HOME ${PLAIN}'
BACKTICK=`a "b" 'c'`
COMMENTED=value # a comment
GLUED=value#comment
HASH="a#b"
NEWLINE="a\\nb"
RAW='a\\nb'
COLON: yes
MULTI="first
second"
TWICE=1
TWICE=2
DOLLAR=a${PLAIN}b
JSON={"huggingface": {"slots": 2}}
NAKED
TAB="a\\tb"
OPEN="never closed
URL=postgres://u:p@h/d?x=1
"""
AS_NODE_READS_IT = {
    "PLAIN": "value",
    "EXPORTED": "exported",
    "SPACED": "spaced",
    "EMPTY": "",
    "QUOTED": "two words",
    "SINGLE": "it''s $HOME ${PLAIN}",
    "BACKTICK": "a \"b\" 'c'",
    "COMMENTED": "value",
    "GLUED": "value",
    "HASH": "a#b",
    "NEWLINE": "a\nb",
    "RAW": "a\\nb",
    "COLON": "yes",
    "MULTI": "first\nsecond",
    "TWICE": "2",
    "DOLLAR": "a${PLAIN}b",
    "JSON": '{"huggingface": {"slots": 2}}',
    "TAB": "a\\tb",
    "OPEN": '"never closed',
    "URL": "postgres://u:p@h/d?x=1",
}
"""What `dotenv` 16 of npm made of that text."""


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_file_means_what_it_means_to_node(line_end: str) -> None:
    assert parse(DOTENV.replace("\n", line_end)) == AS_NODE_READS_IT


def test_a_byte_order_mark_hides_nothing(folder: Path) -> None:
    (folder / ".env").write_bytes(b"\xef\xbb\xbfPORT='4001'\r\nexport REELWRIGHT_WORKERS=2 # two\r\n")
    assert (load_settings().port, load_settings().workers) == (4001, 2)


def test_a_tilde_is_the_home(folder: Path, env: SetEnvironment) -> None:
    env("HOME", str(folder / "home"))
    (folder / ".env").write_text("REELWRIGHT_DATA_DIR=~/videos\n")
    assert load_settings().data_dir == folder / "home" / "videos"
    assert load_settings(data_dir="~/x").data_dir == folder / "home" / "x"


@pytest.mark.parametrize("word", ["test", "staging", "Production", "development"])
def test_any_word_but_production_is_development(env: SetEnvironment, word: str) -> None:
    env("NODE_ENV", word)
    assert (load_settings().production, load_settings().log_as) == (False, "console")


def test_networks_are_listed(env: SetEnvironment) -> None:
    env("REELWRIGHT_ALLOWED_NETWORKS", "10.0.0.0/8, 192.168.1.7,fd00::/8")
    assert [str(network) for network in load_settings().allowed_networks] == [
        "10.0.0.0/8",
        "192.168.1.7/32",
        "fd00::/8",
    ]


def test_refused_words_stand_in_the_setting_or_in_a_file(env: SetEnvironment, folder: Path) -> None:
    env("REELWRIGHT_REFUSED_WORDS", "gore, red button,")
    assert load_settings().refused_words == ("gore", "red button")
    (folder / "words").write_text("# a remark\n\ngore\nnever, ever\n")
    env("REELWRIGHT_REFUSED_WORDS", f"@{folder / 'words'}")
    assert load_settings().refused_words == ("gore", "never, ever")
    env("REELWRIGHT_REFUSED_WORDS", "@/nowhere/words")
    assert "REELWRIGHT_REFUSED_WORDS: the file '/nowhere/words' cannot be read" in refused()


def test_the_providers_keys_are_told_by_their_own_names_but_not_our_clients(env: SetEnvironment) -> None:
    for name in PROVIDERS:
        env(name, f"the key of {name}")
    assert load_settings().provider_keys == {name: f"the key of {name}" for name in PROVIDERS}
    env("REPLICATE_API_TOKEN", "a-key-of-this-server")
    env("REELWRIGHT_API_KEYS", "another-key-of-it,a-key-of-this-server")
    assert set(load_settings().provider_keys) == PROVIDERS - {"REPLICATE_API_TOKEN"}
