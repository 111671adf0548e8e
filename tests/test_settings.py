from __future__ import annotations

import pickle

from provenance.oci.registry import Registry
from provenance.settings import Settings

SECRET = Settings(proxies={"https": "http://user:s3cret@proxy.example:3128"}, workers=3)


def test_a_proxy_s_password_stays_on_this_machine() -> None:
    for value in (SECRET, Registry(settings=SECRET)):
        raw = pickle.dumps(value)
        assert b"s3cret" not in raw
        again = pickle.loads(raw)
        settings = again.settings if isinstance(again, Registry) else again
        assert settings.proxies == {"https": "http://proxy.example:3128"}
        assert settings.workers == 3


def test_settings_without_secrets_stay_what_they_are() -> None:
    plain = Settings(timeout=7, plain_http=("a:5000",), proxies={"http": "http://p:1"})
    assert pickle.loads(pickle.dumps(plain)) == plain
